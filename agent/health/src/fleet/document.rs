//! The document about a fleet.

use std::collections::BTreeMap;

use perfagent_recording::Timestamp;
use serde::Serialize;

use super::finding::{Finding, worst_first};
use super::group::Group;
use super::merge::Node;
use super::metric::Better;
use super::node::Problem;
use super::pair::Pairs;
use super::plan::Plan;
use super::settings::Settings;
use super::signature::Signature;
use crate::Status;

/// The form of the document.
pub const SCHEMA: &str = "perfagent.fleet/1";

/// How a fleet is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// `perfagent.fleet/1`.
    pub schema: &'static str,
    /// When it was judged, RFC 3339 in UTC.
    pub time: String,
    /// The worst of all nodes and inputs: critical, then unknown, then warning. Without any node, unknown.
    pub verdict: Status,
    /// How many nodes are how.
    pub counts: Counts,
    /// How it was judged.
    pub settings: Settings,
    /// Nodes of a kind, the largest kind first.
    pub groups: Vec<GroupRow>,
    /// The nodes, the worst first.
    pub nodes: Vec<NodeRow>,
    /// One XID on many nodes at once.
    pub signatures: Vec<Signature>,
    /// Measurements of pairs.
    pub pairs: Vec<Pairs>,
    /// What to measure again.
    pub plan: Plan,
    /// What the figures of each kind are.
    pub metrics: Vec<MetricRow>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// What else is to be known; changes no verdict.
    pub notes: Vec<String>,
}

/// Nodes by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All of them.
    pub nodes: usize,
    /// Their GPUs.
    pub gpus: usize,
    /// Nothing was found.
    pub ok: usize,
    /// Work can go on.
    pub warning: usize,
    /// Could not be judged.
    pub unknown: usize,
    /// No work should be put on them.
    pub critical: usize,
}

/// Nodes of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupRow {
    /// The product of their GPUs.
    pub product: Option<String>,
    /// Their driver.
    pub driver: Option<String>,
    /// How many.
    pub nodes: usize,
    /// What they were judged against: `fleet`, `product` (nodes of other drivers too), or `floors` where they are too few.
    pub against: &'static str,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// The worst of its findings.
    pub verdict: Status,
    /// Which of the groups it is in, from 0.
    pub group: Option<usize>,
    /// When its newest document was made.
    pub time: Option<String>,
    /// How many GPUs it shows.
    pub gpus: usize,
    /// Where its figures stand.
    pub sources: Vec<String>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// The figures of one metric in one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricRow {
    /// The kind.
    pub group: String,
    /// The metric.
    pub metric: String,
    /// Its unit, where it is known.
    pub unit: Option<String>,
    /// Which way is better.
    pub better: Better,
    /// `gpu` or `node`.
    pub of: &'static str,
    /// How many values.
    pub count: usize,
    /// Their median.
    pub median: f64,
    /// The robust standard deviation of what was compared, percent of the median; not below its floor.
    pub spread_pct: Option<f64>,
    /// Whether GPUs were judged by it.
    pub gpus_judged: bool,
    /// Whether nodes as a whole were.
    pub nodes_judged: bool,
}

/// Everything that was found, as it is written down.
pub(super) struct Found {
    pub(super) nodes: Vec<Node>,
    pub(super) groups: Vec<Group>,
    pub(super) metrics: Vec<MetricRow>,
    pub(super) pairs: Vec<Pairs>,
    pub(super) signatures: Vec<Signature>,
    pub(super) plan: Plan,
    pub(super) problems: Vec<Problem>,
    pub(super) remarks: Vec<String>,
}

/// Writes the document.
pub(super) fn write(settings: &Settings, found: Found, now: Timestamp) -> Fleet {
    let Found { nodes, groups, metrics, pairs, signatures, plan, problems, remarks } = found;
    let mut group_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        group_of.extend(group.members.iter().map(|&member| (member, number)));
    }
    let rows = groups.iter().map(|group| GroupRow {
        product: group.product.clone(),
        driver: group.driver.clone(),
        nodes: group.members.len(),
        against: match (group.is_small(settings), group.is_pooled()) {
            (true, _) => "floors",
            (false, true) => "product",
            (false, false) => "fleet",
        },
    });
    let rows: Vec<GroupRow> = rows.collect();
    let mut counts = Counts::default();
    let mut verdict = if nodes.is_empty() { Status::Unknown } else { Status::Ok };
    if !problems.is_empty() {
        verdict = verdict.max(Status::Unknown);
    }
    let mut shown: Vec<NodeRow> = nodes
        .into_iter()
        .enumerate()
        .map(|(number, node)| {
            let own = super::verdict(&node);
            counts.nodes += 1;
            counts.gpus += node.gpus.len();
            *match own {
                Status::Ok => &mut counts.ok,
                Status::Warning => &mut counts.warning,
                Status::Unknown => &mut counts.unknown,
                Status::Critical => &mut counts.critical,
            } += 1;
            verdict = verdict.max(own);
            NodeRow {
                name: node.name,
                verdict: own,
                group: group_of.get(&number).copied(),
                time: node.time.map(Timestamp::rfc3339),
                gpus: node.gpus.len(),
                sources: node.sources,
                findings: node.findings,
            }
        })
        .collect();
    shown.sort_by(|a, b| {
        b.verdict
            .cmp(&a.verdict)
            .then_with(|| match (a.findings.first(), b.findings.first()) {
                (Some(a), Some(b)) => worst_first(a, b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            })
            .then_with(|| a.name.cmp(&b.name))
    });
    Fleet {
        schema: SCHEMA,
        time: now.rfc3339(),
        verdict,
        counts,
        settings: *settings,
        groups: rows,
        nodes: shown,
        signatures,
        pairs,
        plan,
        metrics,
        problems,
        notes: remarks,
    }
}
