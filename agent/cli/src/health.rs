//! A node's health as text.

use perfagent_health::{Health, Status};

use crate::health_rows::{Row, rows};
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

/// The longest message that node-problem-detector keeps by default (`max_output_length`), in bytes.
const NPD_BYTES: usize = 80;

/// The same for node-problem-detector, which knows the node and cuts messages off.
pub(crate) fn condition(health: &Health) -> String {
    let verdict = word(health.verdict).to_uppercase();
    let mut reasons = health.reasons();
    let Some(first) = reasons.next() else {
        let checked = health.checks.iter().filter(|check| check.status == Status::Ok).count();
        return format!("{verdict}: {checked} checks passed");
    };
    let more = match reasons.count() {
        0 => String::new(),
        more => format!(" (+{more})"),
    };
    let text = format!("{verdict} {} {}: {}", first.name, first.target, first.detail);
    format!("{}{more}", brief(&text, NPD_BYTES - more.len()))
}

/// As much of a line as node-problem-detector keeps.
pub(crate) fn npd_line(text: &str) -> String {
    brief(text, NPD_BYTES)
}

/// As many whole characters of a line as fit into so many bytes; three dots where some do not.
fn brief(text: &str, most: usize) -> String {
    let text = cleaned(text);
    if text.len() <= most {
        return text;
    }
    let most = most.saturating_sub(3);
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text[..end].trim_end())
}

/// One line a check, or for GPUs that are well alike, with its action below it where those are wanted; what has no say in the verdict is marked with a dash.
pub(crate) fn write_checks(
    health: &Health,
    actions: bool,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let rows = rows(&health.checks);
    let width = |text: fn(&Row<'_>) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let names = width(|row| row.check.name.len());
    let targets = width(|row| row.target.chars().count());
    for Row { check, target, detail } in &rows {
        let status = if check.counts() { word(check.status) } else { "-" };
        let name = padded(check.name, names, false);
        let target = padded(&cleaned(target), targets, false);
        printer.line(format!("{status:<8} {name}  {target}  {}", cleaned(detail)))?;
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

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(brief("0123456789", 10), "0123456789");
        assert_eq!(brief("0123456 789", 10), "0123456...");
        assert_eq!(brief("0123 \u{7f}56789", 8), "0123...");
        assert_eq!(brief("üüüüüü", 8), "üü...");
        assert_eq!(brief("ü", 1), "...");
    }
}
