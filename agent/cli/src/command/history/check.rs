//! `perfagent history check`: do the newest runs fit in with their own history.

use anyhow::ensure;
use perfagent_history::Store;
use perfagent_regress::history::{Overall, Settings};

use crate::exit::Exit;
use crate::history::{Question, Wanted, check_page, judged};
use crate::page::Form;
use crate::printer::Printer;

/// Judge the newest runs against their own history
///
/// Judged are the runs of the newest commit, in every suite and on every machine where it was measured, each against the older runs of
/// the same branch (or --baseline-branch), suite, machine and environment. Exit code 1: a metric became worse; 3 with --strict: a
/// headline metric is open or missing; 4: every older run comes from an environment that must not be compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history check --store history.db
  perfagent history check --store history.db --branch fix --baseline-branch main --markdown >> \"$GITHUB_STEP_SUMMARY\"")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// Hold the runs against this branch's history
    #[arg(long, value_name = "NAME")]
    baseline_branch: Option<String>,
    /// Judge the last N runs, whatever their commits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    newest: Option<u32>,
    /// Older runs that count at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 200)]
    window: u32,
    /// Order runs by their times, not by their adding
    #[arg(long)]
    by_time: bool,
    /// Changes up to this are too small to matter, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().threshold_pct)]
    threshold: f64,
    /// Share of false alarms that is accepted among the metrics that are called changed, 0 to 1
    #[arg(long, value_name = "Q", default_value_t = Settings::default().false_discovery_rate)]
    false_discovery_rate: f64,
    /// Answer as JSON (perfagent.history-check/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Exit with 3 when a headline metric is inconclusive or missing
    #[arg(long)]
    strict: bool,
    /// Compare even runs from different environments
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    ensure!(
        args.threshold.is_finite() && args.threshold > 0.0,
        "--threshold {}: is not a percentage above 0; give the smallest change that matters, such as 2",
        args.threshold
    );
    ensure!(
        args.false_discovery_rate > 0.0 && args.false_discovery_rate < 1.0,
        "--false-discovery-rate {}: is not a share between 0 and 1; give one such as 0.005",
        args.false_discovery_rate
    );
    let settings =
        Settings { threshold_pct: args.threshold, false_discovery_rate: args.false_discovery_rate };
    let store = Store::open(&args.wanted.store)?;
    let question = Question {
        wanted: args.wanted.selection(),
        baseline_branch: args.baseline_branch.as_deref(),
        newest: args.newest.map(|count| count as usize),
        window: args.window as usize,
        by_time: args.by_time,
        force: args.force,
    };
    let name = args.wanted.store.display().to_string();
    let check = judged(store, &name, &question, &settings)?;
    if args.json {
        printer.json(&check)?;
    } else {
        let form = if args.markdown { Form::Markdown } else { Form::Text };
        check_page(&name, &check).print(form, printer)?;
    }
    if check.verdict == Overall::Incomparable {
        printer.note(format!(
            "{name}: every older run was measured in another environment; measure in the same one, or compare anyway with --force"
        ));
    }
    Ok(match check.verdict {
        Overall::Regression => Exit::No,
        Overall::Incomparable => Exit::Incomparable,
        Overall::Inconclusive if args.strict => Exit::Inconclusive,
        Overall::Inconclusive | Overall::Improvement | Overall::Ok => Exit::Success,
    })
}
