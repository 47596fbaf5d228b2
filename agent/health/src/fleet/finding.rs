//! What was found on a node.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::merge::Node;
use crate::{Severity, Status};

/// What sort of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A check of the node itself.
    Check,
    /// A GPU that is worse than its kind.
    Gpu,
    /// A node that is worse than its kind as a whole.
    Node,
    /// A node that is slow with every other.
    Pair,
    /// A figure below what its datasheet lets expect.
    Floor,
    /// A driver, firmware or checksum that differs from the rest.
    Unlike,
    /// Wrong results, or a benchmark that failed.
    Failed,
    /// Something that most of its kind have told, and it has not.
    Missing,
    /// A document that is damaged, out of time, or of a name that two nodes have.
    Document,
    /// Too few of its kind to be judged.
    TooFew,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What sort.
    pub kind: Kind,
    /// `host`, `GPU 3`, or the target of a check.
    pub target: String,
    /// The check or metric.
    pub name: String,
    /// How much it weighs.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: Severity,
    /// What was found.
    pub value: Option<Value>,
    /// The median of its kind, or what else was expected.
    pub expected: Option<Value>,
    /// The unit of both.
    pub unit: Option<String>,
    /// By how much it is worse than its kind, percent.
    pub worse_pct: Option<f64>,
    /// The false discovery rate at which it would be named.
    pub q_value: Option<f64>,
    /// What to do.
    pub action: String,
    /// What was found, in words.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(
        kind: Kind,
        target: impl Into<String>,
        name: impl Into<String>,
        status: Status,
        severity: Severity,
        detail: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            target: target.into(),
            name: name.into(),
            status,
            severity,
            value: None,
            expected: None,
            unit: None,
            worse_pct: None,
            q_value: None,
            action: action.into(),
            detail: detail.into(),
        }
    }
}

/// The order in which findings of a node are shown.
pub(super) fn worst_first(a: &Finding, b: &Finding) -> Ordering {
    let worse = |finding: &Finding| finding.worse_pct.unwrap_or(f64::INFINITY);
    b.status
        .cmp(&a.status)
        .then_with(|| a.kind.cmp(&b.kind))
        .then_with(|| worse(b).total_cmp(&worse(a)))
        .then_with(|| (&a.name, &a.target).cmp(&(&b.name, &b.target)))
}

/// The node's own checks that are not ok. What it says itself is never made better here.
pub(super) fn of_checks(node: &mut Node) {
    let wrong = node.checks.iter().filter(|check| check.counts() && check.status != Status::Ok);
    let found: Vec<Finding> = wrong
        .map(|check| Finding {
            value: Some(check.value.clone()).filter(|value| !value.is_null()),
            expected: Some(check.expected.clone()).filter(|value| !value.is_null()),
            unit: check.unit.clone(),
            ..Finding::new(
                Kind::Check,
                &check.target,
                &check.name,
                check.status,
                check.severity,
                &check.detail,
                check.action.clone().unwrap_or_default(),
            )
        })
        .collect();
    node.findings.extend(found);
}
