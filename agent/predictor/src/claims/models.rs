//! Models and machines that the pages speak of, and figures of their predictions.

use crate::job::{Cluster, Job, Model, Run};
use crate::prediction::{Breakdown, Prediction};
use crate::predictor::Predictor;

/// A dense model: architecture, layers, width, its feed-forward network's, heads, those of keys, vocabulary, length.
fn dense(arch: &str, sizes: [u64; 7]) -> Model {
    let [layers, hidden, ffn, heads, kv_heads, vocab, seq] = sizes.map(Some);
    let gated = arch == "llama";
    Model {
        arch: Some(arch.to_owned()),
        layers,
        hidden,
        ffn,
        gated_mlp: Some(gated),
        heads,
        kv_heads,
        vocab,
        tied_embeddings: Some(!gated),
        seq,
        ..Model::default()
    }
}

/// GPT-3's shape for 1.3 billion parameters, with so many layers (24 of them).
pub(super) fn gpt_1b3(layers: u64) -> Model {
    dense("gpt", [layers, 2048, 8192, 16, 16, 50257, 2048])
}

/// GPT-3.
pub(super) fn gpt_175b() -> Model {
    dense("gpt", [96, 12288, 49152, 96, 96, 50257, 2048])
}

/// MPT 7B.
pub(super) fn mpt_7b() -> Model {
    dense("mpt", [32, 4096, 16384, 32, 32, 50368, 2048])
}

/// Llama 3.2 1B with a head of its own, Llama 3 8B and 70B.
pub(super) fn llamas() -> [(&'static str, Model); 3] {
    [
        ("1B", dense("llama", [16, 2048, 8192, 32, 8, 128_256, 8192])),
        ("8B", dense("llama", [32, 4096, 14336, 32, 8, 128_256, 8192])),
        ("70B", dense("llama", [80, 8192, 28672, 64, 8, 128_256, 8192])),
    ]
}

/// A job on machines of `on_node` GPUs, with one micro-batch of one sequence a rank.
pub(super) fn job(gpu: &str, on_node: u64, nodes: u64, model: Model, framework: &str) -> Job {
    let world = on_node * nodes;
    Job {
        id: None,
        cluster: Cluster {
            gpu: Some(gpu.to_owned()),
            gpus_per_node: Some(on_node),
            nodes: Some(nodes),
            interconnect: None,
        },
        model,
        run: Run {
            framework: Some(framework.to_owned()),
            global_batch: Some(world),
            micro_batch: Some(1),
            grad_accum: Some(1),
            dp: Some(world),
            tp: Some(1),
            pp: Some(1),
            zero: Some(0),
            precision: Some("bf16".to_owned()),
            recompute: Some("none".to_owned()),
            flash_attention: Some(true),
            ..Run::default()
        },
    }
}

/// The answer to `job`, or why there is none.
pub(super) fn answer(predictor: &Predictor, job: &Job) -> Result<Prediction, String> {
    let prediction = predictor.predict(job);
    match prediction.refused {
        Some(why) => Err(why),
        None => Ok(prediction),
    }
}

/// Weights, gradients and optimizer of a GPU, bytes.
pub(super) fn states(prediction: &Prediction) -> f64 {
    ["weights_bytes", "gradients_bytes", "optimizer_bytes"]
        .iter()
        .map(|part| of(prediction.memory_breakdown.as_ref(), part))
        .sum()
}

/// A part of a breakdown; nothing if it is not there.
pub(super) fn of(breakdown: Option<&Breakdown>, part: &str) -> f64 {
    breakdown.and_then(|parts| parts.get(part)).copied().unwrap_or(0.0)
}

/// The middle of an interval; nothing if there is none.
pub(super) fn middle(interval: Option<crate::prediction::Interval>) -> f64 {
    interval.map_or(f64::NAN, |interval| interval.p50)
}
