//! `perfagent active-answer`: the process that loads a device for `perfagent health --active`, so that what hangs hangs alone.

use std::io::{ErrorKind, stdout};
use std::time::Duration;

use perfagent_health::active::{Work, answer};
use perfagent_kernels::{Device, MemoryLimits};

use crate::exit::Exit;

/// Test and measure a device and answer with one JSON line a step; what `perfagent health --active` starts
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "Example:\n  perfagent active-answer --device cpu --memory-bytes 1000000"
)]
pub(crate) struct Args {
    /// cpu or cuda:N
    #[arg(long)]
    device: Device,
    /// Test so many bytes of its memory
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
    /// Begin no pattern after so many seconds
    #[arg(long, value_name = "S", default_value_t = 0)]
    memory_seconds: u64,
    /// Measure its ceilings
    #[arg(long)]
    ceilings: bool,
}

/// Writes line by line past the printer, as `nvml-answer` does.
pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let time = Duration::from_secs(args.memory_seconds);
    let work = Work {
        device: args.device,
        memory: args.memory_bytes.map(|bytes| MemoryLimits { bytes, time }),
        ceilings: args.ceilings,
    };
    match answer(&work, &mut stdout().lock()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            anyhow::bail!("standard output: cannot be written: {error}; send it elsewhere")
        }
        _ => Ok(Exit::Success),
    }
}
