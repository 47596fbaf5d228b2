//! `perfagent health`: whether this node is well, and whether many are.

mod exit_style;
mod gather;

use std::time::Duration;

use anyhow::Context as _;
use perfagent_health::gpu::probe::Probe;
use perfagent_health::launch::Report;
use perfagent_health::{Health, Options, Status, examine};

use exit_style::ExitStyle;

use crate::active;
use crate::exit::Exit;
use crate::expected_node::Expected;
use crate::health;
use crate::launch::{self, Answer, Node, gathered};
use crate::printer::Printer;

/// Check whether this node is well: host, network, GPUs
///
/// Only looks, changes nothing. What could not be checked is unknown, never ok. The verdict is the worst of the checks:
/// critical, then unknown, then warning; hardware that is not there at all has no say, except that a node on which no
/// GPU can be seen is not ok.
///
/// Exit codes: ci: 0 ok or warning, 1 critical, 3 unknown. nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
/// npd (node-problem-detector): 0 ok, 1 warning or critical, 2 unknown, and one line of at most 80 bytes.
///
/// Started by srun, mpirun or torchrun it examines each node once. Its place comes from --nnodes and --node-rank, else from
/// the variables of torchrun, MPI and Slurm, in this order; variables that contradict each other are refused.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:
  perfagent health --exit-style nagios --timeout 4
  perfagent health --active --json > node.json
  srun --ntasks-per-node=1 perfagent health --out /shared/health
  perfagent health gather /shared/health
  mpirun --map-by ppr:1:node perfagent health --gather-at node1:29400
  perfagent health --timeout 20 --slurm-drain --slurm-resume    # as Slurm's HealthCheckProgram"
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
    #[command(flatten)]
    active: active::Args,
    #[command(flatten)]
    expected: Expected,
    #[command(flatten)]
    launch: launch::Arguments,
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
    let Some(node) = Node::begin(&args.launch, args.timeout, printer)? else {
        return Ok(Exit::Success);
    };
    let program = std::env::current_exe()
        .context("perfagent: its own path cannot be found; start it by its full path")?;
    let found = node.name(examine(&Options {
        root: "/".into(),
        time_limit: args.timeout,
        probe: Probe { program, arguments: vec!["nvml-answer".to_owned()] },
        expected: args.expected.read()?,
    }));
    let found = args.active.extend(found, printer)?;
    args.expected.write(&found)?;
    let delivery = node.deliver(&found, &health::headline(&found), printer)?;
    match &delivery.answer {
        Answer::Node => show(&found, true, args, printer)?,
        Answer::Headline => show(&found, false, args, printer)?,
        Answer::Nodes(reports) => show_all(reports, delivery.verdict, args, printer)?,
        Answer::Elsewhere => {}
    }
    if delivery.handed_over {
        return Ok(Exit::Success);
    }
    Ok(args.exit_style.exit(delivery.verdict))
}

fn show(found: &Health, whole: bool, args: &Args, printer: &mut Printer) -> anyhow::Result<()> {
    if args.json {
        return printer.json(found);
    }
    if args.exit_style == ExitStyle::Npd {
        return printer.line(health::condition(found));
    }
    printer.line(health::headline(found))?;
    if whole {
        // What Nagios takes for performance data begins with a bar, and commands to type are full of them.
        health::write_checks(found, args.exit_style == ExitStyle::Ci, printer)?;
    }
    Ok(())
}

fn show_all(
    reports: &[Report],
    verdict: Status,
    args: &Args,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if args.json {
        return printer.json(&gathered::Document::new(reports, verdict));
    }
    let headline = gathered::headline(reports, verdict);
    if args.exit_style == ExitStyle::Npd {
        return printer.line(health::npd_line(&headline));
    }
    printer.line(headline)?;
    gathered::lines(reports).into_iter().try_for_each(|line| printer.line(line))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.001..=3600.0).contains(seconds));
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "give a number of seconds between 0.001 and 3600".to_owned())
}
