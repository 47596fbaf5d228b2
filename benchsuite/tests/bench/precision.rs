//! Narrow number formats: they learn as fp32 does, and fp16 gets over gradients that are too large for it.

use serde_json::Value;

use crate::run::{losses, numbers, train, train_model};

/// The mean of the last ten losses.
fn end(document: &Value) -> f64 {
    let losses = losses(document);
    losses[losses.len() - 10..].iter().sum::<f64>() / 10.0
}

/// 300 steps. bf16 keeps 8 bits of mantissa and fp16 11: an activation is off by 0.4 % and 0.05 %, which is noise among
/// 256 tokens. Runs that differ by noise alone end within 2 % of each other, as two seeds of the batches do. fp8 keeps 4
/// bits of what products take, and 3 of gradients: 5 %.
#[test]
fn three_hundred_steps_end_where_fp32_does() {
    let with = |precision: &str| {
        train(&["--micro-batch", "8", "--steps", "300", "--lr", "3e-3", "--precision", precision])
    };
    let fp32 = end(&with("fp32"));
    assert!(fp32 < 2.0, "it has learned: {fp32}");
    for (precision, margin) in [("bf16", 0.02), ("fp16", 0.02), ("fp8", 0.05)] {
        let document = with(precision);
        let difference = (end(&document) / fp32 - 1.0).abs();
        assert!(difference < margin, "{precision}: {} and {fp32}", end(&document));
        assert_eq!(document["config"]["precision"], precision);
    }
}

/// A scale far too large: gradients overflow, steps are left out and the scale halved until they do not, and training
/// goes on as if it had begun there.
#[test]
fn an_overflow_of_fp16_is_left_out_and_got_over() {
    let options = ["--micro-batch", "8", "--precision", "fp16", "--loss-scale", "1e8"];
    for shared in
        [&["--nproc", "1"][..], &["--nproc", "2", "--pp", "2"], &["--nproc", "2", "--tp", "2"]]
    {
        let document = train_model("llama", &[&options[..], shared].concat());
        let skipped = document["skipped_steps"].as_u64().unwrap();
        assert!((1..15).contains(&skipped), "{skipped}");
        let norms = numbers(&document, "gradient_norms");
        let finite = norms.iter().filter(|norm| norm.is_finite()).count() as u64;
        assert_eq!(finite, 20 - skipped, "{norms:?}");
        let losses = losses(&document);
        assert!(losses[19] < losses[0] - 0.1, "{losses:?}");
    }
}

#[test]
fn eight_bits_train_however_they_are_scaled_and_shared() {
    let alone = train_model("llama", &["--micro-batch", "8", "--ffn", "96"]);
    for shared in [
        &["--nproc", "1"][..],
        &["--fp8-scaling", "row"],
        &["--recompute", "full"],
        &["--nproc", "2", "--tp", "2", "--kv-heads", "4"],
        &["--nproc", "2", "--zero", "3"],
    ] {
        let options = ["--micro-batch", "8", "--ffn", "96", "--precision", "fp8"];
        let narrow = train_model("llama", &[&options[..], shared].concat());
        let (narrow, wide) = (losses(&narrow), losses(&alone));
        assert!((narrow[0] - wide[0]).abs() < 0.02, "{shared:?}: {} and {}", narrow[0], wide[0]);
        assert!(narrow[19] < narrow[0] - 0.3, "{shared:?}: {narrow:?}");
    }
}

#[test]
fn sixteen_bits_train_alike_however_they_are_shared() {
    for precision in ["bf16", "fp16"] {
        let alone = train_model("llama", &["--micro-batch", "8", "--precision", precision]);
        for zero in ["0", "2", "3"] {
            let options = ["--micro-batch", "4", "--nproc", "2", "--precision", precision];
            let two = train_model("llama", &[&options[..], &["--zero", zero]].concat());
            for (l, r) in losses(&two).iter().zip(losses(&alone)) {
                // Roundings of activations do not depend on the batch, those of sums of gradients do.
                assert!(((l - r) / r).abs() < 5e-4, "{precision} ZeRO-{zero}: {l} and {r}");
            }
        }
    }
}
