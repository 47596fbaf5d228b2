//! The answer of `history check` as a page.

use perfagent_regress::compare::Family;
use perfagent_regress::history::{
    GroupCheck, HistoryCheck, MetricRow, Overall, SetAside, Unjudged, Verdict,
};

use super::{between, quantity, short};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Lays the check of the history `name` out.
pub(crate) fn page(name: &str, check: &HistoryCheck) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent history check of {name}"));
    page.facts(vec![
        ("verdict".to_owned(), overall(check.verdict).to_owned()),
        ("too small to matter".to_owned(), format!("up to {} %", check.threshold_pct)),
        (
            "accepted false discoveries".to_owned(),
            format!("{} %", unit::significant(100.0 * check.false_discovery_rate)),
        ),
    ]);
    for group in &check.groups {
        write_group(&mut page, group);
    }
    if !check.warnings.is_empty() {
        page.section("To be known");
        page.items(check.warnings.clone());
    }
    page
}

fn overall(verdict: Overall) -> &'static str {
    match verdict {
        Overall::Regression => "regression",
        Overall::Improvement => "improvement",
        Overall::Ok => "ok",
        Overall::Inconclusive => "inconclusive",
        Overall::Incomparable => "incomparable environments",
    }
}

fn write_group(page: &mut Page, group: &GroupCheck) {
    page.section(format!("{} on {}: {}", group.suite, group.machine, overall(group.verdict)));
    let newest = group.newest.iter().map(|run| {
        format!("run {} ({} on {}, {})", run.id, short(&run.commit), run.branch, run.time)
    });
    page.facts(vec![
        ("judged".to_owned(), newest.collect::<Vec<_>>().join(", ")),
        ("held against".to_owned(), counted(group.older_runs, "older run")),
    ]);
    let is_told = |row: &&MetricRow| row.family == Family::Headline || row.verdict != Verdict::Ok;
    let told: Vec<&MetricRow> = group.metrics.iter().filter(is_told).collect();
    if !told.is_empty() {
        page.table(metrics(&told));
    }
    let mut items = reasons(&told);
    let quiet = group.metrics.len() - told.len();
    if quiet > 0 {
        items.push(format!(
            "{} kernels, operators and collectives fit in with their history.",
            unit::count(quiet as i64)
        ));
    }
    items.extend(group.set_aside.iter().map(set_aside));
    if group.older_runs == 0 && !group.set_aside.is_empty() {
        items.push(
            "Nothing was compared. Measure in the same environment, or compare anyway with --force.".to_owned(),
        );
    }
    for (metrics, heading) in
        [(&group.missing, "no longer measured"), (&group.new, "measured for the first time")]
    {
        if !metrics.is_empty() {
            page.table(unjudged(metrics, heading));
        }
    }
    if !items.is_empty() {
        page.items(items);
    }
}

fn metrics(rows: &[&MetricRow]) -> Table {
    let with_subject = rows.iter().any(|row| row.subject.is_some());
    let mut headings = vec![
        "metric",
        "runs",
        "usual",
        "newest",
        "change",
        "expected",
        "finds from",
        "q",
        "verdict",
    ];
    if with_subject {
        headings.insert(1, "of");
    }
    let mut table = Table::new(headings);
    for row in rows {
        let expected = match (row.low, row.high) {
            (Some(low), Some(high)) => between(low, high, &row.unit),
            _ => unit::UNKNOWN.to_owned(),
        };
        let mut cells = vec![
            Cell::text(row.name.replace('_', " ")),
            Cell::figure(unit::count(row.baseline_runs as i64)),
            Cell::figure(unit::known(row.baseline, |value| quantity(value, &row.unit))),
            Cell::figure(quantity(row.newest, &row.unit)),
            Cell::figure(unit::known(row.change_pct, unit::change)),
            Cell::figure(expected),
            Cell::figure(unit::known(row.detectable_pct, detectable)),
            Cell::figure(unit::known(row.q_value, unit::probability)),
            Cell::text(verdict(row)),
        ];
        if with_subject {
            cells.insert(1, subject(&row.name, row.subject.as_deref()));
        }
        table.row(cells);
    }
    table
}

/// Beyond a factor of eleven a figure says no more.
fn detectable(percent: f64) -> String {
    if percent > 1000.0 { "> 1000 %".to_owned() } else { unit::percent(percent) }
}

fn verdict(row: &MetricRow) -> String {
    match (row.verdict, row.runs_missing) {
        (Verdict::Regression, _) => "regression".to_owned(),
        (Verdict::Improvement, _) => "improvement".to_owned(),
        (Verdict::Ok, _) => "ok".to_owned(),
        (Verdict::Inconclusive, None) => "inconclusive".to_owned(),
        (Verdict::Inconclusive, Some(runs)) if row.baseline.is_none() => {
            format!("inconclusive ({} missing)", counted(runs, "older run"))
        }
        (Verdict::Inconclusive, Some(runs)) => {
            format!("inconclusive ({})", counted(runs, "more run"))
        }
    }
}

/// `1 older run`, `7 older runs`.
fn counted(runs: usize, what: &str) -> String {
    format!("{runs} {what}{}", if runs == 1 { "" } else { "s" })
}

fn subject(metric: &str, name: Option<&str>) -> Cell {
    let name = name.unwrap_or_default();
    if metric.starts_with("kernel") { Cell::brief_kernel(name) } else { Cell::name(name) }
}

/// Each reason once, with how many metrics it holds for.
fn reasons(rows: &[&MetricRow]) -> Vec<String> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for reason in rows.iter().filter_map(|row| row.reason.as_deref()) {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let sentence = |(reason, count)| format!("inconclusive, {count} of {}: {reason}", rows.len());
    reasons.into_iter().map(sentence).collect()
}

fn set_aside(runs: &SetAside) -> String {
    let what = runs.differences.iter().map(|found| {
        format!(
            "{} was {}, and is {} now",
            found.fact,
            found.base.join(" and "),
            found.new.join(" and ")
        )
    });
    let what = what.collect::<Vec<_>>().join(", ");
    format!(
        "Not counted, as the environment differs: {} ({what}).",
        counted(runs.runs, "older run")
    )
}

fn unjudged(metrics: &[Unjudged], heading: &'static str) -> Table {
    let mut table = Table::new([heading, "of", "runs", "median"]);
    for metric in metrics {
        table.row([
            Cell::text(metric.name.replace('_', " ")),
            subject(&metric.name, metric.subject.as_deref()),
            Cell::figure(unit::count(metric.runs as i64)),
            Cell::figure(quantity(metric.median, &metric.unit)),
        ]);
    }
    table
}
