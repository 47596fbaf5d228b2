//! A node's health as text.

use perfagent_health::{Check, Health, Status};

use crate::page::{cleaned, padded};
use crate::printer::Printer;

/// One line that says it all: `CRITICAL node-1: gpu_ecc_errors GPU 3: 1 uncorrected … (and 2 more)`.
pub(crate) fn headline(health: &Health) -> String {
    let verdict = word(health.verdict).to_uppercase();
    let host = cleaned(&health.host);
    let mut reasons = health.reasons();
    let Some(first) = reasons.next() else {
        let checked = health.checks.iter().filter(|check| check.status == Status::Ok).count();
        return format!("{verdict} {host}: {checked} checks passed");
    };
    let more = match reasons.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let detail = cleaned(&first.detail);
    format!("{verdict} {host}: {} {}: {detail}{more}", first.name, cleaned(&first.target))
}

/// One line a check, with its action below it where those are wanted; what has no say in the verdict is marked with a dash.
pub(crate) fn write_checks(
    health: &Health,
    actions: bool,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let width = |text: fn(&Check) -> usize| health.checks.iter().map(text).max().unwrap_or(0);
    let names = width(|check| check.name.len());
    let targets = width(|check| check.target.chars().count());
    for check in &health.checks {
        let status = if check.counts() { word(check.status) } else { "-" };
        let name = padded(check.name, names, false);
        let target = padded(&cleaned(&check.target), targets, false);
        printer.line(format!("{status:<8} {name}  {target}  {}", cleaned(&check.detail)))?;
        if let Some(action) = check.action.as_ref().filter(|_| actions) {
            let indent = " ".repeat(9 + names + 2 + targets + 2);
            printer.line(format!("{indent}-> {}", cleaned(action)))?;
        }
    }
    Ok(())
}

/// A status as a word.
pub(crate) fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Critical => "critical",
        Status::Unknown => "unknown",
    }
}
