//! The answer as a page.

use perfagent_regress::compare::{Family, MetricRow, Overall, Verdict};
use perfagent_regress::gate::Confirmation;

use super::document::{Case, Document};
use super::place::Place;
use super::schedule::Broken;
use crate::comparison::{interval, quantity};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Rows of the table of alarms; `--json` has all of them.
const TOP: usize = 20;
/// The column that says what a metric is of.
const OF: usize = 2;

/// Lays it out.
pub(crate) fn page(gate: &Document<'_>) -> Page {
    let mut page = Page::default();
    page.title(format!("perfagent ci gate: {}", word(gate.verdict)));
    let mut facts = vec![
        ("base".to_owned(), side(gate.base)),
        ("new".to_owned(), side(gate.new)),
        ("runs".to_owned(), runs(gate)),
        ("threshold".to_owned(), format!("{} %", unit::significant(gate.threshold_pct))),
        ("results".to_owned(), gate.folder.clone()),
    ];
    if let Some(suite) = gate.suite {
        facts.insert(2, ("suite".to_owned(), suite.name.clone()));
    }
    page.facts(facts);
    page.section("Cases");
    page.table(cases(gate));
    alarms(&mut page, gate);
    let failures: Vec<String> = gate.cases.iter().flat_map(failures).collect();
    if !failures.is_empty() {
        page.section("Failed runs");
        page.items(failures);
    }
    let remarks = remarks(gate);
    if !remarks.is_empty() {
        page.section("To be known");
        page.items(remarks);
    }
    page
}

/// A verdict in words.
pub(super) fn word(verdict: Overall) -> &'static str {
    match verdict {
        Overall::Regression => "regression",
        Overall::Improvement => "improvement",
        Overall::Equivalent => "equivalent",
        Overall::Inconclusive => "inconclusive",
        Overall::Incomparable => "incomparable",
    }
}

/// A case's verdict in words.
pub(super) fn verdict(case: &Case<'_>) -> &'static str {
    match case.broken {
        Some(Broken::New) => "regression: fails",
        Some(Broken::Base) => "fails on the base only",
        Some(Broken::Both) => "fails on both sides",
        None => word(case.verdict),
    }
}

fn side(place: &Place) -> String {
    match &place.commit {
        Some(commit) => {
            let (id, dirty) = commit
                .split_once('-')
                .map_or((commit.as_str(), ""), |(id, _)| (id, ", with changes"));
            let id: String = id.chars().take(12).collect();
            format!("{} ({id}{dirty})", place.given)
        }
        None => place.given.clone(),
    }
}

fn runs(gate: &Document<'_>) -> String {
    let again = gate.cases.iter().filter(|case| case.runs().1 > 0).count();
    let again = match again {
        0 => String::new(),
        1 => ", a second look at 1 case".to_owned(),
        count => format!(", a second look at {count} cases"),
    };
    format!("{} a side, in turns{again}", gate.runs)
}

/// A line a case, with its first headline metric: that of the second look where it alarmed.
fn cases(gate: &Document<'_>) -> Table {
    let headings = ["case", "metric", "base", "new", "change", "95 % interval", "runs", "verdict"];
    let mut table = Table::new(headings);
    for case in &gate.cases {
        let (first, again) = case.runs();
        let runs = if again > 0 { format!("{first} + {again}") } else { first.to_string() };
        let row = headline(case);
        let figure = |of: fn(&MetricRow) -> String| Cell::figure(unit::known(row, of));
        table.row([
            Cell::name(case.name),
            Cell::text(unit::known(row, |row| row.name.replace('_', " "))),
            figure(|row| quantity(row.base.median, row.unit)),
            figure(|row| quantity(row.new.median, row.unit)),
            figure(|row| unit::known(row.change_pct, unit::change)),
            figure(interval),
            Cell::figure(runs),
            Cell::text(verdict(case)),
        ]);
    }
    table
}

/// The metric that a case is shown by.
pub(super) fn headline<'a>(case: &Case<'a>) -> Option<&'a MetricRow> {
    let comparison = &case.comparison?.comparison;
    let row = comparison.metrics.iter().find(|row| row.family == Family::Headline)?;
    let again = case.alarms.iter().find(|alarm| alarm.first.name == row.name);
    again.and_then(|alarm| alarm.again.as_ref()).or(Some(row))
}

fn alarms(page: &mut Page, gate: &Document<'_>) {
    let all = || gate.cases.iter().flat_map(|case| case.alarms.iter().map(move |one| (case, one)));
    let confirmed = |one: &Confirmation| one.verdict == Verdict::Regression;
    let yes: Vec<_> = all().filter(|(_, one)| confirmed(one)).collect();
    let no: Vec<_> = all().filter(|(_, one)| !confirmed(one)).collect();
    for (heading, rows) in [("Regressions, confirmed", yes), ("Alarms that were not confirmed", no)]
    {
        if rows.is_empty() {
            continue;
        }
        page.section(if rows.len() > TOP {
            format!("{heading}, {TOP} of {}", rows.len())
        } else {
            heading.to_owned()
        });
        let mut headings = vec![
            "case",
            "metric",
            "of",
            "base",
            "new",
            "first look",
            "second look",
            "95 % interval",
            "q",
            "verdict",
        ];
        let with_subject = rows.iter().any(|(_, one)| one.first.subject.is_some());
        if !with_subject {
            headings.remove(OF);
        }
        let mut table = Table::new(headings);
        for (case, one) in rows.iter().take(TOP) {
            let mut cells = alarm(case, one);
            if !with_subject {
                cells.remove(OF);
            }
            table.row(cells);
        }
        page.table(table);
    }
}

fn alarm(case: &Case<'_>, one: &Confirmation) -> Vec<Cell> {
    // What there is no second look at shows the first.
    let row = one.again.as_ref().unwrap_or(&one.first);
    let again = one.again.as_ref();
    let of = row.subject.as_deref().unwrap_or_default();
    vec![
        Cell::name(case.name),
        Cell::text(row.name.replace('_', " ")),
        if row.name.starts_with("kernel") { Cell::brief_kernel(of) } else { Cell::name(of) },
        Cell::figure(quantity(row.base.median, row.unit)),
        Cell::figure(quantity(row.new.median, row.unit)),
        Cell::figure(unit::known(one.first.change_pct, unit::change)),
        Cell::figure(unit::known(again.and_then(|row| row.change_pct), unit::change)),
        Cell::figure(unit::known(again, interval)),
        Cell::figure(unit::known(again.and_then(|row| row.q_value), unit::probability)),
        Cell::text(match one.verdict {
            Verdict::Regression => "regression",
            Verdict::Improvement => "improvement",
            Verdict::Equivalent => "equivalent",
            Verdict::Inconclusive => "inconclusive",
        }),
    ]
}

fn failures(case: &Case<'_>) -> Vec<String> {
    let sentence = |failed: &super::document::Failed<'_>| {
        format!("{}, {} (see {})", case.name, failed.sentence(), failed.log)
    };
    case.failures.iter().map(sentence).collect()
}

fn remarks(gate: &Document<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for case in &gate.cases {
        let Some(answer) = case.comparison else { continue };
        let environment = &answer.comparison.environment;
        for found in environment.differences.iter().filter(|_| !environment.comparable) {
            let (base, new) = (found.base.join(" and "), found.new.join(" and "));
            remarks.push(format!("{}: the {} differs: {base} / {new}", case.name, found.fact));
        }
        let open =
            answer.comparison.metrics.iter().filter(|row| {
                row.family == Family::Headline && row.verdict == Verdict::Inconclusive
            });
        for row in open {
            let needed = row.runs_needed.map_or_else(String::new, |runs| {
                format!("; {runs} runs a side would probably decide it")
            });
            let reason = row.reason.as_deref().unwrap_or("neither is certain");
            remarks.push(format!(
                "{}, {}: {reason}{needed}",
                case.name,
                row.name.replace('_', " ")
            ));
        }
    }
    remarks
}
