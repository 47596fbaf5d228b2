//! A fused loss and captured graphs: what they change, and when they are suggested.

use perfagent_predictor::Job;
use perfagent_predictor::plan::{Observed, Plan, Wishes, plan};

use crate::jobs::{answer, check, part, predictor, small};

/// A small model in plain PyTorch, whose layers take the GPU less time than the host.
fn launched() -> Job {
    let mut job = small();
    job.run.framework = Some("pytorch".to_owned());
    (job.model.hidden, job.model.ffn, job.model.heads) = (Some(512), Some(1408), Some(8));
    job.model.kv_heads = Some(8);
    job.model.seq = Some(512);
    job
}

fn planned(job: &Job) -> Plan {
    let wishes = Wishes { gpus: None, nodes: None, memory_limit: None, most_oom: 0.05 };
    plan(predictor(), job, Observed::default(), &wishes).unwrap()
}

fn switched(job: &Job, fused: bool, graphs: bool) -> Job {
    let mut job = job.clone();
    (job.run.fused_loss, job.run.cuda_graphs) = (Some(fused), Some(graphs));
    job
}

#[test]
fn a_fused_loss_keeps_the_logits_of_a_chunk_and_spares_their_traffic() {
    let of = |fused: bool| {
        // So much is kept for the backward pass that the peak is at the loss with and without.
        let mut job = switched(&small(), fused, false);
        (job.run.micro_batch, job.run.grad_accum, job.run.zero) = (Some(8), Some(1), Some(1));
        let answer = answer(&job);
        check(&job, &answer);
        (answer.memory_breakdown.unwrap(), answer.time_breakdown.unwrap())
    };
    let ((whole, slow), (chunk, fast)) = (of(false), of(true));
    // 8 · 2048 tokens by 32,000 words; 16 chunks, for 32,000 are 15.6 times the width of 2048; 2 bytes each.
    let kept = 2.0 * 8.0 * 2048.0 * 32_000.0 / 16.0;
    assert!((part(&chunk, "logits_and_loss_bytes") / kept - 1.0).abs() < 1e-12);
    assert!(part(&whole, "logits_and_loss_bytes") > 10.0 * kept);
    assert!(part(&fast, "head_s") < part(&slow, "head_s"));
    for part_of in ["weights_bytes", "gradients_bytes", "optimizer_bytes", "activations_bytes"] {
        assert!((part(&whole, part_of) - part(&chunk, part_of)).abs() < 1.0, "{part_of}");
    }
    for part_of in ["products_s", "attention_s", "memory_bound_s", "optimizer_s"] {
        assert!((part(&slow, part_of) - part(&fast, part_of)).abs() < 1e-12, "{part_of}");
    }
}

#[test]
fn graphs_take_away_the_launches_and_nothing_else() {
    let of = |graphs: bool| {
        let job = switched(&launched(), false, graphs);
        let answer = answer(&job);
        check(&job, &answer);
        answer.time_breakdown.unwrap()
    };
    let (plain, graphs) = (of(false), of(true));
    assert!(
        part(&plain, "host_bound_s") > 5.0 * part(&graphs, "host_bound_s"),
        "{plain:?} {graphs:?}"
    );
    for name in ["products_s", "attention_s", "memory_bound_s", "head_s", "optimizer_s", "fixed_s"]
    {
        assert!((part(&plain, name) - part(&graphs, name)).abs() < 1e-12, "{name}");
    }
}

#[test]
fn what_is_not_stated_is_off() {
    for job in [small(), launched()] {
        assert_eq!(answer(&job), answer(&switched(&job, false, false)));
    }
}

#[test]
fn both_are_suggested_where_they_bring_something_and_never_where_they_are_on() {
    let suggested = |job: &Job, field: &str| {
        let plan = planned(job);
        plan.suggestions
            .iter()
            .any(|suggestion| suggestion.changes.iter().any(|change| change.field == field))
    };
    assert!(suggested(&launched(), "cuda_graphs"));
    let mut wide = launched();
    wide.model.vocab = Some(256_000);
    assert!(suggested(&wide, "fused_loss"));
    for job in [switched(&launched(), true, true), switched(&wide, true, true)] {
        let plan = planned(&job);
        for suggestion in &plan.suggestions {
            assert!(
                suggestion.job.run.fused_loss == Some(true)
                    && suggestion.job.run.cuda_graphs == Some(true)
            );
            assert!(
                suggestion
                    .changes
                    .iter()
                    .all(|change| !["fused_loss", "cuda_graphs"].contains(&change.field.as_str()))
            );
        }
        assert!(
            !plan.beyond.iter().any(|what| what.contains("graphs") || what.contains("logits")),
            "{:?}",
            plan.beyond
        );
    }
}

#[test]
fn a_switch_that_brings_nothing_is_no_change() {
    // Long layers hide every launch.
    let mut job = small();
    job.run.framework = Some("pytorch".to_owned());
    (job.model.hidden, job.model.ffn, job.model.heads) = (Some(8192), Some(22016), Some(64));
    (job.model.kv_heads, job.model.layers, job.run.zero) = (Some(64), Some(8), Some(1));
    let plan = planned(&job);
    let runs = plan.suggestions.iter().map(|suggestion| &suggestion.job.run);
    for run in runs.chain(plan.front.iter().map(|point| &point.run)) {
        assert_ne!(run.cuda_graphs, Some(true), "{run:?}");
    }
}

#[test]
fn graphs_of_what_changes_are_rejected() {
    let reason = |job: &Job| {
        let plan = planned(job);
        let rejected =
            plan.rejected.iter().find(|rejected| rejected.reason == "graphs of what changes");
        rejected.map(|rejected| rejected.why.clone())
    };
    let mut experts = launched();
    (experts.model.experts, experts.model.top_k) = (Some(8), Some(2));
    assert_eq!(
        reason(&experts).unwrap(),
        "an expert's tokens are other ones in every step, so its shapes cannot be captured"
    );
    // Whoever cannot capture is not told that this and that cannot be captured, but what graphs would bring.
    let mut deepspeed = launched();
    deepspeed.run.framework = Some("deepspeed".to_owned());
    assert_eq!(reason(&deepspeed), None);
    assert!(planned(&deepspeed).beyond.iter().any(|what| what.starts_with("CUDA graphs")));
}
