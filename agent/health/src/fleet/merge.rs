//! Documents to nodes.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_recording::Timestamp;
use perfagent_regress::statistic::order::median;

use super::finding::{Finding, Kind};
use super::metric::Better;
use super::node::{Checked, PairMeasurement, Problem, Report};
use super::settings::Settings;
use crate::gpu::GpuIdentity;
use crate::{Severity, Status};

/// The form of which a node has one document: a later one takes its place.
pub(super) const HEALTH: &str = "perfagent.health/1";
/// Rows of a table of nodes: one a node.
pub(super) const SUPERBENCH: &str = "superbench";

/// A figure of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) unit: Option<String>,
    pub(super) better: Better,
}

/// What was measured more than once, with its unit and direction.
type Repeated = (Vec<f64>, Option<String>, Better);

/// Everything about one node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) sources: Vec<String>,
    pub(super) time: Option<Timestamp>,
    pub(super) gpus: Vec<GpuIdentity>,
    pub(super) checks: Vec<Checked>,
    /// By metric and device.
    pub(super) figures: BTreeMap<String, BTreeMap<Option<u32>, Figure>>,
    /// What it states beyond what its checks say.
    pub(super) told: Status,
    pub(super) findings: Vec<Finding>,
}

impl Node {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sources: Vec::new(),
            time: None,
            gpus: Vec::new(),
            checks: Vec::new(),
            figures: BTreeMap::new(),
            told: Status::Ok,
            findings: Vec::new(),
        }
    }

    /// The product of its GPUs; of several, all of them.
    pub(super) fn product(&self) -> Option<String> {
        let names: BTreeSet<&str> =
            self.gpus.iter().filter_map(|gpu| gpu.name.as_deref()).collect();
        (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(" and "))
    }

    /// The version of its driver.
    pub(super) fn driver(&self) -> Option<&str> {
        let check = self.checks.iter().find(|check| check.name == "nvidia_driver")?;
        check.value.as_str()
    }

    fn document(&mut self, status: Status, detail: String, action: &str) {
        self.findings.push(Finding::new(
            Kind::Document,
            "host",
            "document",
            status,
            Severity::Config,
            detail,
            action,
        ));
    }
}

/// A node of each name, in the order of names.
pub(super) fn merge(
    reports: Vec<Report>,
    settings: &Settings,
    remarks: &mut Vec<String>,
) -> Vec<Node> {
    let mut of_name: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for report in reports {
        of_name.entry(report.node.clone()).or_default().push(report);
    }
    let mut nodes: Vec<Node> =
        of_name.into_iter().map(|(name, reports)| one(&name, reports, remarks)).collect();
    out_of_time(&mut nodes, settings);
    nodes
}

fn one(name: &str, reports: Vec<Report>, remarks: &mut Vec<String>) -> Node {
    let mut node = Node::new(name);
    let mut values: BTreeMap<(String, Option<u32>), Repeated> = BTreeMap::new();
    let mut of_form: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
    for report in reports {
        let same = of_form.entry(report.form).or_default();
        if let Some(twin) = same.iter().find(|twin| is_same(twin, &report)) {
            remarks.push(format!("{}: the same as {}, counted once", report.source, twin.source));
        } else {
            same.push(report);
        }
    }
    for (form, mut reports) in of_form {
        if form == HEALTH {
            newest_last(&mut reports);
            if let Some(older) = settle(&mut node, &mut reports) {
                remarks.push(older);
            }
        } else if form == SUPERBENCH && reports.len() > 1 {
            let detail = format!(
                "{} rows have this name, with other figures: {}",
                reports.len(),
                sources(&reports)
            );
            node.document(
                Status::Unknown,
                detail,
                "give each node a name of its own, or gather one run at a time",
            );
        }
        for report in reports {
            node.sources.push(report.source);
            node.time = node.time.max(report.time);
            if !report.gpus.is_empty() {
                node.gpus = report.gpus;
            }
            let counted = report.checks.iter().filter(|check| check.counts());
            let of_checks = counted.map(|check| check.status).max();
            if let Some(verdict) = report.verdict
                && of_checks.is_none_or(|of_checks| verdict > of_checks)
            {
                node.told = node.told.max(verdict);
            }
            node.checks.extend(report.checks);
            for measured in report.measured {
                let key = (measured.metric, measured.device);
                let entry = values
                    .entry(key)
                    .or_insert_with(|| (Vec::new(), measured.unit, measured.better));
                entry.0.push(measured.value);
            }
        }
    }
    for ((metric, device), (values, unit, better)) in values {
        let figure = Figure { value: median(&values), unit, better };
        node.figures.entry(metric).or_default().insert(device, figure);
    }
    if node.told > Status::Ok {
        let detail = "its document states a verdict that none of its checks explains".to_owned();
        let told = node.told;
        node.document(told, detail, "run perfagent health on the node again");
    }
    node
}

fn is_same(a: &Report, b: &Report) -> bool {
    a.time == b.time && a.gpus == b.gpus && a.checks == b.checks && a.measured == b.measured
}

fn newest_last(reports: &mut [Report]) {
    reports.sort_by_key(|report| report.time);
}

fn sources(reports: &[Report]) -> String {
    reports.iter().map(|report| report.source.as_str()).collect::<Vec<_>>().join(", ")
}

/// Of several documents with one name: the newest of one node, or a finding that two nodes have it. Says what was passed over.
fn settle(node: &mut Node, reports: &mut Vec<Report>) -> Option<String> {
    let [older @ .., newest] = reports.as_slice() else { return None };
    if older.is_empty() {
        return None;
    }
    let identities = |report: &Report| {
        report.gpus.iter().filter_map(|gpu| gpu.uuid.clone()).collect::<BTreeSet<_>>()
    };
    let ours = identities(newest);
    // A single GPU that was replaced leaves the others as they were.
    let is_later = older.iter().all(|older| {
        older.time.is_some() && older.time < newest.time && !ours.is_disjoint(&identities(older))
    });
    if is_later {
        let remark = format!(
            "{}: {} is taken, the newest of its {} documents",
            node.name,
            newest.source,
            reports.len()
        );
        reports.drain(..reports.len() - 1);
        return Some(remark);
    }
    let both_known = !ours.is_empty()
        && older.iter().any(|older| {
            let theirs = identities(older);
            !theirs.is_empty() && theirs.is_disjoint(&ours)
        });
    let detail = if both_known {
        format!("two nodes have this name, with other GPUs: {}", sources(reports))
    } else {
        format!("several documents have this name, of one node or of several: {}", sources(reports))
    };
    node.document(
        Status::Unknown,
        detail,
        "give each node a name of its own, and gather one document of each",
    );
    // Which node the figures are of is not known; what is wrong with either is kept.
    for report in reports {
        report.measured.clear();
        report.checks.retain(|check| check.status != Status::Ok);
    }
    None
}

/// Documents that lie far from the middle one.
fn out_of_time(nodes: &mut [Node], settings: &Settings) {
    let seconds = |time: Timestamp| time.unix_nanos() as f64 / 1e9;
    let times: Vec<f64> = nodes.iter().filter_map(|node| node.time).map(seconds).collect();
    if times.len() < 2 {
        return;
    }
    let middle = median(&times);
    for node in nodes {
        let Some(time) = node.time else { continue };
        let off = seconds(time) - middle;
        if off.abs() <= settings.window_s {
            continue;
        }
        let (way, reason) = if off < 0.0 {
            ("older", "it is of an earlier run, or the node's clock is wrong")
        } else {
            ("newer", "the node's clock is wrong, or the others are of an earlier run")
        };
        let detail = format!(
            "its document, of {}, is {} {way} than the middle one of the fleet: {reason}",
            time.rfc3339(),
            duration(off.abs())
        );
        node.document(
            Status::Unknown,
            detail,
            "set the node's clock (chronyc tracking) and run the check again on all nodes at once; --window allows more",
        );
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86_400.0),
    }
}

/// Brings what could not be read to the nodes that it is about. All of it is returned.
pub(super) fn attribute(problems: Vec<Problem>, nodes: &mut Vec<Node>) -> Vec<Problem> {
    for problem in &problems {
        let Some(name) = &problem.node else { continue };
        let node = find_or_make(name, nodes);
        node.sources.push(problem.source.clone());
        let detail = format!("{}: {}", problem.source, problem.said);
        node.document(Status::Unknown, detail, &problem.action);
    }
    problems
}

/// Nodes that should be there and are not, and those of which only measurements of pairs are known.
pub(super) fn expect(expected: &[String], pairs: &[PairMeasurement], nodes: &mut Vec<Node>) {
    for pair in pairs {
        for name in &pair.nodes {
            let node = find_or_make(name, nodes);
            if node.sources.is_empty() {
                node.sources.push(pair.source.clone());
            }
        }
    }
    let known: BTreeSet<String> = nodes.iter().map(|node| short(&node.name).to_owned()).collect();
    let exact: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for name in expected {
        if exact.contains(name) || known.contains(short(name)) {
            continue;
        }
        let node = find_or_make(name, nodes);
        node.findings.push(Finding::new(
            Kind::Missing,
            "host",
            "node",
            Status::Unknown,
            Severity::Triage,
            "the node is expected, and nothing was gathered of it",
            "see whether it is up (sinfo -R, ping) and run perfagent health on it; its file may not have been copied",
        ));
    }
}

/// A host's name without its domain; an address stays as it is.
pub(super) fn short(name: &str) -> &str {
    let is_address = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_address { name } else { name.split('.').next().unwrap_or(name) }
}

fn find_or_make<'a>(name: &str, nodes: &'a mut Vec<Node>) -> &'a mut Node {
    let at = match nodes.binary_search_by(|node| node.name.as_str().cmp(name)) {
        Ok(at) => at,
        Err(at) => {
            nodes.insert(at, Node::new(name));
            at
        }
    };
    &mut nodes[at]
}
