//! What can be worked out by hand.

use perfagent_predictor::{Group, Job};
use serde_json::json;

use crate::jobs::{answer, job, llama, part, small, states};

fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-9, "{value} is not {expected}");
}

#[test]
fn parameters_of_well_known_models_come_out_of_their_shapes() {
    let model = |model| job(json!({"model": model})).parameters().unwrap();
    // GPT-2 124M with its 1024 positions.
    near(
        model(
            json!({"arch": "gpt2", "layers": 12, "hidden": 768, "heads": 12, "vocab": 50257, "seq": 1024}),
        ),
        124_439_808.0,
    );
    let llama = |layers, hidden, ffn, heads| {
        model(
            json!({"arch": "llama", "layers": layers, "hidden": hidden, "ffn": ffn, "heads": heads, "kv_heads": 8,
            "vocab": 128_256, "seq": 8192}),
        )
    };
    near(llama(32, 4096, 14336, 32), 8_030_261_248.0);
    near(llama(80, 8192, 28672, 64), 70_553_706_496.0);
}

#[test]
fn parameters_of_mixtures_of_experts_come_out_of_their_shapes() {
    let model = |model| job(json!({"model": model})).parameters().unwrap();
    let qwen = model(
        json!({"arch": "qwen3-moe", "layers": 48, "hidden": 2048, "ffn": 768, "heads": 32, "kv_heads": 4,
        "vocab": 151_936, "seq": 4096, "experts": 128, "top_k": 8}),
    );
    assert!((qwen / 30.53e9 - 1.0).abs() < 0.002, "{qwen}");
    let deepseek = model(
        json!({"arch": "deepseek-v3", "layers": 61, "hidden": 7168, "ffn": 2048, "heads": 128,
        "kv_heads": 128, "vocab": 129_280, "seq": 4096, "experts": 256, "top_k": 8}),
    );
    assert!((deepseek / 671e9 - 1.0).abs() < 0.02, "{deepseek}");
}

#[test]
fn a_ring_all_reduce_sends_every_byte_twice_but_for_the_own_share() {
    for ranks in [2.0, 3.0, 8.0, 512.0] {
        let group = Group { size: ranks, rate: 50e9, latency: 0.0 };
        near(group.reduce(1e9), 2.0 * (ranks - 1.0) / ranks * 1e9 / 50e9);
        near(group.gather(1e9), (ranks - 1.0) / ranks * 1e9 / 50e9);
    }
    let alone = Group { size: 1.0, rate: 50e9, latency: 1e-3 };
    assert!(alone.reduce(1e9) == 0.0);
    let slow = Group { size: 2.0, rate: 50e9, latency: 1e-3 };
    near(slow.reduce(0.0), 2e-3);
}

#[test]
fn more_micro_batches_make_no_longer_bubble() {
    let staged = |passes: u64| {
        let mut job = llama();
        (job.run.pp, job.run.dp) = (Some(4), Some(4));
        (job.run.grad_accum, job.run.global_batch) = (Some(passes), Some(4 * passes));
        answer(&job).time_breakdown.unwrap()
    };
    let (few, many) = (staged(8), staged(32));
    near(part(&many, "pipeline_bubble_s"), part(&few, "pipeline_bubble_s"));
    near(part(&many, "products_s"), 4.0 * part(&few, "products_s"));
}

/// Bytes a parameter of weights, gradients and optimizer.
fn bytes_a_parameter(change: impl Fn(&mut Job)) -> f64 {
    let mut job = small();
    change(&mut job);
    // All parameters but those of the last norm, which no stage is charged for.
    states(&job) / (job.parameters().unwrap() - 2048.0)
}

#[test]
fn zero_stages_leave_the_bytes_a_parameter_that_their_definition_says() {
    let stage = |zero: u64, grads: &str| {
        bytes_a_parameter(|job| {
            job.run.zero = Some(zero);
            job.run.grad_dtype = Some(grads.to_owned());
        })
    };
    // DeepSpeed's BF16_Optimizer keeps gradients in 16 bits beside those in fp32.
    let expected_single = [20.0, 8.0 + 12.0 / 8.0, 2.0 + 16.0 / 8.0, 18.0 / 8.0];
    let expected_half = [16.0, 4.0 + 12.0 / 8.0, 2.0 + 14.0 / 8.0, 16.0 / 8.0];
    for zero in 0..4 {
        near(stage(zero, "fp32"), expected_single[zero as usize]);
        near(stage(zero, "bf16"), expected_half[zero as usize]);
    }
}

#[test]
fn precision_optimizer_and_offload_change_the_bytes_a_parameter() {
    let with = |change: fn(&mut Job)| {
        bytes_a_parameter(|job| {
            job.run.grad_dtype = Some("bf16".to_owned());
            change(job);
        })
    };
    near(with(|job| job.run.optimizer = Some("adamw_8bit".to_owned())), 2.0 + 2.0 + 4.0 + 2.0);
    near(with(|job| job.run.optimizer = Some("sgd".to_owned())), 2.0 + 2.0 + 4.0 + 4.0);
    near(with(|job| job.run.offload = Some("optimizer".to_owned())), 2.0 + 2.0);
    near(
        bytes_a_parameter(|job| {
            (job.run.precision, job.run.grad_dtype) = (Some("fp32".to_owned()), None);
        }),
        16.0,
    );
}

#[test]
fn tokens_a_second_are_those_of_the_step() {
    let prediction = answer(&llama());
    let (step, tokens) = (prediction.step_s.unwrap(), prediction.tokens_per_s.unwrap());
    near(tokens.p50, 256.0 * 4096.0 / step.p50);
    near(tokens.p05, 256.0 * 4096.0 / step.p95);
    near(tokens.p95, 256.0 * 4096.0 / step.p05);
}
