//! Predictions of the runs on a GPU that the repository has (`data/h200`), against what they took: perfagent-bench in many
//! arrangements, by the ceilings of such a GPU, and small models of PyTorch, without.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, anyhow, ensure};
use perfagent_predictor::benchmark::read_result;
use perfagent_predictor::{Ceilings, Job, Predictor};
use serde::Deserialize;
use serde_json::{Value, json};

use super::own_table::{self, Measured};
use crate::shell;

/// Runs of `tests/gpu/checks/configurations.py`, and what `perfagent ceilings --quick` says of a GPU of that kind.
const CONFIGURATIONS: &str = "configurations.json";
const CEILINGS: &str = "ceilings.json";

/// A run: whose figures they are, in which results, the check's name, the figures' names before their ends, and the job.
struct Run {
    name: &'static str,
    results: &'static str,
    check: &'static str,
    step: (&'static str, f64),
    peak: Option<&'static str>,
    precision: &'static str,
    of_benchmark: bool,
}

/// `tests/gpu/checks/bench.py` on two machines, and `traces.py`, whose GPT is `tests/gpu/targets/model.py`'s small one.
const RUNS: [Run; 7] = [
    benchmark("perfagent-bench gpt micro fp32", "results-b.json", "fp32"),
    benchmark("the same on another machine", "results-e.json", "fp32"),
    benchmark("perfagent-bench gpt micro bf16", "results-b.json", "bf16"),
    benchmark("the same on another machine", "results-e.json", "bf16"),
    eager("PyTorch, GPT of 4 layers, fp32", "fp32", "fp32_step", "fp32_peak_allocated"),
    eager("PyTorch, GPT of 4 layers, bf16", "bf16", "bf16_step", "bf16_peak_allocated"),
    eager("PyTorch, GPT of 4 layers, fp16", "fp16", "fp16_step", "fp16_peak_allocated"),
];

const fn benchmark(name: &'static str, results: &'static str, precision: &'static str) -> Run {
    let step = match precision.as_bytes() {
        b"fp32" => "fp32_step_p50_plain",
        _ => "bf16_step_p50_plain",
    };
    Run {
        name,
        results,
        check: "bench",
        step: (step, 1e-9),
        peak: None,
        precision,
        of_benchmark: true,
    }
}

const fn eager(
    name: &'static str,
    precision: &'static str,
    step: &'static str,
    peak: &'static str,
) -> Run {
    let (results, check) = ("results-b.json", "traces");
    Run {
        name,
        results,
        check,
        step: (step, 1e-3),
        peak: Some(peak),
        precision,
        of_benchmark: false,
    }
}

impl Run {
    fn job(&self) -> Result<Job> {
        let model = |layers: u64, hidden: u64, seq: u64, vocab: u64| {
            json!({"arch": "gpt", "layers": layers, "hidden": hidden, "ffn": 4 * hidden, "gated_mlp": false, "heads": 8,
                "kv_heads": 8, "vocab": vocab, "tied_embeddings": true, "seq": seq})
        };
        let (model, framework) = if self.of_benchmark {
            (model(6, 256, 256, 2048), "perfagent-bench")
        } else {
            (model(4, 512, 256, 8192), "pytorch")
        };
        let document = json!({
            "cluster": {"gpu": "NVIDIA H200", "gpus_per_node": 1, "nodes": 1},
            "model": model,
            "run": {"framework": framework, "micro_batch": 8, "grad_accum": 1, "dp": 1, "tp": 1, "pp": 1, "zero": 0,
                "precision": self.precision, "recompute": "none", "flash_attention": true},
        });
        serde_json::from_value(document).context("a job of the table")
    }

    fn figure(&self, name: &str) -> Result<f64> {
        let path = shell::workspace().join("data/h200").join(self.results);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let results: Value = serde_json::from_str(&text)
            .with_context(|| format!("{}: is no JSON", path.display()))?;
        let checks = results["checks"].as_array().into_iter().flatten();
        let mut of_check = checks.filter(|check| check["name"] == self.check);
        let figure = of_check.find_map(|check| check["figures"][name]["value"].as_f64());
        figure.with_context(|| format!("{}: {} has no {name}", path.display(), self.check))
    }
}

#[derive(Deserialize)]
struct Configuration {
    model: String,
    options: String,
    result: Value,
}

/// Predicts and prints; with `write` into `OWN_GPU.md` beside the predictor's accuracy.
pub(super) fn run(write: bool) -> Result<()> {
    let mut page = String::new();
    let ceilings = Ceilings::parse(&kept(CEILINGS)?).map_err(|why| anyhow!("{CEILINGS}: {why}"))?;
    // A result says only that it is of a GPU.
    let gpu = ceilings.name().to_owned();
    let predictor = Predictor::built_in().map_err(|why| anyhow!(why))?.with_ceilings(ceilings);
    configurations(&mut page, &predictor, &gpu)?;
    small(&mut page, &predictor)?;
    print!("{page}");
    if write {
        let path = shell::workspace().join("agent/predictor/OWN_GPU.md");
        fs::write(&path, page).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(())
}

fn kept(name: &str) -> Result<String> {
    let path = shell::workspace().join("data/h200").join(name);
    fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn configurations(page: &mut String, predictor: &Predictor, gpu: &str) -> Result<()> {
    let all: Vec<Configuration> = serde_json::from_str(&kept(CONFIGURATIONS)?)
        .with_context(|| format!("data/h200/{CONFIGURATIONS}"))?;
    let mut measured = Vec::new();
    for Configuration { model, options, result } in all {
        let (mut job, of) =
            read_result(&result).map_err(|why| anyhow!("{model} {options}: {why}"))?;
        job.cluster.gpu = Some(gpu.to_owned());
        let (step_s, peak) = of
            .step_s
            .zip(of.peak_mem_bytes)
            .with_context(|| format!("{model} {options}: its result has no steps or no memory"))?;
        let (runs_s, peaks) = (vec![step_s], vec![peak]);
        measured.push(Measured { model, options, job, runs_s, peaks });
    }
    let rows = own_table::rows(predictor, measured)?;
    writeln!(page, "# Predictions of the project's own runs on a GPU\n")?;
    writeln!(
        page,
        "Printed by `cargo xtask bench advisor --own-gpu`: {} arrangements of `perfagent-bench` on one NVIDIA H200, run by\n\
         `tests/gpu/run --only configurations` ([data/h200](../../data/h200/README.md)). One run of each, of 12 steps; compared are the median\n\
         step (the first left out) and the peak that libtorch has given out. Predictions know `perfagent ceilings --quick` of another machine\n\
         with such a GPU; *re-fitted* ones know the first run of each model, too. What `agent/predictor/src/benchmark/gpu.rs` has of constants was\n\
         read off these runs: how fast operators, the heads' copies and attention are, and launches, off a recording of the first one, what\n\
         the host takes for a launch off the second, attention in fp32 off the first in TF32; so all others, the other models among them,\n\
         are held out. Errors are predicted by measured minus one.\n",
        rows.len(),
    )?;
    own_table::table(page, &rows)
}

/// The table of models that a GPU is far too large for, beside what was measured.
fn small(page: &mut String, predictor: &Predictor) -> Result<()> {
    writeln!(
        page,
        "\n## Small models\n\n\
         Runs of models so small that an H200 waits for its host ([data/h200](../../data/h200/README.md)), by the same ceilings: hosts with one\n\
         kind of GPU differ here by as much as the first two rows, and the interval says so. Published jobs, to which the constants\n\
         for PyTorch were fitted, are a thousand times larger. Memory is what PyTorch's allocator had given out; predicted for PyTorch is what a\n\
         GPU holds, its context and libraries included.\n"
    )?;
    writeln!(page, "| run | step | predicted | peak memory | predicted |")?;
    writeln!(page, "|---|---:|---:|---:|---:|")?;
    for run in &RUNS {
        let predicted = predictor.predict(&run.job()?);
        ensure!(predicted.refused.is_none(), "{}: {:?}", run.name, predicted.refused);
        let (step, memory) = predicted
            .step_s
            .zip(predicted.peak_mem_bytes)
            .with_context(|| format!("{}: is not predicted", run.name))?;
        let (figure, scale) = run.step;
        let measured = scale * run.figure(figure)?;
        let peak = run.peak.map(|name| run.figure(name)).transpose()?;
        writeln!(
            page,
            "| {} | {:.1} ms | {:.1} ms [{:.1}, {:.1}] | {} | {:.2} GB [{:.2}, {:.2}] |",
            run.name,
            1e3 * measured,
            1e3 * step.p50,
            1e3 * step.p05,
            1e3 * step.p95,
            peak.map_or_else(String::new, |peak| format!("{:.2} GB", peak / 1e9)),
            memory.p50 / 1e9,
            memory.p05 / 1e9,
            memory.p95 / 1e9,
        )?;
    }
    Ok(())
}
