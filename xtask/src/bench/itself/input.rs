//! What the programs are given: files of a known size, the same every time.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Launches of a made-up trace, each with an operator, a call and a kernel.
pub(super) const LAUNCHES: u32 = 40_000;
/// Jobs that are predicted.
pub(super) const JOBS: u32 = 10_000;

/// A trace as PyTorch's profiler writes it: a step every hundred launches.
pub(super) fn trace(path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("{}", path.display()))?;
    let mut file = BufWriter::new(file);
    write!(
        file,
        "{{\"schemaVersion\": 1, \"deviceProperties\": [{}], \"traceEvents\": [",
        device()
    )?;
    for launch in 0..LAUNCHES {
        let at = f64::from(launch) * 20.0;
        let operator = json!({
            "ph": "X", "cat": "cpu_op", "name": format!("aten::op{}", launch % 40), "pid": 1, "tid": 1, "ts": at, "dur": 9.0,
            "args": {"External id": launch, "Input Dims": [[64, 256], [256, 256]]},
        });
        let call = json!({
            "ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 1, "tid": 1, "ts": at + 2.0, "dur": 4.0,
            "args": {"External id": launch, "correlation": launch},
        });
        let kernel = json!({
            "ph": "X", "cat": "kernel", "name": format!("void gemm_kernel<{}>(float const*)", launch % 60), "pid": 0, "tid": 7,
            "ts": at + 12.0, "dur": 15.0,
            "args": {"External id": launch, "correlation": launch, "device": 0, "context": 1, "stream": 7},
        });
        let comma = if launch > 0 { "," } else { "" };
        write!(file, "{comma}{operator},{call},{kernel}")?;
        if launch % 100 == 0 {
            let name = format!("ProfilerStep#{}", launch / 100);
            let step = json!({
                "ph": "X", "cat": "user_annotation", "name": name, "pid": 1, "tid": 1, "ts": at, "dur": 1999.0,
            });
            write!(file, ",{step}")?;
        }
    }
    write!(file, "]}}")?;
    file.flush().with_context(|| format!("{}", path.display()))
}

fn device() -> Value {
    json!({ "id": 0, "name": "NVIDIA H100 80GB HBM3", "totalGlobalMem": 85_000_000_000_u64, "computeMajor": 9, "computeMinor": 0 })
}

/// Jobs of several sizes and arrangements.
pub(super) fn jobs(path: &Path) -> Result<()> {
    let mut text = String::new();
    for number in 0..JOBS {
        let (tp, pp) = (1 << (number % 4), 1 << (number / 4 % 3));
        let job = json!({
            "id": number.to_string(),
            "cluster": {"gpu": "H100-80GB", "gpus_per_node": 8, "nodes": 8},
            "model": {
                "arch": "llama", "layers": 32, "hidden": 4096, "ffn": 14_336, "gated_mlp": true, "heads": 32, "kv_heads": 8,
                "vocab": 128_256, "seq": 4096,
            },
            "run": {
                "framework": "nanotron", "micro_batch": 1 + number % 3, "grad_accum": 8, "tp": tp, "pp": pp, "zero": number % 2,
                "precision": "bf16", "recompute": "none", "optimizer": "adamw",
            },
        });
        text.push_str(&job.to_string());
        text.push('\n');
    }
    fs::write(path, text).with_context(|| format!("{}", path.display()))
}
