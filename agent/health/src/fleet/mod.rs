//! Many nodes at once: what stands out of the fleet, what is missing, and what to do next.
//!
//! [`read`] turns files' contents into [`Report`]s and [`PairMeasurement`]s, and [`judge`] makes a [`Fleet`] of them, a pure
//! function:
//!
//! 1. Reports of one node become one node; two nodes with one name, documents out of time and damaged ones are findings (`merge`).
//! 2. Nodes are compared within their kind: GPUs of one product with one driver (`group`). Where fewer than
//!    [`Settings::least_nodes`] are of a kind, its GPUs are compared among themselves, figures with a known peak are held against
//!    it (`floor`), and everything else is unknown.
//! 3. Each metric is a share of the kind's median, positive where it is worse. Its spread is a robust fit (`spread`), and each GPU,
//!    each node (Hodges and Lehmann's estimate over its GPUs) and each family of metrics of a GPU is tested against it (`outlier`).
//!    One is named when its false discovery rate over all tests of the fleet is low enough *and* it is worse by the practical
//!    threshold; one that is worse without being sure is to be measured again, and not accused.
//! 4. Measurements of pairs are taken apart into nodes (`pair`).
//! 5. What one node has not told and most of its kind have is a finding (`missing`); so are drivers, firmware and checksums that
//!    differ from the rest (`unlike`), and one XID on many nodes at once is told from a bad GPU (`signature`).
//! 6. Suspects are to be measured again, each with a node that passed (`plan`); the principle is that of Google's cluster health
//!    scanner, which blames a node only after such a second pass.

mod document;
mod family;
mod finding;
mod floor;
mod group;
mod merge;
mod metric;
mod missing;
mod node;
mod outlier;
mod pair;
mod plan;
pub mod read;
mod settings;
mod signature;
mod spread;
mod unlike;

pub use document::{Counts, Fleet, GroupRow, MetricRow, NodeRow, SCHEMA};
pub use finding::{Finding, Kind};
pub use metric::Better;
pub use node::{Checked, Measured, PairMeasurement, Problem, Report};
pub use pair::{PairRow, Pairs};
pub use plan::{Plan, Round, Suspect, Swap};
pub use settings::Settings;
pub use signature::Signature;

use std::collections::BTreeSet;

use perfagent_recording::Timestamp;

use crate::Status;
use document::Found;
use merge::Node;

/// Everything that was gathered.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// One document or log about one node each.
    pub reports: Vec<Report>,
    /// Measurements of two nodes together.
    pub pairs: Vec<PairMeasurement>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Remarks for the reader that change no verdict.
    pub notes: Vec<String>,
    /// The nodes that there should be.
    pub expected: Vec<String>,
}

/// Judges a fleet; `now` is the time that the document states.
#[must_use]
pub fn judge(gathered: Gathered, settings: &Settings, now: Timestamp) -> Fleet {
    let Gathered { reports, pairs, problems, notes, expected } = gathered;
    let mut remarks = notes;
    let mut nodes = merge::merge(reports, settings, &mut remarks);
    let problems = merge::attribute(problems, &mut nodes);
    merge::expect(&expected, &pairs, &mut nodes);
    for node in &mut nodes {
        finding::of_checks(node);
    }
    let signatures = signature::find(&mut nodes);
    let groups = group::form(&nodes, settings);
    let mut metrics = Vec::new();
    let mut suspects: Vec<Suspect> = Vec::new();
    let tables: Vec<metric::Table> =
        groups.iter().map(|group| metric::Table::of(group, &nodes)).collect();
    outlier::judge(&groups, &tables, &mut nodes, settings, &mut metrics, &mut suspects);
    for (group, table) in groups.iter().zip(&tables) {
        if group.is_small(settings) {
            floor::judge(group, table, &mut nodes, settings);
        }
        missing::find(group, table, &mut nodes);
    }
    unlike::find(&groups, &mut nodes);
    let pairs = pair::judge(&pairs, &mut nodes, settings, &mut suspects);
    for node in &mut nodes {
        node.findings.sort_by(finding::worst_first);
    }
    let plan = plan::make(suspects, &groups, &nodes);
    let found = Found { nodes, groups, metrics, pairs, signatures, plan, problems, remarks };
    document::write(settings, found, now)
}

/// The names of nodes, for a sentence: at most eight of them, drawn together where there are more.
fn named<'a>(nodes: impl IntoIterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = nodes.into_iter().collect();
    crate::host_list::list(names)
}

/// The worst of some.
fn worst(statuses: impl IntoIterator<Item = Status>) -> Status {
    statuses.into_iter().max().unwrap_or(Status::Unknown)
}

/// How a node's verdict follows from what was found.
fn verdict(node: &Node) -> Status {
    worst(node.findings.iter().map(|finding| finding.status).chain([node.told]))
}

#[cfg(test)]
mod tests;
