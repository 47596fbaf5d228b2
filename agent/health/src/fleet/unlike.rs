//! Settings and results that differ from the rest: drivers, firmware, the number of GPUs, checksums of the same computation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::{Finding, Kind};
use super::group::Group;
use super::merge::Node;
use crate::{Severity, Status};

/// A setting is the rule where all but so many of a hundred nodes have it, or all but one: half of a fleet on the way to another
/// driver is no fault of either half.
const ODD_PCT: usize = 5;
/// Nodes that make a rule, and results that make a majority.
const LEAST: usize = 5;

/// Looks for nodes that are unlike the others of their product.
pub(super) fn find(groups: &[Group], nodes: &mut [Node]) {
    let mut of_product: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for group in groups {
        if let Some(product) = &group.product {
            of_product.entry(product).or_default().extend(&group.members);
        }
    }
    for members in of_product.values() {
        settings(members, nodes);
    }
    for group in groups {
        checksums(&group.members, nodes);
    }
}

fn settings(members: &[usize], nodes: &mut [Node]) {
    let firmware = |node: &Node| {
        let versions: BTreeSet<&str> =
            node.gpus.iter().filter_map(|gpu| gpu.vbios.as_deref()).collect();
        (!versions.is_empty()).then(|| versions.into_iter().collect::<Vec<_>>().join(" and "))
    };
    odd(
        members,
        nodes,
        |node| node.driver().map(ToOwned::to_owned),
        |own, usual, share| {
            Finding::new(
                Kind::Unlike,
                "host",
                "nvidia_driver",
                Status::Warning,
                Severity::Config,
                format!("driver {own}, where {share} have {usual}"),
                "install the same driver on all nodes",
            )
        },
    );
    odd(members, nodes, firmware, |own, usual, share| {
        Finding::new(
            Kind::Unlike,
            "host",
            "vbios",
            Status::Warning,
            Severity::Config,
            format!("firmware {own} of its GPUs, where {share} have {usual}"),
            "ask the vendor which version is right; a GPU that was replaced often brings another",
        )
    });
    let count = |node: &Node| (!node.gpus.is_empty()).then_some(node.gpus.len());
    odd(members, nodes, count, |own, usual, share| {
        let (status, severity) = if own < usual {
            (Status::Critical, Severity::Isolate)
        } else {
            (Status::Warning, Severity::Config)
        };
        Finding::new(
            Kind::Unlike,
            "host",
            "gpu_count",
            status,
            severity,
            format!("{own} GPUs, where {share} have {usual}"),
            "look for GPUs that fell off the bus (XID 79 in `dmesg`, lspci -d 10de:); in a container see that all were given to it",
        )
    });
}

/// Nodes whose value is not that of the rule.
fn odd<T: Ord + Clone>(
    members: &[usize],
    nodes: &mut [Node],
    value: impl Fn(&Node) -> Option<T>,
    finding: impl Fn(&T, &T, &str) -> Finding,
) {
    let known: Vec<(usize, T)> =
        members.iter().filter_map(|&number| Some((number, value(&nodes[number])?))).collect();
    let mut counts: BTreeMap<&T, usize> = BTreeMap::new();
    for (_, value) in &known {
        *counts.entry(value).or_default() += 1;
    }
    let Some((usual, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return };
    if known.len() < LEAST || known.len() - count > (ODD_PCT * known.len() / 100).max(1) {
        return;
    }
    let share = format!("{count} of {} nodes", known.len());
    for (number, own) in known.iter().filter(|(_, own)| own != usual) {
        let found = finding(own, usual, &share);
        nodes[*number].findings.push(found);
    }
}

/// What one GPU computed.
struct Computed {
    node: usize,
    target: String,
    value: Value,
    text: String,
}

/// The same computation on the same input gives the same bits on equal GPUs.
fn checksums(members: &[usize], nodes: &mut [Node]) {
    let mut of_name: BTreeMap<String, Vec<Computed>> = BTreeMap::new();
    for &number in members {
        for check in &nodes[number].checks {
            if check.name.ends_with("checksum") && !check.value.is_null() {
                let computed = Computed {
                    node: number,
                    target: check.target.clone(),
                    value: check.value.clone(),
                    text: check.value.to_string(),
                };
                of_name.entry(check.name.clone()).or_default().push(computed);
            }
        }
    }
    for (name, results) in of_name {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for result in &results {
            *counts.entry(&result.text).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        let Some((usual, count)) = most else { continue };
        if results.len() < LEAST || 2 * count <= results.len() {
            continue;
        }
        for result in results.iter().filter(|result| result.text != usual) {
            let finding = Finding {
                value: Some(result.value.clone()),
                ..Finding::new(
                    Kind::Unlike,
                    &result.target,
                    &name,
                    Status::Critical,
                    Severity::Isolate,
                    format!(
                        "computes other bits than {count} of {} others from the same input: silent data corruption",
                        results.len() - 1
                    ),
                    "drain the node, repeat the computation; if it differs again have the GPU replaced",
                )
            };
            nodes[result.node].findings.push(finding);
        }
    }
}
