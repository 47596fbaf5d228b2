//! `perfagent gui`: look at recordings in a window.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::exit::Exit;
use crate::input::Input;
use crate::lookup::Sibling;
use crate::printer::Printer;

const PERFAGENT_GUI: Sibling = Sibling {
    name: "perfagent-gui",
    variable: "PERFAGENT_GUI",
    remedy: "build it with `cargo build -p perfagent-gui`",
};

/// Look at recordings and other tools' traces in a window
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  perfagent gui run.perfdb\n  perfagent gui base.perfdb new.perfdb    # one above the other, first steps together\n  perfagent gui --view advisor run.perfdb"
)]
pub(crate) struct Args {
    /// Recordings, traces, or folders of them; without any, the window asks for one
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The view to show first: overview, timeline, operations, memory, communication, roofline, advisor, compare, fleet, live
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
    /// Memory that recordings may take; larger ones are opened in parts. As it was set last, at first half of the machine's
    #[arg(long, value_name = "GIB")]
    memory: Option<f64>,
}

/// Becomes the window's program, once the files are known to open: a message in a terminal is
/// easier to act on than one in a window that flashes up.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    for path in args.files.iter().filter(|path| !path.is_dir()) {
        Input::open(path)?;
    }
    let program = PERFAGENT_GUI.find()?;
    printer.flush()?;
    let view = args.view.iter().flat_map(|view| ["--view", view]);
    let memory = args.memory.map(|gib| gib.to_string());
    let memory = memory.iter().flat_map(|gib| ["--memory", gib]);
    let failure = Command::new(&program).args(view).args(memory).args(&args.files).exec();
    anyhow::bail!("{}: cannot be started: {failure}; build it again", program.display())
}
