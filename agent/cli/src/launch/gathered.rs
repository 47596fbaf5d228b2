//! All nodes' health as text and as one document.

use perfagent_health::Status;
use perfagent_health::launch::Report;
use serde::Serialize;

use crate::health::word;
use crate::page::cleaned;

/// All nodes' documents in one.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    schema: &'static str,
    verdict: Status,
    nodes: Vec<&'a serde_json::Value>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(reports: &'a [Report], verdict: Status) -> Self {
        let nodes = reports.iter().map(|report| &report.document).collect();
        Self { schema: "perfagent.health-run/1", verdict, nodes }
    }
}

/// One line about all: `CRITICAL 4 nodes: 1 critical, 1 unknown, 2 ok`.
pub(crate) fn headline(reports: &[Report], verdict: Status) -> String {
    let kinds = [Status::Critical, Status::Unknown, Status::Warning, Status::Ok];
    let counts: Vec<_> = kinds
        .into_iter()
        .map(|kind| (kind, reports.iter().filter(|report| report.verdict == kind).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {}", word(kind)))
        .collect();
    let verdict = word(verdict).to_uppercase();
    let nodes = if reports.len() == 1 { "node" } else { "nodes" };
    format!("{verdict} {} {nodes}: {}", reports.len(), counts.join(", "))
}

/// One line a node, the worst first.
pub(crate) fn lines(reports: &[Report]) -> Vec<String> {
    let mut sorted: Vec<_> = reports.iter().collect();
    sorted.sort_by_key(|report| std::cmp::Reverse(report.verdict));
    sorted.into_iter().map(|report| cleaned(&report.headline)).collect()
}
