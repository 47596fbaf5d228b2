//! `perfagent nvml-answer`: the process that asks NVML for `perfagent health`, so that a call that hangs hangs alone.

use std::io::{ErrorKind, stdout};

use crate::exit::Exit;

/// Ask NVML everything and answer with one JSON line a step; what `perfagent health` starts
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  perfagent nvml-answer")]
pub(crate) struct Args {}

/// Writes line by line past the printer, which holds answers back: each line must be out before the next call hangs.
pub(crate) fn run(_args: &Args) -> anyhow::Result<Exit> {
    match perfagent_health::gpu::probe::answer(&mut stdout().lock()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            anyhow::bail!("standard output: cannot be written: {error}; send it elsewhere")
        }
        _ => Ok(Exit::Success),
    }
}
