//! What a training step of `perfagent-bench` takes beside the same one in eager PyTorch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::figure::{self, Goal};
use crate::statistics::median;
use crate::{cargo, shell};

const VERSION: &str = "2.11.0";
/// Trains the model of a result of the benchmark in PyTorch; prints the nanoseconds of each step.
const SCRIPT: &str = include_str!("../../../tests/gpu/targets/eager.py");

/// Step time of perfagent-bench and of the same model in eager PyTorch with the same libtorch, threads and shapes
///
/// Runs take turns, round by round; the figure is the ratio of the medians of a round's two runs, the first steps left
/// out. PyTorch is installed once into the cache.
#[derive(clap::Args)]
pub(crate) struct Training {
    /// gpt or llama
    #[arg(long, default_value = "gpt")]
    model: String,
    /// Size of the model
    #[arg(long, default_value = "micro")]
    preset: String,
    /// fp32, bf16, or on a GPU tf32
    #[arg(long, default_value = "fp32")]
    precision: String,
    /// Where to compute
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Steps of a run
    #[arg(long, default_value_t = 12)]
    steps: u32,
    /// Pairs of runs; which one comes first alternates
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Threads of libtorch [default: one a core]
    #[arg(long)]
    threads: Option<u32>,
    /// A Python that has torch, instead of the cached one
    #[arg(long, value_name = "python3")]
    python: Option<PathBuf>,
    /// Optimise the benchmark for speed alone; libtorch, which does the work, is the same
    #[arg(long)]
    release: bool,
}

impl Training {
    /// The measurement with everything but this left as it is by default.
    pub(crate) fn of(model: &str, preset: &str, precision: &str) -> Self {
        Self {
            model: model.to_owned(),
            preset: preset.to_owned(),
            precision: precision.to_owned(),
            device: "cpu".to_owned(),
            steps: 12,
            rounds: 5,
            threads: None,
            python: None,
            release: false,
        }
    }

    /// Runs the measurement and prints it.
    pub(super) fn run(&self) -> Result<()> {
        let programs = cargo::with_libtorch()?.build_programs(self.release)?;
        let folder =
            std::env::temp_dir().join(format!("perfagent-training-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be created", folder.display()))?;
        let measured = self.ratios(&programs, &folder);
        let _ = fs::remove_dir_all(&folder);
        let ratios = measured?;
        let what = format!(
            "step of {} {} {} by that of PyTorch {VERSION}",
            self.model, self.preset, self.precision
        );
        let most = if self.device == "cpu" { 1.05 } else { 1.0 };
        figure::print(&what, &ratios, "", 3, &Goal::AtMost(most))
    }

    /// Ratios of the two step times, one a round.
    pub(crate) fn ratios(&self, programs: &Path, folder: &Path) -> Result<Vec<f64>> {
        let python = &self.python.clone().map_or_else(require, Ok)?;
        ensure!(self.steps > 2, "--steps must be at least 3: the first two are left out");
        let mut ratios = Vec::new();
        println!("round  perfagent-bench ms  PyTorch ms  ratio");
        // PyTorch's side is told by a result what to train: one is there before the first round.
        self.ours(programs, folder)?;
        for round in 0..self.rounds {
            let (ours, theirs) = if round % 2 == 0 {
                let ours = self.ours(programs, folder)?;
                (ours, theirs(python, folder)?)
            } else {
                let theirs = theirs(python, folder)?;
                (self.ours(programs, folder)?, theirs)
            };
            println!(
                "{round:>5}  {:>18.2}  {:>10.2}  {:.4}",
                ours / 1e6,
                theirs / 1e6,
                ours / theirs
            );
            ratios.push(ours / theirs);
        }
        Ok(ratios)
    }

    /// Median step time of the benchmark, ns.
    fn ours(&self, programs: &Path, folder: &Path) -> Result<f64> {
        let result = folder.join("result.json");
        let mut command = Command::new(programs.join("perfagent-bench"));
        command
            .args([&self.model, "--quiet", "--preset", &self.preset])
            .args(["--precision", &self.precision, "--device", &self.device])
            .args(["--steps", &self.steps.to_string(), "--peak-tflops", "1"])
            .args(self.threads.map(|threads| format!("--threads={threads}")))
            .arg("--data")
            .arg(shell::workspace())
            .arg("--json")
            .arg(&result)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        shell::run(&mut command)?;
        let text = fs::read_to_string(&result).context("the benchmark wrote no result")?;
        let document: Value = serde_json::from_str(&text).context("the benchmark's result")?;
        steady(&document["ranks"][0]["step_ns"]).context("the benchmark's result")
    }
}

/// The same of PyTorch.
fn theirs(python: &Path, folder: &Path) -> Result<f64> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).arg(folder.join("result.json"));
    let output = shell::read(&mut command)?;
    let line = output.lines().last().unwrap_or_default();
    let times: Value = serde_json::from_str(line).with_context(|| format!("steps: `{line}`"))?;
    steady(&times).context("PyTorch's steps")
}

/// The median of all but the first two, which fill caches and allocators.
fn steady(times: &Value) -> Result<f64> {
    let times: Vec<f64> =
        times.as_array().context("no list")?.iter().filter_map(Value::as_f64).collect();
    median(times.get(2..).unwrap_or_default()).context("too few steps")
}

/// The Python that has torch.
fn require() -> Result<PathBuf> {
    let folder = shell::cache()?.join(format!("pytorch-{VERSION}"));
    let python = folder.join("bin/python");
    let marker = folder.join("complete");
    if !marker.is_file() {
        println!(
            "── installing torch=={VERSION} with all that it needs (once, 3 GB to download, 8 GB on the disk)"
        );
        shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        shell::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args([&format!("torch=={VERSION}"), "numpy"]),
        )?;
        fs::write(&marker, "")
            .with_context(|| format!("{}: cannot be written", marker.display()))?;
    }
    Ok(python)
}
