//! `perfagent report`: where the time and the memory of a run went.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use perfagent_analysis::Report;

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::report::{Origin, page, rules_page};
use crate::{across, output, rule_file, summaries, unit};

/// Show where the time and the memory of a run went
///
/// Several recordings are taken as parts of one run, for example one a node: their ranks are shown together, and
/// collectives are matched across the files. They are read one after the other on each processor, and only their figures
/// are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent report run.perfdb
  perfagent report run.perfdb --html run.html
  perfagent report rank*.pt.trace.json.gz
  perfagent report node-*.perfdb --markdown >> \"$GITHUB_STEP_SUMMARY\"
  srun -N8 -n64 perfagent report --across /shared/meet rank-*.perfdb")]
pub(crate) struct Args {
    /// The recordings, or traces of other tools, as `perfagent import` takes them: then nothing is stored
    #[arg(value_name = "RUN.perfdb|TRACE", required = true)]
    recordings: Vec<PathBuf>,
    /// Answer as JSON (perfagent.report/1), with every row and exact nanoseconds
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Write a page for a browser with pictures, in one file that needs nothing else; `-` is standard output
    #[arg(long, value_name = "FILE.html", conflicts_with_all = ["json", "markdown", "summary"])]
    html: Option<PathBuf>,
    /// Show this rank alone
    #[arg(long, value_name = "N")]
    rank: Option<i64>,
    /// Show by which rule every kernel and operator has its category, and nothing else
    #[arg(long, conflicts_with_all = ["json", "summary"])]
    rules: bool,
    /// Take the categories from this file: an edited copy of `data/kernel_categories.txt`, whose head describes it. A line
    /// `communication = …` adds to what is communication, and one with a label that begins with `!` to what is never
    #[arg(long, value_name = "FILE", conflicts_with = "across")]
    rule_file: Option<PathBuf>,
    /// Store the figures of the recordings in this file instead, for a later report that takes it as if it were them
    #[arg(long, value_name = "OUT.json", conflicts_with_all = ["json", "markdown", "rank"])]
    summary: Option<PathBuf>,
    /// As a rank of torchrun, mpirun or srun: read a share of the recordings, and let rank 0 answer for all. The ranks meet in
    /// this folder, which all of them must see
    #[arg(long, value_name = "DIR")]
    across: Option<PathBuf>,
    /// With --across: how long rank 0 waits for the others, in seconds
    #[arg(long, value_name = "S", default_value_t = 600, requires = "across")]
    patience: u64,
}

/// Prints the report.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let summaries = match (&args.across, &args.rule_file) {
        (Some(folder), _) => {
            let patience = Duration::from_secs(args.patience);
            match across::summarise(folder, &args.recordings, patience)? {
                Some(summaries) => summaries,
                None => return Ok(Exit::Success),
            }
        }
        (None, Some(file)) => summaries::by_rules(&args.recordings, &rule_file::read(file)?)?,
        (None, None) => summaries::of_files(&args.recordings)?,
    };
    if let Some(path) = &args.summary {
        output::begin(path, "--summary")?.finish_json(&summaries)?;
        return Ok(Exit::Success);
    }
    let origins: Vec<_> = summaries.iter().map(Origin::of).collect();
    let mut report = summaries::report(summaries)?;
    if let Some(number) = args.rank {
        narrow(&mut report, number)?;
    }
    if args.json {
        printer.json(&report)?;
    } else if let Some(path) = args.html.as_ref().filter(|path| path.as_os_str() != "-") {
        let page = page(&report, &origins).render(Form::Html);
        output::begin(path, "--html")?.finish_text(&page)?;
    } else if args.html.is_some() {
        page(&report, &origins).print(Form::Html, printer)?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        let page = if args.rules { rules_page(&report) } else { page(&report, &origins) };
        page.print(form, printer)?;
    }
    Ok(Exit::Success)
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
