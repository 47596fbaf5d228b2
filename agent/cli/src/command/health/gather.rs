//! `perfagent health gather`: many nodes' documents, judged together.

use std::path::PathBuf;

use anyhow::ensure;
use perfagent_health::fleet::{Settings, judge};

use super::exit_style::ExitStyle;
use crate::exit::Exit;
use crate::fleet;
use crate::output;
use crate::page::Form;
use crate::printer::Printer;

/// What GitHub takes of a job's summary, in bytes.
const SUMMARY: usize = 1 << 20;

/// Judge many nodes against each other: outliers, what is missing, what to do
///
/// Takes documents of `perfagent health --json` and `perfagent ceilings --json` (one or many a file, as lines too, and folders of them), rows of superbench's
/// results-summary.jsonl, what `nvbandwidth -j` and `perfagent-bench --json` write, results of `perfagent bench run`, and logs of nccl-tests, nvbandwidth, superbench's GPU copy and stream tests, bandwidthTest, perftest and gpu-burn, which
/// lie in a folder with the node's name or begin with it.
///
/// Nodes are compared within their kind, GPUs of one product with one driver. Of fewer than five nodes of a kind, what no datasheet
/// bounds is unknown. A document that is damaged, out of time or of a name that two nodes have makes its node unknown, never ok.
///
/// Exit codes: ci: 0 ok or warning, 1 critical, 3 unknown. nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
/// npd: 0 ok, 1 warning or critical, 2 unknown, and one line of output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent health gather results/
  perfagent health gather results/ --expect-hosts 'gpu[001-128]' --html fleet.html
  srun --ntasks-per-node=1 perfagent health --json > all.jsonl; perfagent health gather all.jsonl")]
pub(crate) struct Args {
    /// Files, and folders of files
    #[arg(value_name = "DIR|FILE", required = true)]
    paths: Vec<PathBuf>,
    /// Answer as JSON (perfagent.fleet/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Write a page for a browser too, with a square a node, in one file that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// The nodes that there should be, as Slurm writes them, or @FILE with such a list; one that is missing is unknown
    #[arg(long, value_name = "HOSTS")]
    expect_hosts: Option<String>,
    /// Worse than the median of its kind by so many percent is a warning
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().threshold_pct)]
    threshold: f64,
    /// And by so many critical
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().critical_pct)]
    critical: f64,
    /// How many of those that are named may be so by chance, in percent
    #[arg(long, value_name = "PCT", allow_negative_numbers = true, default_value_t = Settings::default().false_discovery_rate * 100.0)]
    false_discoveries: f64,
    /// Documents that are further than this from the middle one are out of time, in minutes
    #[arg(long, value_name = "MIN", allow_negative_numbers = true, default_value_t = Settings::default().window_s / 60.0)]
    window: f64,
    /// Whose convention the exit code follows
    #[arg(long, value_name = "STYLE", default_value = "ci")]
    exit_style: ExitStyle,
}

/// Judges them.
pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let settings = settings(args)?;
    let expected = args.expect_hosts.as_deref().map(fleet::expected).transpose()?;
    // Before minutes of reading.
    let html = args.html.as_ref().map(|path| output::begin(path, "--html")).transpose()?;
    let gathered = fleet::gather(&args.paths, expected.unwrap_or_default())?;
    let found = judge(gathered, &settings, perfagent_health::now());
    let page = fleet::page(&found);
    if args.json {
        printer.json(&found)?;
    } else if args.markdown {
        printer.answer(page.markdown_within(SUMMARY))?;
    } else {
        match args.exit_style {
            ExitStyle::Ci => page.print(Form::Text, printer)?,
            ExitStyle::Nagios => {
                printer.line(fleet::headline(&found))?;
                // What Nagios takes for performance data begins with a bar.
                printer.answer(page.render(Form::Text).replace('|', "/"))?;
            }
            ExitStyle::Npd => printer.line(fleet::headline(&found))?,
        }
    }
    if let Some(file) = html {
        file.finish_text(&page.render(Form::Html))?;
    }
    Ok(args.exit_style.exit(found.verdict))
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    ensure!(
        args.threshold.is_finite() && args.threshold > 0.0,
        "--threshold {}: is not a percentage above 0; give the least slowdown that matters, such as 3",
        args.threshold
    );
    ensure!(
        args.critical.is_finite() && args.critical >= args.threshold,
        "--critical {}: is less than --threshold {}; give the slowdown for which a node is taken out of use, such as 5",
        args.critical,
        args.threshold
    );
    ensure!(
        args.false_discoveries > 0.0 && args.false_discoveries < 50.0,
        "--false-discoveries {}: is not a percentage above 0 and below 50; give the share of wrong accusations that is acceptable, such as 1",
        args.false_discoveries
    );
    ensure!(
        args.window.is_finite() && args.window > 0.0,
        "--window {}: is not a number of minutes above 0",
        args.window
    );
    Ok(Settings {
        threshold_pct: args.threshold,
        critical_pct: args.critical,
        false_discovery_rate: args.false_discoveries / 100.0,
        window_s: args.window * 60.0,
        ..Settings::default()
    })
}
