//! Measurements: repeated, interleaved, medians and ratios, never a single absolute time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::statistics::{lower_quartile, median, median_interval};
use crate::{cargo, shell};

/// What can be measured
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// What `perfagent record` costs a training step
    RecordOverhead(RecordOverhead),
}

impl Bench {
    /// Runs the measurement and prints it.
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::RecordOverhead(overhead) => overhead.run(),
        }
    }
}

/// Step time of the same training run with and without `perfagent record`, in turn
#[derive(clap::Args)]
pub(crate) struct RecordOverhead {
    /// Pairs of runs; the order within a pair alternates
    #[arg(long, default_value_t = 21)]
    pairs: u32,
    /// Size of the model
    #[arg(long, default_value = "nano")]
    preset: String,
    /// Numbers of the run
    #[arg(long, default_value = "fp32")]
    precision: String,
    /// Ranks
    #[arg(long, default_value_t = 1)]
    nproc: u32,
    /// Steps a run; the first quarter is warm-up and not counted
    #[arg(long, default_value_t = 24)]
    steps: u32,
    /// Sequences a rank and pass [default: the preset's]
    #[arg(long)]
    micro_batch: Option<u32>,
    /// Threads of libtorch a rank
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Optimise the recorder too; what runs inside the target is always optimised
    #[arg(long)]
    release: bool,
}

impl RecordOverhead {
    fn run(&self) -> Result<()> {
        let programs = cargo::with_libtorch()?.build_programs(self.release)?;
        let folder =
            std::env::temp_dir().join(format!("perfagent-overhead-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be created", folder.display()))?;
        let measured = self.measure(&programs, &folder);
        let _ = fs::remove_dir_all(&folder);
        let ratios = measured?;
        let (Some(middle), Some((low, high))) = (median(&ratios), median_interval(&ratios)) else {
            bail!("--pairs must be at least 1");
        };
        println!(
            "recording costs {:+.2} % of a step (median of {} interleaved pairs; 95 % interval {:+.2} % to {:+.2} %)",
            (middle - 1.0) * 100.0,
            ratios.len(),
            (low - 1.0) * 100.0,
            (high - 1.0) * 100.0
        );
        Ok(())
    }

    fn measure(&self, programs: &Path, folder: &Path) -> Result<Vec<f64>> {
        let mut ratios = Vec::new();
        println!("pair  plain ms  recorded ms  ratio");
        for pair in 0..self.pairs {
            let (plain, recorded) = if pair % 2 == 0 {
                let plain = self.step_ms(programs, folder, false)?;
                (plain, self.step_ms(programs, folder, true)?)
            } else {
                let recorded = self.step_ms(programs, folder, true)?;
                (self.step_ms(programs, folder, false)?, recorded)
            };
            println!("{pair:>4}  {plain:>8.3}  {recorded:>11.3}  {:.4}", recorded / plain);
            ratios.push(recorded / plain);
        }
        Ok(ratios)
    }

    /// Lower quartile of the step times of one run in milliseconds, by the program's own clock: on a machine that
    /// others use too, interference only ever adds time.
    fn step_ms(&self, programs: &Path, folder: &Path, recorded: bool) -> Result<f64> {
        let result: PathBuf = folder.join("result.json");
        let bench = programs.join("perfagent-bench");
        let mut command = if recorded {
            let mut command = Command::new(programs.join("perfagent"));
            command
                .args(["record", "--force", "-o"])
                .arg(folder.join("run.perfdb"))
                .arg("--")
                .arg(bench);
            command
        } else {
            Command::new(bench)
        };
        command
            .args(["gpt", "--quiet", "--preset", &self.preset, "--precision", &self.precision])
            .args(["--nproc", &self.nproc.to_string(), "--steps", &self.steps.to_string()])
            .args(["--threads", &self.threads.to_string()])
            .args(self.micro_batch.map(|sequences| format!("--micro-batch={sequences}")))
            .arg("--data")
            .arg(shell::workspace())
            .arg("--json")
            .arg(&result)
            .stdout(Stdio::null());
        shell::run(&mut command)?;
        let text = fs::read_to_string(&result).context("the benchmark wrote no result")?;
        let document: serde_json::Value =
            serde_json::from_str(&text).context("the benchmark's result")?;
        let steps: Vec<f64> = document["ranks"][0]["step_ns"]
            .as_array()
            .context("the benchmark's result has no ranks[0].step_ns")?
            .iter()
            .filter_map(serde_json::Value::as_f64)
            .collect();
        lower_quartile(&steps[steps.len() / 4..])
            .map(|ns| ns / 1e6)
            .context("the benchmark made no steps")
    }
}
