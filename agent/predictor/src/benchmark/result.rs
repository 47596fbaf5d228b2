//! The result that perfagent-bench writes: the job, and what was measured of it.

use serde::Deserialize;
use serde_json::Value;

use crate::job::{Cluster, Job, Measured, Model, Run};

/// The name and version of the document.
const SCHEMA: &str = "perfagent.bench/1";

#[derive(Deserialize)]
struct Outcome {
    config: Config,
    device: String,
    world_size: u64,
    threads: Option<u64>,
    tokens_per_s: Option<f64>,
    ranks: Vec<Rank>,
}

#[derive(Deserialize)]
struct Config {
    model: String,
    shape: Shape,
    precision: String,
    micro_batch: u64,
    accumulate: u64,
    zero: u64,
    tp: u64,
    sequence_parallel: bool,
    pp: u64,
    recompute: String,
    offload: String,
    optimizer: String,
}

#[derive(Deserialize)]
struct Shape {
    layers: u64,
    hidden: u64,
    ffn: u64,
    heads: u64,
    kv_heads: u64,
    vocab: u64,
    tied: bool,
    seq: u64,
    experts: u64,
    top_k: u64,
}

#[derive(Deserialize)]
struct Rank {
    step_ns: Vec<f64>,
    peak_bytes: Option<Kinds>,
    peak_device_bytes: Option<f64>,
}

#[derive(Deserialize)]
struct Kinds {
    total: f64,
}

/// The job of a result of perfagent-bench, and what was measured of it: the median step without the first of the slowest
/// rank, the peak of the fullest one. All ranks are taken to be on one machine.
///
/// # Errors
///
/// What of the document is not as it should be, or that it is of no language model.
pub fn read(document: &Value) -> Result<(Job, Measured), String> {
    match document.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        other => return Err(format!("schema is {other:?}, not {SCHEMA:?}")),
    }
    if document.pointer("/config/model").and_then(Value::as_str) == Some("resnet50") {
        return Err("config.model is resnet50, not a language model".to_owned());
    }
    let outcome = Outcome::deserialize(document).map_err(|error| error.to_string())?;
    let (config, shape) = (&outcome.config, &outcome.config.shape);
    let experts = (shape.experts > 0).then_some(shape.experts);
    let word = |word: &str| Some(word.to_owned());
    let job = Job {
        id: None,
        cluster: Cluster {
            gpu: word(&outcome.device),
            gpus_per_node: Some(outcome.world_size),
            nodes: Some(1),
            interconnect: None,
        },
        model: Model {
            arch: word(&config.model),
            layers: Some(shape.layers),
            hidden: Some(shape.hidden),
            ffn: Some(shape.ffn),
            gated_mlp: Some(config.model != "gpt"),
            heads: Some(shape.heads),
            kv_heads: Some(shape.kv_heads),
            vocab: Some(shape.vocab),
            tied_embeddings: Some(shape.tied),
            seq: Some(shape.seq),
            experts,
            top_k: experts.map(|_| shape.top_k),
            ..Model::default()
        },
        run: Run {
            framework: word("perfagent-bench"),
            micro_batch: Some(config.micro_batch),
            grad_accum: Some(config.accumulate),
            dp: Some((outcome.world_size / (config.tp * config.pp).max(1)).max(1)),
            tp: Some(config.tp),
            pp: Some(config.pp),
            zero: Some(config.zero),
            sequence_parallel: Some(config.sequence_parallel),
            precision: word(&config.precision),
            optimizer: word(&config.optimizer),
            recompute: word(&config.recompute),
            flash_attention: Some(true),
            threads: outcome.threads,
            offload: Some(config.offload.clone()).filter(|what| what != "none"),
            ..Run::default()
        },
    };
    let steps = outcome.ranks.iter().filter_map(|rank| median(rank.step_ns.get(1..)?));
    let peaks = outcome.ranks.iter().filter_map(|rank| {
        rank.peak_device_bytes.or(rank.peak_bytes.as_ref().map(|kinds| kinds.total))
    });
    let measured = Measured {
        step_s: steps.max_by(f64::total_cmp).map(|nanos| nanos / 1e9),
        tokens_per_s: outcome.tokens_per_s,
        peak_mem_bytes: peaks.max_by(f64::total_cmp),
        ..Measured::default()
    };
    Ok((job, measured))
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
