//! `perfagent gui`: look at recordings in a window.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use perfagent_recording::Reader;

use crate::exit::Exit;
use crate::lookup::Sibling;
use crate::printer::Printer;

const PERFAGENT_GUI: Sibling = Sibling {
    name: "perfagent-gui",
    variable: "PERFAGENT_GUI",
    remedy: "build it with `cargo build -p perfagent-gui`",
};

/// Look at recordings in a window
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  perfagent gui run.perfdb")]
pub(crate) struct Args {
    /// The recordings
    #[arg(value_name = "RUN.perfdb", required = true)]
    recordings: Vec<PathBuf>,
}

/// Becomes the window's program, once the recordings are known to open: a message in a terminal is
/// easier to act on than one in a window that flashes up.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    for path in &args.recordings {
        Reader::open(path)?;
    }
    let program = PERFAGENT_GUI.find()?;
    printer.flush()?;
    let failure = Command::new(&program).args(&args.recordings).exec();
    anyhow::bail!("{}: cannot be started: {failure}; build it again", program.display())
}
