//! The comparison as a page.

use perfagent_regress::compare::{
    Comparison, Difference, Family, MetricRow, Overall, Side, SideFigures, Unit, Verdict, Weight,
};

use super::{Answer, attribution, changed, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Lays a comparison out.
pub(crate) fn page(answer: &Answer) -> Page {
    let comparison = &answer.comparison;
    let mut page = Page::default();
    page.title(format!("perfagent compare: {}", overall(comparison.verdict)));
    page.facts(vec![
        ("base".to_owned(), runs(&comparison.base)),
        ("new".to_owned(), runs(&comparison.new)),
        ("threshold".to_owned(), format!("{} %", unit::significant(comparison.threshold_pct))),
        (
            "false discoveries".to_owned(),
            format!(
                "at most {} of 100",
                unit::significant(100.0 * comparison.false_discovery_rate)
            ),
        ),
    ]);
    differences(&mut page, comparison);
    cases(&mut page, comparison);
    metrics(&mut page, comparison, Family::Headline, "Headline metrics");
    picture::runs(&mut page, comparison);
    for detail in answer.details() {
        attribution::write(&mut page, detail);
    }
    metrics(&mut page, comparison, Family::Detail, "Kernels, operators and collectives");
    // Of a suite the tables by case would hide what matters; `--json` has them.
    if let [detail] = answer.details()
        && let Some(difference) = &detail.difference
    {
        changed::write(&mut page, difference, comparison.threshold_pct);
    }
    unpaired(&mut page, comparison);
    if !comparison.warnings.is_empty() {
        page.section("To be known");
        page.items(comparison.warnings.clone());
    }
    page
}

/// The cases of suites.
fn cases(page: &mut Page, comparison: &Comparison) {
    if comparison.cases.is_empty() {
        return;
    }
    page.section("Cases");
    let mut table = Table::new(["case", "base runs", "new runs", "verdict"]);
    for case in &comparison.cases {
        table.row([
            Cell::name(&case.case),
            Cell::figure(case.base_runs.to_string()),
            Cell::figure(case.new_runs.to_string()),
            Cell::text(case.verdict.map_or("not compared", overall)),
        ]);
    }
    page.table(table);
}

pub(super) fn overall(verdict: Overall) -> &'static str {
    match verdict {
        Overall::Regression => "regression",
        Overall::Improvement => "improvement",
        Overall::Equivalent => "equivalent",
        Overall::Inconclusive => "inconclusive",
        Overall::Incomparable => "incomparable environments",
    }
}

/// Runs that are named; of more their number is told.
const MOST_RUNS: usize = 10;

fn runs(paths: &[String]) -> String {
    let runs = if paths.len() == 1 { "run" } else { "runs" };
    let shown = paths.iter().take(MOST_RUNS).cloned().collect::<Vec<_>>().join(", ");
    let more = match paths.len().saturating_sub(MOST_RUNS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {runs}: {shown}{more}", paths.len())
}

fn differences(page: &mut Page, comparison: &Comparison) {
    let environment = &comparison.environment;
    if environment.differences.is_empty() {
        return;
    }
    page.section("Environments");
    let mut table = Table::new(["differs", "base", "new", "matters"]);
    for Difference { fact, weight, base, new } in &environment.differences {
        let matters = match weight {
            Weight::Decisive => "forbids a comparison",
            Weight::Note => "to be known",
        };
        let [base, new] = [base, new].map(|values| Cell::text(values.join("; ")));
        table.row([Cell::text(fact), base, new, Cell::text(matters)]);
    }
    page.table(table);
    let decisive = |found: &Difference| found.weight == Weight::Decisive;
    if !environment.comparable {
        page.paragraph(
            "Nothing was compared. Record both sides on the same machine, or compare anyway with --force.",
        );
    } else if environment.differences.iter().any(decisive) {
        page.paragraph(
            "Compared because of --force: a change may come from the environment, not from the program.",
        );
    }
}

fn metrics(page: &mut Page, comparison: &Comparison, family: Family, heading: &str) {
    let rows: Vec<&MetricRow> =
        comparison.metrics.iter().filter(|row| row.family == family).collect();
    if rows.is_empty() {
        return;
    }
    page.section(heading);
    let with_subject = rows.iter().any(|row| row.subject.is_some());
    let with_case = rows.iter().any(|row| row.case.is_some());
    let mut headings = vec!["metric", "base", "new", "change", "95 % interval", "q", "verdict"];
    if with_subject {
        headings.insert(1, "of");
    }
    if with_case {
        headings.insert(0, "case");
    }
    let mut table = Table::new(headings);
    for row in &rows {
        let mut cells = vec![
            Cell::text(row.name.replace('_', " ")),
            Cell::figure(quantity(row.base.median, row.unit)),
            Cell::figure(quantity(row.new.median, row.unit)),
            Cell::figure(unit::known(row.change_pct, unit::change)),
            Cell::figure(interval(row)),
            Cell::figure(unit::known(row.q_value, unit::probability)),
            Cell::text(verdict(row)),
        ];
        if with_subject {
            cells.insert(1, subject(&row.name, row.subject.as_deref()));
        }
        if with_case {
            cells.insert(0, Cell::name(row.case.clone().unwrap_or_default()));
        }
        table.row(cells);
    }
    page.table(table);
    let mut items = reasons(&rows);
    items.extend(rows.iter().filter_map(|row| outliers(row)));
    if !items.is_empty() {
        page.items(items);
    }
}

/// What a metric is of.
fn subject(metric: &str, name: Option<&str>) -> Cell {
    let name = name.unwrap_or_default();
    if metric.starts_with("kernel") { Cell::kernel(name) } else { Cell::name(name) }
}

/// The interval that holds the change, in words.
pub(crate) fn interval(row: &MetricRow) -> String {
    match (row.low_pct, row.high_pct) {
        (Some(low), Some(high)) => format!("{} to {}", unit::change(low), unit::change(high)),
        _ => unit::UNKNOWN.to_owned(),
    }
}

pub(super) fn verdict(row: &MetricRow) -> String {
    match (row.verdict, row.runs_needed) {
        (Verdict::Regression, _) => "regression".to_owned(),
        (Verdict::Improvement, _) => "improvement".to_owned(),
        (Verdict::Equivalent, _) => "equivalent".to_owned(),
        (Verdict::Inconclusive, None) => "inconclusive".to_owned(),
        (Verdict::Inconclusive, Some(runs)) => format!("inconclusive ({runs} runs a side)"),
    }
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

/// Which runs were left out of a metric.
fn outliers(row: &MetricRow) -> Option<String> {
    let of_side = |side: &SideFigures, name| {
        let values = side.outliers.iter().filter_map(|&run| side.values.get(run));
        let shown: Vec<_> = values.map(|&value| quantity(value, row.unit)).collect();
        (!shown.is_empty()).then(|| format!("{} of {name}", shown.join(" and ")))
    };
    let sides: Vec<String> =
        [of_side(&row.base, "base"), of_side(&row.new, "new")].into_iter().flatten().collect();
    let name = title(row.case.as_deref(), &row.name, row.subject.as_deref());
    (!sides.is_empty()).then(|| {
        format!("{name}: left out as far off the other runs of its side: {}", sides.join(", "))
    })
}

/// A metric in words: `step time`, `kernel time of gemm`, `gpt: step time`.
pub(super) fn title(case: Option<&str>, name: &str, subject: Option<&str>) -> String {
    let case = case.map_or_else(String::new, |case| format!("{case}: "));
    let name = name.replace('_', " ");
    match subject {
        // A step is when, and nothing that it is of.
        Some(step) if name == "loss" => format!("{case}{name} at {step}"),
        Some(subject) => format!("{case}{name} of {subject}"),
        None => format!("{case}{name}"),
    }
}

fn unpaired(page: &mut Page, comparison: &Comparison) {
    if comparison.unpaired.is_empty() {
        return;
    }
    page.section("On one side only");
    let mut table = Table::new(["metric", "of", "only in", "median"]);
    for row in &comparison.unpaired {
        let side = match row.only_in {
            Side::Base => "base",
            Side::New => "new",
        };
        table.row([
            Cell::text(title(row.case.as_deref(), &row.name, None)),
            subject(&row.name, row.subject.as_deref()),
            Cell::text(side),
            Cell::figure(quantity(row.figures.median, row.unit)),
        ]);
    }
    page.table(table);
}

/// A figure with its unit.
pub(crate) fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => unit::mean_duration(value),
        Unit::Bytes => unit::bytes(value.round() as i64),
        Unit::GigabytesPerSecond => unit::rate(value),
        Unit::TokensPerSecond => format!("{} tokens/s", unit::significant(value)),
        Unit::SamplesPerSecond => format!("{}/s", unit::significant(value)),
        Unit::Nats | Unit::Count => unit::significant(value),
    }
}
