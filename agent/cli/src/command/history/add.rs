//! `perfagent history add`: keep the results of a run.

use std::path::PathBuf;
use std::time::Duration;

use perfagent_history::Store;
use perfagent_recording::Timestamp;

use crate::exit::Exit;
use crate::history::{Files, Intake, Origin, Said, seconds};
use crate::printer::Printer;

/// Keep the results of runs
///
/// Each FILE is one run: a recording, what `perfagent-bench --json` or hyperfine's --export-json wrote, the folder of a suite or
/// target/criterion, messages of cargo-criterion, Bencher Metric Format, or the array of github-action-benchmark; its content tells
/// which. All of them are kept or none. The same figures of the same commit, branch, suite and machine are kept once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history add --store history.db run.perfdb
  perfagent history add --store history.db target/criterion --suite micro --machine runner-1")]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    origin: Origin,
    #[command(flatten)]
    said: Said,
    /// When it was measured, in seconds since 1970 [default: what the file says, else now]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    time: Option<Timestamp>,
    /// The results
    #[arg(value_name = "FILE", required = true)]
    results: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (said, now) = (&args.said, perfagent_health::now());
    let directions = said.directions();
    let intake = Intake {
        origin: &args.origin,
        directions: &directions,
        facts: &said.fact,
        time: args.time,
        now,
    };
    let mut runs = Vec::new();
    for path in &args.results {
        let taken = intake.one(path)?;
        taken.warnings.iter().for_each(|warning| printer.note(warning));
        runs.extend(taken.runs);
    }
    let wait = Duration::from_secs(said.wait.into());
    let added =
        Store::open_or_create(&args.files.store, wait)?.add(&runs, said.replace, now, wait)?;
    super::tell(&runs, &added, said.json, printer)?;
    Ok(Exit::Success)
}
