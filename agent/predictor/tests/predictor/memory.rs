//! Facts about memory that frameworks' own rules decide.

use perfagent_predictor::{Job, Prediction, Predictor};
use serde_json::{Value, json};

fn predict(framework: &str, run: &Value) -> Prediction {
    let mut job = json!({
        "cluster": {"gpu": "H100", "gpus_per_node": 8, "nodes": 2},
        "model": {"arch": "llama", "layers": 16, "hidden": 2048, "ffn": 8192, "gated_mlp": true, "heads": 32, "kv_heads": 32,
            "vocab": 131_072, "tied_embeddings": true, "seq": 4096},
        "run": {"framework": framework, "precision": "bf16", "recompute": "none", "flash_attention": true}});
    let own = job["run"].as_object_mut().unwrap();
    own.extend(run.as_object().unwrap().clone());
    let job: Job = serde_json::from_value(job).unwrap();
    let prediction = Predictor::built_in().unwrap().predict(&job);
    assert_eq!(prediction.refused, None);
    prediction
}

/// The last of two stages holds logits of 32,768 tokens: 2 bytes of each alone are 8.6 GB, and at the loss it holds several
/// copies. Nanotron's printed peak has none of them, the odds of running out do.
#[test]
fn nanotron_prints_the_first_stage_and_runs_out_on_the_fullest() {
    let run = json!({"dp": 8, "tp": 1, "pp": 2, "micro_batch": 8, "grad_accum": 1, "zero": 1, "grad_dtype": "fp32"});
    let prediction = predict("nanotron", &run);
    assert!(!prediction.memory_breakdown.unwrap().contains_key("logits_and_loss_bytes"));
    let note = prediction
        .assumed
        .iter()
        .find(|note| note.starts_with("peak_mem_bytes: of the first stage"));
    assert!(note.is_some(), "{:?}", prediction.assumed);
    let printed = prediction.peak_mem_bytes.unwrap();
    assert!(prediction.oom_probability.unwrap() > printed.above(79e9), "{printed:?}");

    let other = predict("megatron", &run);
    assert!(other.memory_breakdown.unwrap()["logits_and_loss_bytes"] > 8.6e9);
    assert!(!other.assumed.iter().any(|note| note.starts_with("peak_mem_bytes")));
}

/// One stage is the first and the fullest.
#[test]
fn without_stages_nothing_is_said_of_the_first() {
    let run = json!({"dp": 16, "micro_batch": 1, "grad_accum": 8, "zero": 1, "grad_dtype": "fp32"});
    let prediction = predict("nanotron", &run);
    assert!(!prediction.assumed.iter().any(|note| note.starts_with("peak_mem_bytes")));
}

/// `BF16_Optimizer` accumulates in fp32 and keeps the 16-bit gradients: 6 bytes a parameter, not 4.
#[test]
fn deepspeed_keeps_gradients_twice() {
    let parameters = 16.0 * (4.0 * 2048.0 * 2048.0 + 3.0 * 2048.0 * 8192.0) + 131_072.0 * 2048.0;
    for (framework, precision, dtype, bytes) in [
        ("deepspeed", "bf16", "fp32", 6.0),
        ("megatron-deepspeed", "bf16", "fp32", 6.0),
        ("deepspeed", "fp16", "fp32", 4.0),
        ("deepspeed", "bf16", "bf16", 2.0),
        ("megatron", "bf16", "fp32", 4.0),
    ] {
        let run = json!({"dp": 16, "micro_batch": 1, "grad_accum": 8, "zero": 1, "precision": precision, "grad_dtype": dtype});
        let gradients = predict(framework, &run).memory_breakdown.unwrap()["gradients_bytes"];
        let each = gradients / parameters;
        // Norms are parameters too.
        assert!((each / bytes - 1.0).abs() < 1e-3, "{framework} {precision} {dtype}: {each}");
    }
}
