//! `perfagent health`: whether this node is well, and whether many are.

mod exit_style;
mod gather;

use std::time::Duration;

use anyhow::Context as _;
use perfagent_health::gpu::probe::Probe;
use perfagent_health::{Options, examine};

use exit_style::ExitStyle;

use crate::exit::Exit;
use crate::health;
use crate::printer::Printer;

/// Check whether this node is well: host, network, GPUs
///
/// Only looks, changes nothing. What could not be checked is unknown, never ok. The verdict is the worst of the checks:
/// critical, then unknown, then warning; hardware that is not there at all has no say, except that a node on which no
/// GPU can be seen is not ok.
///
/// Exit codes: ci: 0 ok or warning, 1 critical, 3 unknown. nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
/// npd (node-problem-detector): 0 ok, 1 warning or critical, 2 unknown, and one line of output.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:
  perfagent health --exit-style nagios --timeout 4
  perfagent health gather results/"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Answer as JSON (perfagent.health/1)
    #[arg(long)]
    json: bool,
    /// Whose convention the exit code follows
    #[arg(long, value_name = "STYLE", default_value = "ci")]
    exit_style: ExitStyle,
    /// Seconds after which whatever has not answered is reported as such
    #[arg(long, value_name = "S", default_value = "4.5", value_parser = seconds)]
    timeout: Duration,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Gather(gather::Args),
}

/// Runs the checks, or brings those of many nodes together.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    if let Some(Action::Gather(args)) = &args.action {
        return gather::run(args, printer);
    }
    let program = std::env::current_exe()
        .context("perfagent: its own path cannot be found; start it by its full path")?;
    let found = examine(&Options {
        root: "/".into(),
        time_limit: args.timeout,
        probe: Probe { program, arguments: vec!["nvml-answer".to_owned()] },
    });
    if args.json {
        printer.json(&found)?;
    } else {
        printer.line(health::headline(&found))?;
        match args.exit_style {
            ExitStyle::Ci => health::write_checks(&found, true, printer)?,
            // What Nagios takes for performance data begins with a bar, and commands to type are full of them.
            ExitStyle::Nagios => health::write_checks(&found, false, printer)?,
            ExitStyle::Npd => {}
        }
    }
    Ok(args.exit_style.exit(found.verdict))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.001..=3600.0).contains(seconds));
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds between 0.001 and 3600".to_owned())
}
