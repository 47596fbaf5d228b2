//! Plans: what is suggested fits, multiplies out and is worth it.

use perfagent_predictor::plan::{Observed, Plan, Wishes, plan};
use perfagent_predictor::{Job, Prediction};

use crate::jobs::{llama, predictor, small};

fn wishes() -> Wishes {
    Wishes { gpus: None, nodes: None, memory_limit: None, most_oom: 0.05 }
}

fn planned(job: &Job, wishes: &Wishes) -> Plan {
    plan(predictor(), job, Observed::default(), wishes).unwrap()
}

/// GPUs that the degrees of an arrangement take, and sequences of its step.
fn multiplied(run: &perfagent_predictor::Run) -> (u64, u64) {
    let of = |value: Option<u64>| value.unwrap_or(1);
    (
        of(run.dp) * of(run.tp) * of(run.pp) * of(run.cp),
        of(run.micro_batch) * of(run.grad_accum) * of(run.dp),
    )
}

/// Llama under a framework, with so many key-value heads.
fn variants() -> Vec<Job> {
    let mut jobs = vec![small()];
    for framework in ["megatron", "nanotron", "megatron-deepspeed", "fsdp", "nemo"] {
        let mut job = llama();
        job.run.framework = Some(framework.to_owned());
        jobs.push(job);
    }
    let mut few = llama();
    few.model.kv_heads = Some(2);
    few.run.tp = Some(2);
    few.run.dp = Some(32);
    few.run.grad_accum = Some(8);
    jobs.push(few);
    jobs
}

#[test]
fn every_suggestion_fits_and_multiplies_out_with_the_same_global_batch() {
    for job in variants() {
        for limit in [None, Some(40e9)] {
            let wishes = Wishes { memory_limit: limit, ..wishes() };
            let plan = planned(&job, &wishes);
            assert!(plan.considered > 0);
            for suggestion in &plan.suggestions {
                assert!(suggestion.oom_probability <= wishes.most_oom, "{suggestion:?}");
                let peak = suggestion.prediction.peak_mem_bytes.unwrap();
                assert!(peak.above(plan.memory_bytes) <= wishes.most_oom);
                let world = suggestion.job.cluster.gpus_per_node.unwrap()
                    * suggestion.job.cluster.nodes.unwrap();
                assert_eq!(multiplied(&suggestion.job.run), (world, job.run.global_batch.unwrap()));
                assert_eq!(suggestion.job.run.global_batch, job.run.global_batch);
                assert_eq!(suggestion.job.model, job.model);
                assert!(!suggestion.changes.is_empty());
                let change = suggestion.tokens_per_s_change_pct;
                assert!(change.p05 <= change.p50 && change.p50 <= change.p95, "{change:?}");
                // Slower ones are suggested only where the job as it is does not fit.
                let full =
                    plan.base_prediction.peak_mem_bytes.unwrap().above(plan.memory_bytes) > 0.5;
                assert!(change.p50 > 0.0 || full, "{change:?}");
            }
            for pair in plan.suggestions.windows(2) {
                assert!(pair[0].tokens_per_s_change_pct.p50 >= pair[1].tokens_per_s_change_pct.p50);
            }
            for run in plan.front.iter().map(|point| &point.run) {
                assert_eq!(multiplied(run).1, job.run.global_batch.unwrap());
            }
        }
    }
}

#[test]
fn the_front_is_sorted_and_nothing_on_it_is_beaten_in_both() {
    for job in variants() {
        let plan = planned(&job, &wishes());
        assert!(!plan.front.is_empty());
        for pair in plan.front.windows(2) {
            assert!(
                pair[0].peak_mem_bytes < pair[1].peak_mem_bytes
                    && pair[0].tokens_per_s < pair[1].tokens_per_s,
                "{pair:?}"
            );
        }
        assert!(plan.front.iter().all(|point| point.oom_probability <= 0.05));
        // Nothing that is suggested is faster than the front's fastest.
        let fastest = plan.front.last().unwrap().tokens_per_s;
        for suggestion in &plan.suggestions {
            assert!(suggestion.prediction.tokens_per_s.unwrap().p50 <= fastest * (1.0 + 1e-12));
        }
    }
}

#[test]
fn no_tensor_parallel_degree_splits_a_head_of_keys() {
    for job in variants() {
        let plan = planned(&job, &wishes());
        let heads = job.model.kv_heads.unwrap();
        let suggested = plan.suggestions.iter().map(|suggestion| &suggestion.job.run);
        for run in suggested.chain(plan.front.iter().map(|point| &point.run)) {
            assert_eq!(heads % run.tp.unwrap(), 0, "{run:?}");
        }
        if heads == 2 {
            let why = plan
                .rejected
                .iter()
                .find(|rejected| rejected.reason == "key-value heads not divisible")
                .unwrap();
            insta::assert_snapshot!(why.why, @"2 key-value heads cannot be split over tp 4");
        }
    }
}

fn width(prediction: &Prediction) -> (f64, f64) {
    let (step, peak) = (prediction.step_s.unwrap(), prediction.peak_mem_bytes.unwrap());
    (step.p95 / step.p05, peak.p95 / peak.p05)
}

#[test]
fn a_measured_job_is_predicted_as_measured_and_others_by_how_they_differ() {
    let predictor = predictor();
    for job in variants() {
        let before = predictor.predict(&job);
        let (step, peak) =
            (1.3 * before.step_s.unwrap().p50, 0.8 * before.peak_mem_bytes.unwrap().p50);
        let anchor = predictor.anchor(&job, Some(step), Some(peak)).unwrap();
        let after = predictor.predict_beside(&anchor, &job);
        assert!((after.step_s.unwrap().p50 / step - 1.0).abs() < 1e-12);
        assert!((after.peak_mem_bytes.unwrap().p50 / peak - 1.0).abs() < 1e-12);
        crate::jobs::check(&job, &after);
        let (old, new) = (width(&before), width(&after));
        assert!(new.0 < old.0 && new.1 < old.1, "{old:?} to {new:?}: {job:?}");
        let mut other = job.clone();
        other.run.zero = Some(1 - job.run.zero.unwrap().min(1));
        let (plain, beside) =
            (predictor.predict(&other), predictor.predict_beside(&anchor, &other));
        let ratio = beside.step_s.unwrap().p50 / plain.step_s.unwrap().p50;
        assert!(ratio > 1.0 && ratio <= 1.3 + 1e-9, "{ratio}");
        let (old, new) = (width(&plain), width(&beside));
        let narrower = |new: f64, old: f64| new <= old * (1.0 + 1e-9);
        assert!(narrower(new.0, old.0) && narrower(new.1, old.1), "{old:?} to {new:?}: {other:?}");
    }
}

#[test]
fn a_plan_knows_the_measured_job_again_though_it_states_more_of_it() {
    let mut job = llama();
    (job.run.grad_accum, job.run.dp, job.run.cp) = (None, None, None);
    let step = predictor().predict(&job).step_s.unwrap().p50;
    let observed = Observed { step_s: Some(step), ..Observed::default() };
    let plan = plan(predictor(), &job, observed, &wishes()).unwrap();
    let interval = plan.base_prediction.step_s.unwrap();
    assert!(plan.measured && (interval.p50 / step - 1.0).abs() < 1e-12);
    assert!(interval.p95 / interval.p05 < 1.11, "{interval:?}");
}

#[test]
fn only_what_was_measured_is_anchored() {
    let (predictor, job) = (predictor(), llama());
    let before = predictor.predict(&job);
    let anchor = predictor.anchor(&job, Some(10.0), None).unwrap();
    let after = predictor.predict_beside(&anchor, &job);
    assert_eq!(after.peak_mem_bytes, before.peak_mem_bytes);
    let nothing = predictor.anchor(&job, Some(0.0), Some(-1.0)).unwrap();
    assert_eq!(predictor.predict_beside(&nothing, &job), before);
}

#[test]
fn wishes_that_cannot_be_are_refused_in_one_line() {
    let told = |gpus: Option<u64>, nodes: Option<u64>, job: &Job| {
        let wishes = Wishes { gpus, nodes, ..wishes() };
        plan(predictor(), job, Observed::default(), &wishes)
            .map(|plan| plan.considered)
            .unwrap_err()
            .to_string()
    };
    let mut huge = llama();
    (huge.cluster.gpus_per_node, huge.cluster.nodes) = (Some(u64::MAX), Some(2));
    let mut wide = llama();
    (wide.run.tp, wide.run.pp) = (Some(u64::MAX), Some(2));
    let mut batch = llama();
    (batch.run.micro_batch, batch.run.global_batch) = (Some(u64::MAX), None);
    let lines = [
        told(Some(12), Some(8), &llama()),
        told(Some(64), Some(0), &llama()),
        told(Some(6), Some(1), &llama()),
        told(Some(96), None, &llama()),
        told(None, None, &Job::default()),
        told(None, None, &huge),
        told(None, None, &wide),
        told(None, None, &batch),
    ];
    assert!(lines.iter().all(|line| !line.contains('\n')));
    insta::assert_snapshot!(
        lines.map(|line| line.split("; known are").next().unwrap().to_owned()).join("\n")
    );
}
