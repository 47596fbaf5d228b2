//! `perfagent ci`: keep slower versions out of a branch.

mod gate;
mod init;

use crate::exit::Exit;
use crate::printer::Printer;

/// Keep regressions out of a branch: a gate for continuous integration, and the workflow that runs it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent ci init --command ./bench.sh
  perfagent ci gate --base ../base --new . -- ./bench.sh")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Gate(gate::Args),
    Init(init::Args),
}

/// Runs the gate, or writes the workflow.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Gate(args) => gate::run(args, printer),
        Action::Init(args) => init::run(args, printer),
    }
}
