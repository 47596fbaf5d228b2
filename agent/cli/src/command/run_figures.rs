//! `perfagent run-figures`: the process that reads a recording for `perfagent exporter`, so that a large or damaged one
//! costs the exporter nothing.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::printer::Printer;
use crate::run_figures;

/// The few figures of a recording that are worth a curve, as one JSON line; what `perfagent exporter` starts
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  perfagent run-figures run.perfdb")]
pub(crate) struct Args {
    /// The recording
    #[arg(value_name = "RUN.perfdb")]
    recording: PathBuf,
}

/// Prints them.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let figures = run_figures::read(&args.recording)?;
    printer.line(serde_json::to_string(&figures)?)?;
    Ok(Exit::Success)
}
