//! Jobs for tests.

use std::sync::OnceLock;

use perfagent_predictor::{Breakdown, Job, Prediction, Predictor};
use serde_json::{Value, json};

/// The crate's own predictor; reading its constants takes longer than most tests.
pub(crate) fn predictor() -> &'static Predictor {
    static OWN: OnceLock<Predictor> = OnceLock::new();
    OWN.get_or_init(|| Predictor::built_in().unwrap())
}

/// A job of a JSON document.
pub(crate) fn job(document: Value) -> Job {
    serde_json::from_value(document).unwrap()
}

/// Llama 3 8B, 64 H100 of eight machines, every field stated.
pub(crate) fn llama() -> Job {
    job(line())
}

/// The same as a document.
pub(crate) fn line() -> Value {
    json!({
        "id": "llama",
        "cluster": {"gpu": "H100-80GB", "gpus_per_node": 8, "nodes": 8, "interconnect": "8 x 400 Gb/s InfiniBand"},
        "model": {"arch": "llama", "layers": 32, "hidden": 4096, "ffn": 14336, "gated_mlp": true, "heads": 32,
            "kv_heads": 8, "vocab": 128_256, "tied_embeddings": false, "seq": 4096, "params": null, "experts": null, "top_k": null},
        "run": {"framework": "megatron", "global_batch": 256, "micro_batch": 1, "grad_accum": 16, "dp": 16, "tp": 4, "pp": 1,
            "cp": 1, "ep": 1, "vpp": null, "zero": 1, "sequence_parallel": true, "precision": "bf16", "grad_dtype": "fp32",
            "optimizer": "adamw", "recompute": "none", "flash_attention": true, "offload": null}
    })
}

/// A small dense model on eight GPUs of one machine, under DeepSpeed.
pub(crate) fn small() -> Job {
    job(json!({
        "cluster": {"gpu": "A100-80GB", "gpus_per_node": 8, "nodes": 1},
        "model": {"arch": "llama", "layers": 24, "hidden": 2048, "ffn": 5632, "gated_mlp": true, "heads": 16, "kv_heads": 16,
            "vocab": 32_000, "tied_embeddings": false, "seq": 2048},
        "run": {"framework": "deepspeed", "global_batch": 64, "micro_batch": 1, "grad_accum": 8, "dp": 8, "tp": 1, "pp": 1,
            "zero": 0, "precision": "bf16", "grad_dtype": "fp32", "recompute": "none", "flash_attention": true}
    }))
}

/// The answer, which must not be a refusal.
pub(crate) fn answer(job: &Job) -> Prediction {
    let prediction = predictor().predict(job);
    assert_eq!(prediction.refused, None, "{job:?}");
    prediction
}

/// A part of a breakdown; nothing if it is not there.
pub(crate) fn part(breakdown: &Breakdown, name: &str) -> f64 {
    breakdown.get(name).copied().unwrap_or(0.0)
}

/// The sum of the formulas' parts, without what factors correct.
pub(crate) fn formulas(breakdown: &Breakdown) -> f64 {
    breakdown
        .iter()
        .filter(|(name, _)| !name.starts_with("corrections"))
        .map(|(_, part)| part)
        .sum()
}

/// Weights, gradients and optimizer of the answer, bytes.
pub(crate) fn states(job: &Job) -> f64 {
    let parts = answer(job).memory_breakdown.unwrap();
    ["weights_bytes", "gradients_bytes", "optimizer_bytes"]
        .iter()
        .map(|name| part(&parts, name))
        .sum()
}

/// What holds of every answer: either a refusal and nothing else, or finite figures that add up.
pub(crate) fn check(job: &Job, prediction: &Prediction) {
    if let Some(why) = &prediction.refused {
        assert!(prediction.step_s.is_none() && prediction.memory_breakdown.is_none(), "{why}");
        assert!(!why.contains('\n'), "{why}");
        assert!(
            ["cluster.", "model.", "run."].iter().any(|part| why.contains(part)),
            "names no field: {why}"
        );
        return;
    }
    let (step, peak) = (prediction.step_s.unwrap(), prediction.peak_mem_bytes.unwrap());
    for interval in [step, peak, prediction.tokens_per_s.unwrap()] {
        let ends = [interval.p05, interval.p50, interval.p95];
        assert!(ends.iter().all(|end| end.is_finite() && *end > 0.0), "{ends:?} of {job:?}");
        assert!(
            interval.p05 <= interval.p50 && interval.p50 <= interval.p95,
            "{ends:?} of {job:?}"
        );
    }
    match prediction.oom_probability {
        Some(oom) => assert!((0.0..=1.0).contains(&oom), "{oom} of {job:?}"),
        // Nobody said how much memory there is.
        None => assert_eq!(job.cluster.gpu.as_deref(), Some("cpu")),
    }
    for (parts, whole) in [(&prediction.time_breakdown, step), (&prediction.memory_breakdown, peak)]
    {
        let parts = parts.as_ref().unwrap();
        let negative =
            |(name, part): (&String, &f64)| !name.starts_with("corrections") && *part <= 0.0;
        assert!(!parts.iter().any(negative), "{parts:?} of {job:?}");
        let sum: f64 = parts.values().sum();
        assert!((sum / whole.p50 - 1.0).abs() < 1e-9, "{sum} is not {} of {job:?}", whole.p50);
    }
}
