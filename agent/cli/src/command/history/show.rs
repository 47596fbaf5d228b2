//! `perfagent history show`: a metric over time, all of them at a glance, or one run.

use anyhow::{bail, ensure};
use perfagent_history::{Measurement, Store};

use super::list;
use crate::exit::Exit;
use crate::history::{Series, Wanted, overview, quantity, series, series_page};
use crate::page::{Cell, Form, Page, Table};
use crate::printer::Printer;
use crate::unit;

/// Show a metric over time, all metrics at a glance, or one run
///
/// As JSON or CSV one series feeds `perfagent changepoints`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent history show --store history.db
  perfagent history show --store history.db step_time --branch main
  perfagent history show --store history.db latency --of parse --csv > latency.csv
  perfagent history show --store history.db --run 12")]
pub(super) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// The metric; all of them at a glance without one
    #[arg(value_name = "METRIC")]
    metric: Option<String>,
    /// What it is of: a benchmark, a kernel
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// One run, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["metric", "of", "csv"])]
    run: Option<i64>,
    /// Kernels, operators and collectives too
    #[arg(long)]
    details: bool,
    /// Answer as JSON: a series (perfagent.history-series/1), or a run (perfagent.history-run/1)
    #[arg(long)]
    json: bool,
    /// Answer as CSV: a series
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let store = Store::open(&args.wanted.store)?;
    let name = args.wanted.store.display().to_string();
    if let Some(id) = args.run {
        return one_run(args, &store, id, printer);
    }
    let runs = store.runs(&args.wanted.selection())?;
    let all = series(&store, &runs, args.metric.as_deref(), args.of.as_deref())?;
    // Writers do not wait for whoever reads the answer.
    drop(store);
    ensure!(
        !all.is_empty(),
        "{name}: holds no such runs; `perfagent history show --store {name}` shows its metrics"
    );
    if args.json || args.csv {
        let one = only(&name, &all)?;
        if args.json {
            printer.json(one)?;
        } else {
            csv(one, printer)?;
        }
    } else if args.metric.is_some() {
        series_page(&name, &all).print(Form::Text, printer)?;
    } else {
        overview(&name, &all, args.details).print(Form::Text, printer)?;
    }
    Ok(Exit::Success)
}

/// The only series, or which there are.
fn only<'a>(name: &str, all: &'a [Series]) -> anyhow::Result<&'a Series> {
    let [one] = all else {
        let of = |series: &Series| match &series.of {
            Some(of) => format!("{} --of {of}", series.metric),
            None => series.metric.clone(),
        };
        let shown: Vec<String> = all
            .iter()
            .take(6)
            .map(|series| {
                format!(
                    "{} --suite {} --machine {} --branch {}",
                    of(series),
                    series.suite,
                    series.machine,
                    series.branch
                )
            })
            .collect();
        let more = if all.len() > shown.len() { ", …" } else { "" };
        bail!(
            "{name}: {} series are meant, and one is written; name one of them: {}{more}",
            all.len(),
            shown.join(", ")
        );
    };
    Ok(one)
}

fn csv(series: &Series, printer: &mut Printer) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["run", "time", "commit", "value"])?;
    for index in 0..series.values.len() {
        table.write_record([
            &series.runs[index].to_string(),
            &series.times[index],
            &series.commits[index],
            &series.values[index].to_string(),
        ])?;
    }
    let text = table.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    printer.answer(String::from_utf8_lossy(&text))
}

fn one_run(args: &Args, store: &Store, id: i64, printer: &mut Printer) -> anyhow::Result<Exit> {
    let stored = store.run(id)?;
    let measurements = store.measurements(id)?;
    if args.json {
        let mut document = list::row(&stored);
        document["schema"] = "perfagent.history-run/1".into();
        document["measurements"] = serde_json::to_value(&measurements)?;
        printer.json(&document)?;
    } else {
        let facts = facts(&stored);
        page(&args.wanted.store.display().to_string(), id, facts, &measurements)
            .print(Form::Text, printer)?;
    }
    Ok(Exit::Success)
}

fn facts(stored: &perfagent_history::StoredRun) -> Vec<(String, String)> {
    let run = &stored.run;
    let time = if run.time_is_told { "measured" } else { "added" };
    let mut facts = vec![
        ("commit".to_owned(), run.commit.clone()),
        ("branch".to_owned(), run.branch.clone()),
        ("suite".to_owned(), run.suite.clone()),
        ("machine".to_owned(), run.machine.clone()),
        (time.to_owned(), run.time.rfc3339()),
        ("source".to_owned(), run.source.clone()),
    ];
    let known = run.environment.iter().filter_map(|fact| Some((&fact.name, fact.value.as_ref()?)));
    facts.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    facts
}

fn page(name: &str, id: i64, facts: Vec<(String, String)>, measurements: &[Measurement]) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent history of {name}: run {id}"));
    page.facts(facts);
    page.section("Metrics");
    let mut table = Table::new(["metric", "of", "value", "samples", "least", "greatest"]);
    for measured in measurements {
        let least = measured.samples.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = measured.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (least, greatest) = measured.bounds.unwrap_or((least, greatest));
        let subject = measured.subject.clone().unwrap_or_default();
        table.row([
            Cell::text(measured.name.replace('_', " ")),
            if measured.name.starts_with("kernel") {
                Cell::brief_kernel(subject)
            } else {
                Cell::name(subject)
            },
            Cell::figure(quantity(measured.value(), &measured.unit)),
            Cell::figure(unit::count(measured.samples.len() as i64)),
            Cell::figure(quantity(least, &measured.unit)),
            Cell::figure(quantity(greatest, &measured.unit)),
        ]);
    }
    page.table(table);
    page
}
