//! One XID on many nodes at once: a job, a rack or a driver, and not one bad GPU.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::finding::Kind;
use super::merge::Node;
use crate::{Catalogue, Severity, Status};

const CHECK: &str = "xid";
/// Nodes that have something in common.
const LEAST: usize = 3;
/// Of the nodes that have a kernel log, so many of a hundred are no coincidence.
const WIDE_PCT: usize = 10;

/// An XID that many nodes show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signature {
    /// The number.
    pub xid: u64,
    /// NVIDIA's name of it.
    pub name: Option<String>,
    /// The nodes that show it.
    pub nodes: Vec<String>,
    /// How many GPUs show it.
    pub gpus: usize,
    /// How often each of those GPUs has it, where all have it equally often.
    pub times_each: Option<u64>,
    /// Whether NVIDIA lays it at the application's door.
    pub of_application: bool,
    /// What speaks for a common cause, and what to do.
    pub detail: String,
    /// What to do.
    pub action: String,
}

/// Where an XID was seen.
struct Seen {
    node: usize,
    check: usize,
    times: Option<u64>,
}

/// Finds XIDs with a common cause, and says so in the findings of the nodes.
pub(super) fn find(nodes: &mut [Node]) -> Vec<Signature> {
    let with_log =
        nodes.iter().filter(|node| node.checks.iter().any(|check| check.name == CHECK)).count();
    let mut of_code: BTreeMap<u64, Vec<Seen>> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        for (position, check) in node.checks.iter().enumerate() {
            let is_event = check.name == CHECK && check.target.starts_with("GPU ");
            if let Some(code) =
                check.value.as_u64().filter(|_| is_event && check.status != Status::Ok)
            {
                let seen = Seen { node: number, check: position, times: times(&check.detail) };
                of_code.entry(code).or_default().push(seen);
            }
        }
    }
    of_code.into_iter().filter_map(|(code, seen)| one(code, &seen, with_log, nodes)).collect()
}

/// How often: `once`, `3 times`.
fn times(detail: &str) -> Option<u64> {
    let before = detail.split(", ").next()?;
    let mut words = before.rsplit(' ');
    match words.next()? {
        "once" => Some(1),
        "times" => words.next()?.parse().ok(),
        _ => None,
    }
}

fn one(code: u64, seen: &[Seen], with_log: usize, nodes: &mut [Node]) -> Option<Signature> {
    let mut gpus_of: BTreeMap<usize, usize> = BTreeMap::new();
    for place in seen {
        *gpus_of.entry(place.node).or_default() += 1;
    }
    let count = gpus_of.len();
    if count < LEAST {
        return None;
    }
    let whole = gpus_of
        .iter()
        .filter(|(node, gpus)| **gpus > 1 && 2 * **gpus >= nodes[**node].gpus.len())
        .count();
    let each: BTreeSet<Option<u64>> = seen.iter().map(|place| place.times).collect();
    let times_each = match each.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(times)] => Some(*times),
        _ => None,
    };
    let per_node: BTreeSet<usize> = gpus_of.values().copied().collect();
    let reason = if whole >= LEAST {
        format!("on {whole} nodes at least half of the GPUs show it")
    } else if per_node.len() == 1 && times_each.is_some_and(|times| times > 1) {
        "all of its GPUs show it equally often".to_owned()
    } else if 100 * count >= WIDE_PCT * with_log {
        format!("{count} of {with_log} nodes show it")
    } else {
        return None;
    };
    let xid = u32::try_from(code).ok().and_then(|code| Catalogue::built_in().find(code));
    // 45 is how the driver cleans up after a job that ended, 43 a channel that was reset with it.
    let of_application = xid
        .is_some_and(|xid| ["RESTART_APP", "IGNORE"].contains(&xid.nvidia.as_str()))
        || matches!(code, 43 | 45);
    let action = if of_application {
        "look at the job that ran on these nodes (sacct -N NODES, its log); no GPU is suspected"
    } else {
        "look at what these nodes have in common (job, rack's power and cooling, switch, driver) before any GPU is replaced"
    };
    let named: Vec<String> = gpus_of.keys().map(|&node| nodes[node].name.clone()).collect();
    let title = xid.map_or_else(String::new, |xid| format!(" {}", xid.name));
    let shown = super::named(named.iter().map(String::as_str));
    let detail = format!(
        "XID {code}{title} on {count} nodes ({shown}) and {} GPUs: {reason}, which one bad GPU does not do",
        seen.len()
    );
    for place in seen {
        explain(&mut nodes[place.node], place.check, count, of_application, action);
    }
    Some(Signature {
        xid: code,
        name: xid.map(|xid| xid.name.clone()),
        nodes: named,
        gpus: seen.len(),
        times_each,
        of_application,
        detail,
        action: action.to_owned(),
    })
}

/// Says in a node's finding that others have it too. What is no GPU's fault is a warning at most.
fn explain(node: &mut Node, position: usize, count: usize, of_application: bool, action: &str) {
    let check = node.checks[position].clone();
    let is_it = |finding: &&mut super::Finding| {
        finding.kind == Kind::Check
            && finding.name == check.name
            && finding.target == check.target
            && finding.detail == check.detail
    };
    let Some(finding) = node.findings.iter_mut().find(is_it) else { return };
    finding.detail = format!("{}; {count} nodes show it at once", finding.detail);
    if of_application {
        finding.status = finding.status.min(Status::Warning);
        finding.severity = Severity::Monitor;
        action.clone_into(&mut finding.action);
    } else {
        finding.action = format!("{action}; then: {}", finding.action);
    }
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn how_often_is_read_from_the_sentence() {
        assert_eq!(times("XID 79 GPU_FELL once, last 3 s ago: has fallen"), Some(1));
        assert_eq!(times("XID 45 PREEMPTIVE 12 times, last 3 min ago: x"), Some(12));
        assert_eq!(times("something else"), None);
    }
}
