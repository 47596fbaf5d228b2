//! The comparison as a JUnit document: a test case a metric.

use anyhow::Context as _;
use perfagent_regress::compare::{Comparison, Family, MetricRow, Overall, Side, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::page::{interval, overall, quantity, title};
use crate::page::cleaned;
use crate::unit;

/// The document as text. A regression is a failure; what is inconclusive, or cannot be compared, is skipped.
pub(crate) fn junit(comparison: &Comparison) -> anyhow::Result<String> {
    let mut report = Report::new("perfagent compare");
    let mut suites: Vec<TestSuite> = Vec::new();
    for row in &comparison.metrics {
        let name = suite_name(row.case.as_deref());
        let position = suites.iter().position(|suite| suite.name.as_str() == name);
        let position = position.unwrap_or_else(|| {
            suites.push(TestSuite::new(name));
            suites.len() - 1
        });
        if let Some(suite) = suites.get_mut(position) {
            suite.add_test_case(of_metric(row));
        }
    }
    if suites.is_empty() {
        suites.push(TestSuite::new(suite_name(None)));
    }
    if let Some(first) = suites.first_mut() {
        add_others(first, comparison);
    }
    for suite in &mut suites {
        for property in properties(comparison) {
            suite.add_property(property);
        }
    }
    report.add_test_suites(suites);
    report.to_string().context("the JUnit document cannot be made")
}

fn suite_name(case: Option<&str>) -> String {
    case.map_or_else(|| "compare".to_owned(), |case| format!("compare {}", cleaned(case)))
}

fn of_metric(row: &MetricRow) -> TestCase {
    let status = match row.verdict {
        Verdict::Regression => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("regression").set_message(in_short(row)).set_description(in_full(row));
            status
        }
        Verdict::Inconclusive => {
            let mut status = TestCaseStatus::skipped();
            let reason =
                row.reason.as_deref().unwrap_or("neither a change nor its absence is certain");
            status
                .set_type("inconclusive")
                .set_message(cleaned(reason))
                .set_description(in_full(row));
            status
        }
        Verdict::Improvement | Verdict::Equivalent => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(cleaned(&title(None, &row.name, row.subject.as_deref())), status);
    let family = match row.family {
        Family::Headline => "headline",
        Family::Detail => "detail",
    };
    case.set_classname(format!("perfagent.compare.{family}"));
    case
}

/// What is no metric of both sides.
fn add_others(suite: &mut TestSuite, comparison: &Comparison) {
    let mut skip = |name: String, kind: &str, message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_type(kind).set_message(cleaned(&message));
        let mut case = TestCase::new(cleaned(&name), status);
        case.set_classname("perfagent.compare");
        suite.add_test_case(case);
    };
    if comparison.verdict == Overall::Incomparable {
        for found in &comparison.environment.differences {
            let message = format!("base {}, new {}", found.base.join("; "), found.new.join("; "));
            skip(format!("environment: {}", found.fact), "incomparable", message);
        }
    }
    for row in &comparison.unpaired {
        let side = match row.only_in {
            Side::Base => "base",
            Side::New => "new",
        };
        let name = title(row.case.as_deref(), &row.name, row.subject.as_deref());
        skip(name, "unpaired", format!("only in {side}"));
    }
    for case in &comparison.cases {
        if case.verdict.is_none() && comparison.environment.comparable {
            let runs = format!("{} base runs, {} new runs", case.base_runs, case.new_runs);
            skip(format!("case {}", case.case), "unequal suites", runs);
        }
    }
}

/// `+4.00 % (95 % interval +3.40 % to +4.60 %, q < 0.001)`.
pub(super) fn in_short(row: &MetricRow) -> String {
    let change = unit::known(row.change_pct, unit::change);
    let mut facts = Vec::new();
    if row.low_pct.is_some() {
        facts.push(format!("95 % interval {}", interval(row)));
    }
    for (name, value) in [("p", row.p_value), ("q", row.q_value)] {
        if let Some(value) = value {
            let shown = unit::probability(value);
            let equals = if shown.starts_with('<') { "" } else { "= " };
            facts.push(format!("{name} {equals}{shown}"));
        }
    }
    if facts.is_empty() { change } else { format!("{change} ({})", facts.join(", ")) }
}

/// The medians and runs of both sides, and the change.
pub(super) fn in_full(row: &MetricRow) -> String {
    format!(
        "base {} (median of {} runs), new {} (median of {} runs): {}",
        quantity(row.base.median, row.unit),
        row.base.runs,
        quantity(row.new.median, row.unit),
        row.new.runs,
        in_short(row)
    )
}

fn properties(comparison: &Comparison) -> Vec<Property> {
    let mut properties = vec![
        Property::new("verdict", overall(comparison.verdict)),
        Property::new("threshold_pct", unit::significant(comparison.threshold_pct)),
        Property::new("false_discovery_rate", unit::significant(comparison.false_discovery_rate)),
    ];
    for fact in &comparison.environment.facts {
        for (side, values) in [("base", &fact.base), ("new", &fact.new)] {
            let name = format!("{side} {}", fact.fact);
            properties.push(Property::new(name, cleaned(&values.join("; "))));
        }
    }
    properties
}
