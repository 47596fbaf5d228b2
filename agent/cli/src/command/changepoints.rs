//! `perfagent changepoints`: where a series of results changed its level.

use std::path::PathBuf;

use perfagent_regress::series::{Direction, Settings, changepoints};

use crate::exit::Exit;
use crate::page::Form;
use crate::printer::Printer;
use crate::{changes, output, series};

/// Find where a series of results changed its level
///
/// The series is a JSON array of numbers, an object {"values": [...], "times": [...]}, or a CSV file with
/// a column `value`: one value a run, the oldest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent changepoints step_times.json
  perfagent changepoints nightly.csv --column tokens_per_s --higher-is-better --json
  perfagent changepoints nightly.csv --html nightly.html")]
pub(crate) struct Args {
    /// The series
    #[arg(value_name = "SERIES.json|SERIES.csv")]
    series: PathBuf,
    /// Answer as JSON (perfagent.changepoints/1)
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer as a Markdown page
    #[arg(long)]
    markdown: bool,
    /// Write a page with a picture of the series to this file
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Greater values are better, as of a throughput
    #[arg(long)]
    higher_is_better: bool,
    /// The column of a CSV file that holds the values
    #[arg(long, value_name = "NAME", default_value = "value")]
    column: String,
}

/// Prints the changes.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let series = series::read(&args.series, &args.column)?;
    let direction =
        if args.higher_is_better { Direction::HigherIsBetter } else { Direction::LowerIsBetter };
    let settings = Settings { direction, ..Settings::default() };
    let found = changepoints(&series.values, &settings)
        .map_err(|error| anyhow::anyhow!("{}: {error}", args.series.display()))?;
    let name = args.series.display().to_string();
    let page = changes::page(&name, &series, &found);
    if let Some(path) = &args.html {
        output::begin(path, "--html")?.finish_text(&page.render(Form::Html))?;
    }
    if args.json {
        printer.json(&found)?;
    } else {
        page.print(if args.markdown { Form::Markdown } else { Form::Text }, printer)?;
    }
    Ok(Exit::Success)
}
