//! `perfagent history export`: runs in the forms of other tools.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use perfagent_history::{Measurement, Run, Store, StoredRun, export, results};
use perfagent_regress::compare::{Better, Family};
use serde_json::Value;

use crate::exit::Exit;
use crate::history::Wanted;
use crate::output;
use crate::printer::Printer;

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Bencher Metric Format, of one run
    Bmf,
    /// What github-action-benchmark takes in, of one run
    GithubActionBenchmark,
    /// What `hyperfine --export-json` writes: the times of one run
    Hyperfine,
    /// The messages of `cargo criterion --message-format=json`: the times of one run
    Criterion,
    /// A row a value, of all runs
    Csv,
    /// Everything, of all runs: what `perfagent history import` takes in
    Json,
}

/// Which metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Direction {
    Lower,
    Higher,
}

/// Write runs in the forms of other tools
///
/// bmf, github-action-benchmark, hyperfine and criterion are of one run, the last that is meant or --run. github-action-benchmark knows
/// one direction a file: --better says which. hyperfine and criterion know times alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history export --store history.db --format bmf -o bmf.json
  perfagent history export --store history.db --format github-action-benchmark --better higher
  perfagent history export --store history.db --format json -o backup.json")]
pub(super) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// The form
    #[arg(long, value_enum)]
    format: Format,
    /// The run, by its number [default: the last one]
    #[arg(long, value_name = "NUMBER")]
    run: Option<i64>,
    /// Which metrics a file for github-action-benchmark has: those of which these values are better
    #[arg(long, value_enum, default_value = "lower")]
    better: Direction,
    /// Kernels, operators and collectives too; csv and json always have them
    #[arg(long)]
    details: bool,
    /// Where to [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let store = Store::open(&args.wanted.store)?;
    let name = args.wanted.store.display();
    let mut runs = store.runs(&args.wanted.selection())?;
    if let Some(id) = args.run {
        runs.retain(|stored| stored.id == id);
    }
    ensure!(
        !runs.is_empty(),
        "{name}: holds no such run; `perfagent history list --store {name}` shows those that there are"
    );
    let text = match args.format {
        Format::Csv => csv(&store, &runs)?,
        Format::Json => json(&store, runs)?,
        Format::Bmf => {
            let (suite, measurements) = one(&store, &runs, args.details)?;
            pretty(&export::bencher(&suite, &measurements))?
        }
        Format::Hyperfine => {
            let times = times(&store, &runs, args.details, printer)?;
            pretty(&export::hyperfine(&times))?
        }
        Format::Criterion => {
            let times = times(&store, &runs, args.details, printer)?;
            export::criterion(&times).iter().map(|message| message.to_string() + "\n").collect()
        }
        Format::GithubActionBenchmark => {
            let (_, measurements) = one(&store, &runs, args.details)?;
            let (better, other) = match args.better {
                Direction::Lower => (Better::Lower, "higher"),
                Direction::Higher => (Better::Higher, "lower"),
            };
            let left_out = measurements.iter().filter(|found| found.better != better).count();
            if left_out > 0 {
                printer.note(format!(
                    "{left_out} metrics go the other way; write them with --better {other}"
                ));
            }
            pretty(&export::custom(&measurements, better))?
        }
    };
    drop(store);
    match &args.output {
        Some(path) => output::begin(path, "-o")?.finish_text(&text)?,
        None => printer.answer(text)?,
    }
    Ok(Exit::Success)
}

/// What the last run has measured.
fn one(
    store: &Store,
    runs: &[StoredRun],
    details: bool,
) -> anyhow::Result<(String, Vec<Measurement>)> {
    let last = runs.last().context("there is no run")?;
    let mut measurements = store.measurements(last.id)?;
    measurements.retain(|measured| details || measured.family == Family::Headline);
    Ok((last.run.suite.clone(), measurements))
}

/// The same for tools that know times alone.
fn times(
    store: &Store,
    runs: &[StoredRun],
    details: bool,
    printer: &mut Printer,
) -> anyhow::Result<Vec<Measurement>> {
    let (_, measurements) = one(store, runs, details)?;
    let left_out = export::others(&measurements);
    if left_out > 0 {
        printer.note(format!("{left_out} metrics are no times, and are left out"));
    }
    Ok(measurements)
}

fn pretty(document: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

fn json(store: &Store, runs: Vec<StoredRun>) -> anyhow::Result<String> {
    let whole = |stored: StoredRun| -> anyhow::Result<Run> {
        Ok(Run { measurements: store.measurements(stored.id)?, ..stored.run })
    };
    let runs = runs.into_iter().map(whole).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(serde_json::to_string_pretty(&results::own_document(runs))? + "\n")
}

fn csv(store: &Store, runs: &[StoredRun]) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "run", "time", "commit", "branch", "suite", "machine", "metric", "of", "unit", "better",
        "value",
    ])?;
    for stored in runs {
        let run = &stored.run;
        for found in store.values(stored.id)? {
            let better = if found.metric.better == Better::Lower { "lower" } else { "higher" };
            table.write_record([
                &stored.id.to_string(),
                &run.time.rfc3339(),
                &run.commit,
                &run.branch,
                &run.suite,
                &run.machine,
                &found.metric.name,
                found.metric.subject.as_deref().unwrap_or_default(),
                &found.metric.unit,
                better,
                &found.value.to_string(),
            ])?;
        }
    }
    let text = table.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8(text)?)
}
