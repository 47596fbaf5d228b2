//! `perfagent history import`: take in a whole history.

use std::path::PathBuf;
use std::time::Duration;

use perfagent_history::{Added, Store};

use crate::exit::Exit;
use crate::history::{Files, Intake, Origin, Said};
use crate::printer::Printer;

/// Take in a whole history
///
/// A FILE is data.js of github-action-benchmark, or what `perfagent history export --format json` wrote. Commits and times are those of
/// the file. Runs are appended in the order of the file, and runs that are there already are left alone; so a history is best begun
/// with its import.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history import --store history.db --branch main --machine runner-1 data.js
  perfagent history import --store all.db one.json two.json")]
pub(super) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    origin: Origin,
    #[command(flatten)]
    said: Said,
    /// The histories
    #[arg(value_name = "FILE", required = true)]
    histories: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (said, now) = (&args.said, perfagent_health::now());
    let directions = said.directions();
    let intake = Intake {
        origin: &args.origin,
        directions: &directions,
        facts: &said.fact,
        time: None,
        now,
    };
    let mut runs = Vec::new();
    let mut files = Vec::new();
    for path in &args.histories {
        let (format, taken) = intake.history(path)?;
        files.push((path.display(), format, taken.runs.len()));
        runs.extend(taken.runs);
    }
    let wait = Duration::from_secs(said.wait.into());
    let added =
        Store::open_or_create(&args.files.store, wait)?.add(&runs, said.replace, now, wait)?;
    if said.json {
        super::tell(&runs, &added, true, printer)?;
        return Ok(Exit::Success);
    }
    let mut rest = added.as_slice();
    for (path, format, count) in files {
        let (own, others) = rest.split_at(count);
        rest = others;
        let known = own.iter().filter(|added| matches!(added, Added::Known(_))).count();
        printer.line(format!(
            "{path}: {} runs of {}, {known} of which were there already",
            own.len(),
            format.name()
        ))?;
    }
    Ok(Exit::Success)
}
