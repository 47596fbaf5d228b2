//! `perfagent report`: where the time and the memory of a run went.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use perfagent_analysis::{Report, repeated, report_many};
use perfagent_recording::Recording;

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::report::{Origin, page};
use crate::{input, unit};

/// Show where the time and the memory of a run went
///
/// Several recordings are taken as parts of one run, for example one a node: their ranks are shown together, and
/// collectives are matched across the files.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent report run.perfdb
  perfagent report node-*.perfdb --markdown >> \"$GITHUB_STEP_SUMMARY\"")]
pub(crate) struct Args {
    /// The recordings
    #[arg(value_name = "RUN.perfdb", required = true)]
    recordings: Vec<PathBuf>,
    /// Answer as JSON (perfagent.report/1), with every row and exact nanoseconds
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Show this rank alone
    #[arg(long, value_name = "N")]
    rank: Option<i64>,
}

/// Prints the report.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let recordings = input::load_all(&args.recordings)?;
    let mut report = report_of(&recordings)?;
    if let Some(number) = args.rank {
        narrow(&mut report, number)?;
    }
    if args.json {
        printer.json(&report)?;
    } else {
        let origins: Vec<_> =
            recordings.iter().map(|(_, recording)| Origin::of(recording)).collect();
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        page(&report, &origins).print(form, printer)?;
    }
    Ok(Exit::Success)
}

/// The report of recordings that were read from files.
pub(super) fn report_of(recordings: &[(String, Recording)]) -> anyhow::Result<Report> {
    let read: Vec<_> = recordings.iter().map(|(_, recording)| recording).collect();
    if let Some((first, second)) = repeated(&read) {
        let (first, second) = (&recordings[first].0, &recordings[second].0);
        bail!("{second}: is the same recording as {first}; name each recording of the run once");
    }
    let named: Vec<_> =
        recordings.iter().map(|(path, recording)| (recording, path.as_str())).collect();
    Ok(report_many(&named))
}

fn narrow(report: &mut Report, number: i64) -> anyhow::Result<()> {
    let ranks = report.ranks.iter();
    let present: Vec<_> =
        ranks.map(|rank| unit::known(rank.rank, |rank| rank.to_string())).collect();
    report.ranks.retain(|rank| rank.rank == Some(number));
    ensure!(
        !report.ranks.is_empty(),
        "{}: has no rank {number}; its ranks are {}",
        report.recording.path,
        present.join(", ")
    );
    Ok(())
}
