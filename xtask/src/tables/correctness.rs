//! How far losses and norms of gradients of shared runs are from those of one process.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Bench, list, markdown, number, text};
use crate::shell;

/// The small model of `benchsuite/tests/bench/matrix.rs`.
const MODEL: &str = "--layers 2 --hidden 32 --heads 4 --seq 32 --vocab 320 --steps 20 --threads 1 --peak-tflops 1 --device cpu --quiet";
const ALONE: &str = "--micro-batch 8";
const EIGHT: &str = "--micro-batch 2 --accumulate 2 --nproc 8 --tp 2 --pp 2";

/// What is shared how: a name, the model, options beside one process's.
fn rows() -> Vec<(&'static str, &'static str, String)> {
    let two = |more: &str| format!("--micro-batch 4 --nproc 2 {more}");
    let all = |more: &str| format!("{ALONE} {more}");
    vec![
        ("two replicas", "gpt", two("")),
        ("two replicas, ZeRO-1", "gpt", two("--zero 1")),
        ("two replicas, ZeRO-2", "gpt", two("--zero 2")),
        ("two replicas, ZeRO-3", "gpt", two("--zero 3")),
        (
            "two replicas, ZeRO-3, the optimizer on the host",
            "gpt",
            two("--zero 3 --offload optimizer"),
        ),
        ("recomputed in full", "gpt", all("--recompute full")),
        ("two parts of each tensor", "llama", all("--nproc 2 --tp 2")),
        (
            "two parts of each tensor and sequence",
            "llama",
            all("--nproc 2 --tp 2 --sequence-parallel"),
        ),
        ("two stages", "gpt", "--micro-batch 2 --accumulate 4 --nproc 2 --pp 2".to_owned()),
        ("2 parts × 2 stages × 2 replicas", "gpt", EIGHT.to_owned()),
        (
            "2 parts × 2 stages × 2 replicas, ZeRO-3, by sequence, recomputed in full",
            "llama",
            format!("{EIGHT} --sequence-parallel --zero 3 --recompute full"),
        ),
        (
            "2 parts × 2 stages × 2 replicas, ZeRO-1, by sequence",
            "moe",
            format!("{EIGHT} --sequence-parallel --zero 1"),
        ),
        ("in bf16", "llama", all("--precision bf16")),
        ("in fp16", "llama", all("--precision fp16")),
    ]
}

pub(super) fn measure(bench: &Bench) -> Result<Value> {
    let mut measured = Vec::new();
    for (shared, model, options) in rows() {
        let (alone, other) = (train(bench, model, ALONE)?, train(bench, model, &options)?);
        measured.push(json!({
            "model": model,
            "shared": shared,
            "options": options,
            "loss": furthest(&alone, &other, "losses")?,
            "norm": furthest(&alone, &other, "gradient_norms")?,
            "torch_version": other["torch_version"],
        }));
    }
    Ok(json!({ "model": MODEL, "alone": ALONE, "rows": measured }))
}

fn train(bench: &Bench, model: &str, options: &str) -> Result<Value> {
    let mut command = bench.program("perfagent-bench");
    command
        .arg(model)
        .args(MODEL.split_whitespace())
        .args(options.split_whitespace())
        .arg("--data")
        .arg(shell::workspace().join("agent"))
        .args(["--json", "result.json"])
        .stdout(Stdio::null());
    shell::run(&mut command)?;
    let text = fs::read_to_string(bench.folder.join("result.json"))
        .context("the benchmark wrote no result")?;
    serde_json::from_str(&text).context("the benchmark's result")
}

/// The largest relative difference of any step.
fn furthest(alone: &Value, other: &Value, key: &str) -> Result<f64> {
    let pairs = list(alone, key)?.iter().zip(list(other, key)?);
    let mut most = 0_f64;
    for (left, right) in pairs {
        let pair = left.as_f64().zip(right.as_f64());
        let (left, right) = pair.with_context(|| format!("`{key}` holds what is no number"))?;
        most = most.max(((right - left) / left).abs());
    }
    Ok(most)
}

pub(super) fn render(result: &Value) -> Result<String> {
    let row = |row: &Value| -> Result<Vec<String>> {
        let digits = |key| -> Result<String> {
            let apart = number(row, key)?;
            Ok(if apart > 0.0 { format!("{apart:.1e}") } else { "0".to_owned() })
        };
        Ok(vec![
            text(row, "model")?.to_owned(),
            text(row, "shared")?.to_owned(),
            digits("loss")?,
            digits("norm")?,
        ])
    };
    let rows = list(result, "rows")?.iter().map(row).collect::<Result<Vec<_>>>()?;
    Ok(markdown(&["model", "shared as", "loss", "norm"], &rows))
}
