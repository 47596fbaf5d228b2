//! `perfagent recover`: rebuild a recording after the recorder itself was killed.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::printer::Printer;

use super::record::contents;

/// Rebuild a recording after the recorder itself was killed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent recover run.perfdb.partial -o run.perfdb")]
pub(crate) struct Args {
    /// The directory that the recorder left behind
    #[arg(value_name = "RUN_DIR")]
    directory: PathBuf,
    /// Where to write the recording
    #[arg(short, long, value_name = "RUN.perfdb")]
    output: PathBuf,
    /// Replace an earlier recording of that name
    #[arg(short, long)]
    force: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let summary = perfagent_collect::recover(&args.directory, &args.output, args.force)?;
    for warning in &summary.warnings {
        printer.note(format!("warning: {warning}"));
    }
    printer.note(contents(&summary));
    Ok(Exit::Success)
}
