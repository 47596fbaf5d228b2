//! What `perfagent record` costs a training step.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::statistics::{mean, median, median_interval};
use crate::{cargo, shell};

/// Step time of the same training run with and without `perfagent record`, side by side
///
/// The two runs of a pair share one processor at the same time, so that the scheduler interleaves them every few
/// milliseconds and whatever else the machine does slows both alike; the recorder has another processor. With
/// equal shares of the processor, the ratio of their step times is the ratio of what a step costs: operators'
/// observer, NVTX, and the library's own thread included.
#[derive(clap::Args)]
pub(crate) struct RecordOverhead {
    /// Pairs of runs; the order of starting alternates
    #[arg(long, default_value_t = 7)]
    pairs: u32,
    /// Size of the model; a smaller one has shorter operators, of which each costs the same to record
    #[arg(long, default_value = "micro")]
    preset: String,
    /// Numbers of the run
    #[arg(long, default_value = "fp32")]
    precision: String,
    /// Steps a run; the first and the last quarter, when one may run alone, are not counted
    #[arg(long, default_value_t = 12)]
    steps: u32,
    /// Sequences a rank and pass [default: the preset's]
    #[arg(long)]
    micro_batch: Option<u32>,
    /// Optimise the recorder too; what runs inside the target is always optimised
    #[arg(long)]
    release: bool,
}

impl RecordOverhead {
    /// Runs the measurement and prints it.
    pub(super) fn run(&self) -> Result<()> {
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
            "recording costs {:+.2} % of a step (median of {} pairs; 95 % interval {:+.2} % to {:+.2} %)",
            (middle - 1.0) * 100.0,
            ratios.len(),
            (low - 1.0) * 100.0,
            (high - 1.0) * 100.0
        );
        Ok(())
    }

    fn measure(&self, programs: &Path, folder: &Path) -> Result<Vec<f64>> {
        let mut ratios = Vec::new();
        println!("pair  plain ms  recorded ms  ratio   (each with half a processor)");
        for pair in 0..self.pairs {
            let mut runs = [false, true].map(|recorded| self.training(programs, folder, recorded));
            if pair % 2 == 1 {
                runs.reverse();
            }
            let mut children = Vec::new();
            for run in &mut runs {
                let text = shell::spelled(run);
                children
                    .push(run.spawn().with_context(|| format!("`{text}` could not be started"))?);
            }
            for mut child in children {
                if !child.wait().context("waiting for a run")?.success() {
                    bail!("a run failed; its error is above");
                }
            }
            let (plain, recorded) = (step_ms(folder, false)?, step_ms(folder, true)?);
            println!("{pair:>4}  {plain:>8.3}  {recorded:>11.3}  {:.4}", recorded / plain);
            ratios.push(recorded / plain);
        }
        Ok(ratios)
    }

    /// The training run on processor 0, under the recorder or not.
    fn training(&self, programs: &Path, folder: &Path, recorded: bool) -> Command {
        let mut command = Command::new(if recorded {
            programs.join("perfagent")
        } else {
            PathBuf::from("taskset")
        });
        if recorded {
            command
                .args(["record", "--force", "-o"])
                .arg(folder.join("run.perfdb"))
                .args(["--", "taskset"]);
        }
        command
            .args(["--cpu-list", "0"])
            .arg(programs.join("perfagent-bench"))
            .args(["gpt", "--quiet", "--preset", &self.preset, "--precision", &self.precision])
            .args(["--threads", "1", "--steps", &self.steps.to_string()])
            // Known, so that no time goes into measuring it: it only scales a utilisation that nobody reads here.
            .args(["--peak-tflops", "1"])
            .args(self.micro_batch.map(|sequences| format!("--micro-batch={sequences}")))
            .arg("--data")
            .arg(shell::workspace())
            .arg("--json")
            .arg(result_of(folder, recorded))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

fn result_of(folder: &Path, recorded: bool) -> PathBuf {
    folder.join(if recorded { "recorded.json" } else { "plain.json" })
}

/// Mean step time of the middle half of a run in milliseconds, by the program's own clock.
fn step_ms(folder: &Path, recorded: bool) -> Result<f64> {
    let text =
        fs::read_to_string(result_of(folder, recorded)).context("the benchmark wrote no result")?;
    let document: serde_json::Value =
        serde_json::from_str(&text).context("the benchmark's result")?;
    let steps: Vec<f64> = document["ranks"][0]["step_ns"]
        .as_array()
        .context("the benchmark's result has no ranks[0].step_ns")?
        .iter()
        .filter_map(serde_json::Value::as_f64)
        .collect();
    let quarter = steps.len() / 4;
    mean(&steps[quarter..steps.len() - quarter])
        .map(|ns| ns / 1e6)
        .context("the benchmark made no steps")
}
