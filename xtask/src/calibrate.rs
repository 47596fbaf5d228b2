//! Fits the predictor's constants and writes `data/calibration.toml`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use perfagent_predictor::Made;
use perfagent_predictor::fit::calibrate;

use crate::jobs::Jobs;
use crate::shell;

/// What stands above the constants.
const HEAD: &str = "\
# What the formulas of agent/predictor leave open, fitted to published measurements of training jobs: constants with their
# factors by framework and generation of GPU (agent/predictor/src/constants.rs says what each is), factors of what the
# formulas miss, and how far held-out jobs lay from their predictions. Written by the command below; not to be edited.

";

/// Fit the predictor's constants to measured jobs and write data/calibration.toml
#[derive(clap::Args)]
pub(crate) struct Calibrate {
    /// Jobs, one JSON object a line, as `perfagent predict` takes them, with what was measured; else the published ones
    /// beside the repository
    #[arg(long, value_name = "JOBS.jsonl")]
    jobs: Option<PathBuf>,
}

impl Calibrate {
    pub(crate) fn run(&self) -> Result<()> {
        let jobs = Jobs::read(self.jobs.as_deref())?;
        let (mut calibration, _) = calibrate(&jobs.samples);
        let mut made = Made {
            command: "cargo xtask calibrate".to_owned(),
            from: "published tables and logs, by their names there; agent/predictor/ACCURACY.md names them"
                .to_owned(),
            refused: jobs.refused.values().sum(),
            ..Made::default()
        };
        for sample in &jobs.samples {
            *made.jobs.entry(sample.source.clone()).or_default() += 1;
        }
        calibration.made = made;
        let text = calibration.text().map_err(|why| anyhow!(why))?;
        let path = shell::workspace().join("data/calibration.toml");
        fs::write(&path, format!("{HEAD}{text}"))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        println!(
            "{}: {} jobs of {} sources, {} refused",
            path.display(),
            jobs.samples.len(),
            calibration.made.jobs.len(),
            calibration.made.refused
        );
        for (why, count) in &jobs.refused {
            println!("  refused {count}: {why}");
        }
        println!("`cargo xtask bench advisor --write` prints and stores how good it is");
        Ok(())
    }
}
