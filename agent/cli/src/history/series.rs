//! One metric over time, and all of them at a glance.

use std::collections::BTreeMap;

use perfagent_history::{Measurement, Store, StoredRun};
use perfagent_regress::compare::{Better, Family};
use perfagent_regress::series::{Direction, Settings, changepoints};
use serde::Serialize;

use super::sparkline::sparkline;
use super::{quantity, short};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Rows that a page shows of a series.
const SHOWN: usize = 30;

/// The values of one metric in the order of adding: `perfagent.history-series/1`, which `perfagent changepoints`
/// reads.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    schema: &'static str,
    pub(crate) metric: String,
    pub(crate) of: Option<String>,
    pub(crate) unit: String,
    pub(crate) better: Better,
    pub(crate) suite: String,
    pub(crate) machine: String,
    pub(crate) branch: String,
    /// One a run that has the metric.
    pub(crate) values: Vec<f64>,
    /// When each was measured, RFC 3339 in UTC.
    pub(crate) times: Vec<String>,
    pub(crate) commits: Vec<String>,
    /// Their numbers in the store.
    pub(crate) runs: Vec<i64>,
    #[serde(skip)]
    family: Family,
}

impl Series {
    fn place(&self) -> String {
        format!("{} on {}, branch {}", self.suite, self.machine, self.branch)
    }
}

/// The series of these runs, those of one suite, machine and branch together. `name` and `of` may leave some
/// out.
pub(crate) fn series(
    store: &Store,
    runs: &[StoredRun],
    name: Option<&str>,
    of: Option<&str>,
) -> anyhow::Result<Vec<Series>> {
    let mut found: Vec<Series> = Vec::new();
    let mut places: BTreeMap<(String, String, String, String), usize> = BTreeMap::new();
    for stored in runs {
        let run = &stored.run;
        for value in store.values(stored.id)? {
            let metric = value.metric;
            let is_wanted = name.is_none_or(|name| name == metric.name)
                && of.is_none_or(|of| Some(of) == metric.subject.as_deref());
            if !is_wanted {
                continue;
            }
            let key =
                (run.suite.clone(), run.machine.clone(), run.branch.clone(), identity(&metric));
            let place = *places.entry(key).or_insert_with(|| {
                found.push(begun(stored, metric));
                found.len() - 1
            });
            let series = &mut found[place];
            series.values.push(value.value);
            series.times.push(run.time.rfc3339());
            series.commits.push(run.commit.clone());
            series.runs.push(stored.id);
        }
    }
    found.sort_by(|a, b| {
        let place =
            |series: &Series| (series.suite.clone(), series.machine.clone(), series.branch.clone());
        place(a).cmp(&place(b))
    });
    Ok(found)
}

fn identity(metric: &Measurement) -> String {
    format!("{:?}", (&metric.name, &metric.subject, &metric.unit, metric.better, metric.family))
}

fn begun(stored: &StoredRun, metric: Measurement) -> Series {
    Series {
        schema: "perfagent.history-series/1",
        metric: metric.name,
        of: metric.subject,
        unit: metric.unit,
        better: metric.better,
        suite: stored.run.suite.clone(),
        machine: stored.run.machine.clone(),
        branch: stored.run.branch.clone(),
        values: Vec::new(),
        times: Vec::new(),
        commits: Vec::new(),
        runs: Vec::new(),
        family: metric.family,
    }
}

/// All series at a glance: the headline metrics, a line each.
pub(crate) fn overview(name: &str, all: &[Series], with_details: bool) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent history of {name}"));
    let mut rest = all;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|series| series.place() == first.place()).count();
        let (group, later) = rest.split_at(same);
        rest = later;
        page.section(first.place());
        let mut table =
            Table::new(["metric", "of", "runs", "median", "newest", "change", "picture"]);
        let mut left_out = 0;
        for series in group {
            if series.family == Family::Detail && !with_details {
                left_out += 1;
                continue;
            }
            let newest = series.values.last().copied().unwrap_or(f64::NAN);
            let median = Measurement {
                name: String::new(),
                subject: None,
                unit: String::new(),
                better: series.better,
                family: series.family,
                samples: series.values.clone(),
                bounds: None,
            }
            .value();
            let change = 100.0 * (newest - median) / median.abs();
            table.row([
                Cell::text(series.metric.replace('_', " ")),
                Cell::name(series.of.clone().unwrap_or_default()),
                Cell::figure(unit::count(series.values.len() as i64)),
                Cell::figure(quantity(median, &series.unit)),
                Cell::figure(quantity(newest, &series.unit)),
                Cell::figure(unit::known(change.is_finite().then_some(change), unit::change)),
                Cell::text(sparkline(&series.values)),
            ]);
        }
        page.table(table);
        if left_out > 0 {
            page.items(vec![format!(
                "{} kernels, operators and collectives are left out; --details shows them.",
                unit::count(left_out)
            )]);
        }
    }
    page
}

/// One metric, wherever it was measured.
pub(crate) fn series_page(name: &str, all: &[Series]) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent history of {name}"));
    for series in all {
        let title = match &series.of {
            Some(of) => format!("{} of {of}", series.metric.replace('_', " ")),
            None => series.metric.replace('_', " "),
        };
        page.section(format!("{title}, {}", series.place()));
        let direction = match series.better {
            Better::Lower => Direction::LowerIsBetter,
            Better::Higher => Direction::HigherIsBetter,
        };
        let settings = Settings { direction, ..Settings::default() };
        let Ok(found) = changepoints(&series.values, &settings) else { continue };
        let better = if series.better == Better::Lower { "lower" } else { "higher" };
        page.facts(vec![
            ("runs".to_owned(), unit::count(series.values.len() as i64)),
            ("better".to_owned(), better.to_owned()),
            ("picture".to_owned(), sparkline(&series.values)),
        ]);
        let mut table = Table::new(["run", "time", "commit", "value", "level"]);
        let first = series.values.len().saturating_sub(SHOWN);
        for index in first..series.values.len() {
            let change = found.changepoints.iter().find(|change| change.index == index);
            let mark = change.map_or_else(String::new, |change| {
                let from = quantity(change.before, &series.unit);
                let to = quantity(change.after, &series.unit);
                format!("{from} → {to}")
            });
            table.row([
                Cell::figure(series.runs[index].to_string()),
                Cell::text(&series.times[index]),
                Cell::text(short(&series.commits[index])),
                Cell::figure(quantity(series.values[index], &series.unit)),
                Cell::text(mark),
            ]);
        }
        page.table(table);
        if first > 0 {
            page.items(vec![format!(
                "{} older runs are left out; --csv has all.",
                unit::count(first as i64)
            )]);
        }
    }
    page
}

/// Runs, one a line.
pub(crate) fn runs_page(name: &str, runs: &[StoredRun]) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent history list of {name}"));
    let mut table =
        Table::new(["run", "time", "commit", "branch", "suite", "machine", "metrics", "source"]);
    for stored in runs {
        let run = &stored.run;
        table.row([
            Cell::figure(stored.id.to_string()),
            Cell::text(run.time.rfc3339()),
            Cell::text(short(&run.commit)),
            Cell::name(&run.branch),
            Cell::name(&run.suite),
            Cell::name(&run.machine),
            Cell::figure(unit::count(stored.metrics as i64)),
            Cell::name(&run.source),
        ]);
    }
    page.table(table);
    page
}
