//! More records than any training run produces, for minutes.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::stage::{self, Load, Stage};

/// A steady flood of records from a stand-in for a GPU: written + counted as lost = produced, exactly
#[derive(clap::Args)]
pub(crate) struct Flood {
    /// How long it lasts
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Records a second; far more than the recorder can take is worth a try too
    #[arg(long, default_value_t = 200_000)]
    rate: u64,
    /// Where the recording is made: 80 bytes a record [default: where temporary files go]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Flood {
    /// Runs it and compares.
    pub(super) fn run(&self) -> Result<()> {
        let stage = Stage::new("flood", self.folder.as_deref())?;
        println!("{}", stage::machine());
        let load = Load { rate: self.rate, seconds: self.minutes * 60.0, mix: "exact" };
        let run = stage.record(load)?;
        let number = |name| run.target.number(name);
        let produced = (number("gpu_records")? + number("nvtx_records")?) as u64;
        let mut written = 0;
        for table in ["kernels", "copies", "marks"] {
            written += stage.count(&run.file, &format!("SELECT count(*) AS n FROM {table}"))?;
        }
        let (lost, text) = stage.losses(&run.file)?;
        println!(
            "{produced} records produced in {:.0} s, {written} written, lost: {text}; {:.0} ns of the library and {:.0} ns of the recorder a record, {:.1} MB resident in the target at most",
            number("took_ns")? / 1e9,
            number("writer_ns")? / number("records")?,
            run.recorder_ns / produced as f64,
            number("peak_resident_bytes")? / 1e6,
        );
        if written + lost != produced {
            bail!("{} records are unexplained", i128::from(produced) - i128::from(written + lost));
        }
        println!("nothing unexplained");
        Ok(())
    }
}
