//! `perfagent advise`: what to change, each fact traced to the recording.

use std::path::PathBuf;

use perfagent_advisor::advise;

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::{advice, summaries};

/// Say what a run lost and what to change
///
/// Several recordings are taken as parts of one run, for example one a node.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent advise run.perfdb")]
pub(crate) struct Args {
    /// The recordings, or traces of other tools, as `perfagent import` takes them
    #[arg(value_name = "RUN.perfdb|TRACE", required = true)]
    recordings: Vec<PathBuf>,
    /// Answer as JSON (perfagent.advice/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
}

/// Prints the advice.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let advice = advise(&summaries::report(summaries::of_files(&args.recordings)?)?);
    if args.json {
        printer.json(&advice)?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        advice::page(&advice).print(form, printer)?;
    }
    Ok(Exit::Success)
}
