//! `perfagent schema`: the tables of a recording, described.

use crate::exit::Exit;
use crate::printer::Printer;

/// Describe the tables of a recording, for `perfagent sql`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent schema > SCHEMA.md")]
pub(crate) struct Args {}

/// Prints the page.
pub(crate) fn run(_args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    printer.answer(perfagent_recording::markdown())?;
    Ok(Exit::Success)
}
