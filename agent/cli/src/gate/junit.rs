//! The answer as XML for `JUnit`: a suite a case, in which every headline metric and every alarm is a test.

use std::collections::BTreeSet;

use perfagent_regress::compare::{Family, MetricRow, Overall, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::document::{Case, Document};
use super::page;
use super::schedule::Broken;
use crate::comparison::{interval, quantity};
use crate::page::cleaned;
use crate::unit;

/// Writes it. Fails only where XML cannot be written at all.
pub(crate) fn junit(gate: &Document<'_>) -> anyhow::Result<String> {
    let mut report = Report::new("perfagent ci gate");
    report.add_test_suites(gate.cases.iter().map(suite));
    Ok(report.to_string()?)
}

fn suite(case: &Case<'_>) -> TestSuite {
    let mut suite = TestSuite::new(case.name);
    suite.add_test_case(runs(case));
    let Some(answer) = case.comparison.filter(|_| case.broken.is_none()) else { return suite };
    for found in &answer.comparison.environment.differences {
        let value = format!("{} / {}", found.base.join(" and "), found.new.join(" and "));
        suite.add_property((found.fact.as_str(), value.as_str()));
    }
    let mut alarmed = BTreeSet::new();
    for alarm in case.alarms {
        alarmed.insert((&alarm.first.name, &alarm.first.subject));
        let row = alarm.again.as_ref().unwrap_or(&alarm.first);
        suite.add_test_case(metric(case, row, alarm.verdict));
    }
    let headline = answer.comparison.metrics.iter().filter(|row| row.family == Family::Headline);
    for row in headline.filter(|row| !alarmed.contains(&(&row.name, &row.subject))) {
        suite.add_test_case(metric(case, row, row.verdict));
    }
    suite
}

/// Whether the case runs and can be compared.
fn runs(case: &Case<'_>) -> TestCase {
    let told = case.failures.iter().map(super::document::Failed::sentence).collect::<Vec<_>>();
    let status = match (case.broken, case.verdict) {
        (Some(Broken::New), _) => failure("fails on the new side only"),
        (Some(_), _) => skipped(page::verdict(case)),
        (None, Overall::Incomparable) => skipped("the environments differ"),
        (None, _) => TestCaseStatus::success(),
    };
    let mut test = TestCase::new("runs", status);
    test.set_classname(case.name);
    if !told.is_empty() {
        test.set_system_out(told.join("\n"));
    }
    test
}

fn metric(case: &Case<'_>, row: &MetricRow, verdict: Verdict) -> TestCase {
    let name = row.name.replace('_', " ");
    let name = match &row.subject {
        Some(subject) => format!("{name} of {}", cleaned(subject)),
        None => name,
    };
    let change = unit::known(row.change_pct, unit::change);
    let figures = format!(
        "{} to {}: {change}, 95 % interval {}, q {}",
        quantity(row.base.median, row.unit),
        quantity(row.new.median, row.unit),
        interval(row),
        unit::known(row.q_value, unit::probability)
    );
    let status = match verdict {
        Verdict::Regression => failure(&figures),
        Verdict::Inconclusive => skipped(&format!("inconclusive: {figures}")),
        Verdict::Improvement | Verdict::Equivalent => TestCaseStatus::success(),
    };
    let mut test = TestCase::new(name, status);
    test.set_classname(case.name);
    test.set_system_out(figures);
    test
}

fn failure(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("regression").set_message(message);
    status
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}
