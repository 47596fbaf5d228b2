//! `perfagent nvml-sample`: the process that looks at the GPUs for `perfagent exporter`, so that a call that hangs hangs alone.

use std::io::stdout;
use std::time::Duration;

use crate::exit::Exit;

/// Look at all GPUs again and again, one JSON line a step; what `perfagent exporter` starts
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  perfagent nvml-sample --interval-ms 1000")]
pub(crate) struct Args {
    /// Milliseconds between two looks
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    interval_ms: u64,
}

/// Looks until nobody reads what it says, past the printer, which holds answers back.
pub(crate) fn run(args: &Args) -> Exit {
    // An exporter that is killed can tell nobody; without one there is nobody to look for.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    perfagent_exporter::sample::run(Duration::from_millis(args.interval_ms), stdout());
    Exit::Success
}
