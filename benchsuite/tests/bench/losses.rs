//! The same training however it is split over ranks, micro-batches and shards.

use std::sync::OnceLock;

use serde_json::Value;

use crate::run::{losses, train};

/// One rank, eight sequences a step: what every split is compared with.
fn reference() -> &'static Value {
    static RUN: OnceLock<Value> = OnceLock::new();
    RUN.get_or_init(|| train(&["--micro-batch", "8"]))
}

#[track_caller]
fn assert_same_losses(left: &Value, right: &Value) {
    let (left, right) = (losses(left), losses(right));
    assert_eq!((left.len(), right.len()), (20, 20));
    for (step, (l, r)) in left.iter().zip(&right).enumerate() {
        assert!(((l - r) / r).abs() <= 1e-4, "step {step}: {l} and {r}");
    }
}

#[test]
fn two_ranks_train_like_one_with_twice_the_batch() {
    let two = train(&["--micro-batch", "4", "--nproc", "2"]);
    assert_same_losses(&two, reference());
    assert_eq!(two["world_size"], 2);
    assert_eq!(two["tokens_per_step"], reference()["tokens_per_step"]);
    let ranks = two["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), 2);
    for rank in ranks {
        let steps = rank["step_ns"].as_array().unwrap();
        assert_eq!(steps.len(), 20);
        assert!(steps.iter().all(|ns| ns.as_u64().unwrap() > 0));
    }
}

#[test]
fn small_buckets_reduce_every_gradient() {
    let two = train(&["--micro-batch", "4", "--nproc", "2", "--bucket-bytes", "1000"]);
    assert_same_losses(&two, reference());
}

#[test]
fn accumulation_trains_like_one_large_batch_also_on_two_ranks() {
    let one = train(&["--micro-batch", "2", "--accumulate", "4"]);
    assert_same_losses(&one, reference());
    let two = train(&["--micro-batch", "2", "--accumulate", "2", "--nproc", "2"]);
    assert_same_losses(&two, reference());
}

#[test]
fn three_ranks_share_weights_that_three_does_not_divide() {
    let three = train(&["--micro-batch", "2", "--nproc", "3", "--zero", "1"]);
    let one = train(&["--micro-batch", "6"]);
    assert_ne!(one["params"].as_i64().unwrap() % 3, 0, "a size that needs padding");
    assert_same_losses(&three, &one);
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(losses(&train(&["--micro-batch", "8"])), losses(reference()));
    assert_ne!(losses(&train(&["--micro-batch", "8", "--seed", "2"])), losses(reference()));
}

#[test]
fn the_document_counts_parameters_gradients_and_operations() {
    let document = reference();
    // L(12h² + 13h) + Vh + sh + 2h by hand.
    let params = 2 * (12 * 32 * 32 + 13 * 32) + 320 * 32 + 32 * 32 + 2 * 32;
    assert_eq!(document["schema"], "perfagent.bench/1");
    assert_eq!(document["params"], params);
    assert_eq!(document["gradient_bytes"], 4 * params);
    assert_eq!(document["tokens_per_step"], 8 * 32);
    let flops = f64::from((6 * params + 12 * 2 * 32 * 32) * 8 * 32);
    assert_eq!(document["flops_per_step"], flops);
}
