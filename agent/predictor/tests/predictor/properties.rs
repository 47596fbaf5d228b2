//! What holds of all jobs that can be.

use perfagent_predictor::Job;
use proptest::prelude::*;
use serde_json::json;

use crate::jobs::{answer, check, formulas, job, states};

/// Jobs whose degrees and batch multiply out, of every framework and of GPUs of every generation.
fn jobs() -> impl Strategy<Value = Job> {
    let frameworks = prop::sample::select(vec![
        "nanotron",
        "megatron",
        "nemo",
        "megatron-deepspeed",
        "deepspeed",
        "fsdp",
        "llm.c",
        "pytorch",
    ]);
    let gpus =
        prop::sample::select(vec!["V100-32GB", "T4", "A100-80GB", "H100-80GB", "H200", "B200"]);
    let degree = || prop::sample::select(vec![1_u64, 2, 4]);
    let machines = (gpus, frameworks, degree(), degree(), degree(), degree());
    let shape = (
        1_u64..13,
        2_u64..9,
        prop::sample::select(vec![64_u64, 128]),
        any::<bool>(),
        any::<bool>(),
        0_u64..3,
    );
    let run = (
        1_u64..9,
        1_u64..9,
        0_u64..4,
        prop::sample::select(vec!["none", "selective", "full"]),
        any::<bool>(),
        prop::sample::select(vec!["fp32", "fp16"]),
        prop::sample::select(vec![512_u64, 2048, 8192]),
    );
    (machines, shape, run).prop_map(|(machines, shape, run)| {
        let (gpu, framework, dp, tp, pp, cp) = machines;
        let (layers, width, head, gated, tied, experts) = shape;
        let (micro, passes, zero, recompute, flash, precision, seq) = run;
        let world = dp * tp * pp * cp;
        let on_node = world.min(8);
        let experts = (experts > 0).then_some(8 * experts);
        job(json!({
            "cluster": {"gpu": gpu, "gpus_per_node": on_node, "nodes": world / on_node},
            "model": {"arch": if gated { "llama" } else { "gpt" }, "layers": 4 * layers, "hidden": 4 * width * head,
                "ffn": 16 * width * head, "gated_mlp": gated, "heads": 4 * width, "kv_heads": 4, "vocab": 32_000,
                "tied_embeddings": tied, "seq": seq, "params": 7e9, "experts": experts, "top_k": 2},
            "run": {"framework": framework, "global_batch": micro * passes * dp, "micro_batch": micro, "grad_accum": passes,
                "dp": dp, "tp": tp, "pp": pp, "cp": cp, "ep": 1, "zero": zero, "sequence_parallel": true,
                "precision": precision, "recompute": recompute, "flash_attention": flash}
        }))
    })
}

fn peak(job: &Job) -> f64 {
    answer(job).peak_mem_bytes.unwrap().p50
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_possible_job_is_answered_with_finite_figures_that_add_up(job in jobs()) {
        check(&job, &answer(&job));
    }

    #[test]
    fn memory_grows_with_the_micro_batch(job in jobs()) {
        let mut last = 0.0;
        for micro in [1, 2, 4, 8] {
            let mut job = job.clone();
            job.run.micro_batch = Some(micro);
            job.run.global_batch = Some(micro * job.run.grad_accum.unwrap() * job.run.dp.unwrap());
            let peak = formulas(&answer(&job).memory_breakdown.unwrap());
            prop_assert!(peak >= last, "micro-batch {micro}: {peak} after {last}");
            last = peak;
        }
    }

    #[test]
    fn states_shrink_with_the_zero_stage_and_with_the_ranks(job in jobs()) {
        let of = |zero: u64, dp: u64| {
            let mut job = job.clone();
            job.run.zero = Some(zero);
            job.run.dp = Some(dp);
            // Of several stages the fullest is told, which can be another one when states shrink.
            job.run.pp = Some(1);
            job.run.global_batch = Some(job.run.micro_batch.unwrap() * job.run.grad_accum.unwrap() * dp);
            let world = dp * job.run.tp.unwrap() * job.run.pp.unwrap() * job.run.cp.unwrap();
            job.cluster.gpus_per_node = Some(world.min(8));
            job.cluster.nodes = Some(world / world.min(8));
            states(&job)
        };
        for dp in [2, 4, 8] {
            for zero in 0..3 {
                prop_assert!(of(zero + 1, dp) < of(zero, dp));
            }
            for zero in 1..4 {
                prop_assert!(of(zero, 2 * dp) < of(zero, dp));
            }
            prop_assert!((of(0, 2 * dp) / of(0, dp) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn more_recomputation_never_needs_more_memory(job in jobs()) {
        let of = |recompute: &str| {
            let mut job = job.clone();
            job.run.recompute = Some(recompute.to_owned());
            peak(&job)
        };
        prop_assert!(of("selective") <= of("none"));
        prop_assert!(of("full") <= of("selective"));
    }

    #[test]
    fn twice_the_global_batch_takes_no_shorter_step(job in jobs()) {
        let twice = |factor: u64| {
            let mut job = job.clone();
            job.run.grad_accum = job.run.grad_accum.map(|passes| factor * passes);
            job.run.global_batch = job.run.global_batch.map(|batch| factor * batch);
            answer(&job).step_s.unwrap().p50
        };
        prop_assert!(twice(2) >= twice(1));
    }
}

#[test]
fn recomputing_the_only_layer_of_a_stage_saves_nothing_and_costs_nothing() {
    let of = |recompute: &str| {
        peak(&job(json!({
            "cluster": {"gpu": "H100-80GB", "gpus_per_node": 4, "nodes": 1},
            "model": {"arch": "llama", "layers": 4, "hidden": 4096, "heads": 32, "vocab": 32_000, "seq": 4096, "params": 1e9},
            "run": {"framework": "megatron", "global_batch": 1, "micro_batch": 1, "pp": 4, "recompute": recompute}
        })))
    };
    assert!(of("full") <= of("none"));
}

/// Factors are of single micro-batches, and may turn two sizes around that formulas put in order: by little.
#[test]
fn factors_of_micro_batches_hardly_turn_the_order_around() {
    for framework in ["nanotron", "megatron", "nemo", "megatron-deepspeed", "deepspeed", "fsdp"] {
        for (hidden, tp) in
            [2048, 4096, 8192].into_iter().flat_map(|hidden| [1, 4, 8].map(|tp| (hidden, tp)))
        {
            let mut last = 0.0;
            for micro in [1, 2, 3, 4, 6, 8, 12, 16] {
                let peak = peak(&job(json!({
                    "cluster": {"gpu": "H100-80GB", "gpus_per_node": 8, "nodes": 1},
                    "model": {"arch": "llama", "layers": 24, "hidden": hidden, "heads": 32, "vocab": 50_368, "seq": 2048},
                    "run": {"framework": framework, "micro_batch": micro, "grad_accum": 4, "dp": 8 / tp, "tp": tp, "zero": 1,
                        "precision": "bf16", "recompute": "none", "flash_attention": true}
                })));
                assert!(
                    peak > 0.97 * last,
                    "{framework}, width {hidden}, tp {tp}, micro-batch {micro}: {peak} after {last}"
                );
                last = peak;
            }
        }
    }
}
