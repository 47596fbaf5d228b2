//! Records a real training run and shows what came out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{cargo, shell};

/// Build, record two data-parallel ranks of a small GPT in bf16, print the report
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Training steps
    #[arg(long, default_value_t = 20)]
    steps: u32,
    /// Ranks
    #[arg(long, default_value_t = 2)]
    nproc: u32,
    /// Size of the model
    #[arg(long, default_value = "nano")]
    preset: String,
    /// Where the recording goes
    #[arg(short, long, default_value = "demo.perfdb")]
    output: PathBuf,
    /// Build optimised
    #[arg(long)]
    release: bool,
}

impl Demo {
    /// The demo at a size that suits a test, leaving its recording at `output`.
    pub(crate) fn small(output: PathBuf) -> Self {
        Self { steps: 4, nproc: 2, preset: "nano".to_owned(), output, release: false }
    }

    /// Builds what it needs and runs on the terminal.
    pub(crate) fn run(&self) -> Result<()> {
        self.show(&cargo::with_libtorch()?.build_programs(self.release)?)
    }

    /// Runs with programs that are built already.
    pub(crate) fn show(&self, programs: &Path) -> Result<()> {
        let perfagent = programs.join("perfagent");
        let (steps, nproc) = (self.steps.to_string(), self.nproc.to_string());
        shell::run(
            Command::new(&perfagent)
                .arg("record")
                .arg("--force")
                .arg("-o")
                .arg(&self.output)
                .arg("--")
                .arg(programs.join("perfagent-bench"))
                .args(["gpt", "--preset", &self.preset, "--precision", "bf16"])
                .args(["--nproc", &nproc, "--steps", &steps])
                .arg("--data")
                .arg(shell::workspace()),
        )?;
        shell::run(Command::new(&perfagent).arg("report").arg(&self.output))?;
        println!(
            "\nThe recording is {}. Look at it with\n    {} gui {}",
            self.output.display(),
            perfagent.display(),
            self.output.display()
        );
        Ok(())
    }
}
