//! What most nodes of a kind have told, and one has not.

use std::collections::BTreeMap;

use super::finding::{Finding, Kind};
use super::group::Group;
use super::merge::Node;
use super::metric::Table;
use crate::{Severity, Status};

/// Things that are named in a sentence.
const NAMED: usize = 4;

/// Looks for figures and checks that are missing.
pub(super) fn find(group: &Group, table: &Table, nodes: &mut [Node]) {
    let all = group.population.len();
    // One of two has nobody to agree with.
    let most = |count: usize| count >= 2 && 2 * count > all;
    let mut gaps: BTreeMap<usize, Vec<(String, usize)>> = BTreeMap::new();
    for column in &table.columns {
        let mut of_device: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
        for &(node, device, _) in &column.cells {
            of_device.entry(device).or_default().push(node);
        }
        for having in of_device.values().filter(|having| most(having.len())) {
            note(group, having, &column.name, &mut gaps);
        }
    }
    report(group, gaps, "figures", nodes);
    let mut of_check: BTreeMap<(String, Option<u32>), Vec<usize>> = BTreeMap::new();
    for &number in &group.population {
        let checks = nodes[number].checks.iter();
        // Of a check that is about no GPU, or about some this time, its name is what counts.
        let keys = checks.flat_map(|check| [(&check.name, check.gpu()), (&check.name, None)]);
        for (name, gpu) in keys.collect::<std::collections::BTreeSet<_>>() {
            of_check.entry((name.clone(), gpu)).or_default().push(number);
        }
    }
    let mut gaps = BTreeMap::new();
    let has_gpus = |name: &str| of_check.keys().any(|(other, gpu)| other == name && gpu.is_some());
    for ((name, gpu), having) in &of_check {
        // A check of GPUs is missed GPU by GPU.
        if most(having.len()) && (gpu.is_some() || !has_gpus(name) || name == "xid") {
            note(group, having, name, &mut gaps);
        }
    }
    report(group, gaps, "checks", nodes);
}

/// Counts what the members lack that are not among those who have it, an ascending list.
fn note(
    group: &Group,
    having: &[usize],
    name: &str,
    gaps: &mut BTreeMap<usize, Vec<(String, usize)>>,
) {
    for &number in &group.members {
        if having.binary_search(&number).is_ok() {
            continue;
        }
        let lacking = gaps.entry(number).or_default();
        match lacking.last_mut() {
            Some((last, count)) if last == name => *count += 1,
            _ => lacking.push((name.to_owned(), 1)),
        }
    }
}

fn report(
    group: &Group,
    gaps: BTreeMap<usize, Vec<(String, usize)>>,
    what: &str,
    nodes: &mut [Node],
) {
    for (number, lacking) in gaps {
        let count: usize = lacking.iter().map(|(_, count)| count).sum();
        let shown: Vec<String> = lacking
            .iter()
            .take(NAMED)
            .map(
                |(name, count)| {
                    if *count > 1 { format!("{name} ({count} times)") } else { name.clone() }
                },
            )
            .collect();
        let more = match lacking.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more kinds"),
        };
        let detail = format!(
            "{count} {what} are missing that most of the {} nodes of {} have: {}{more}",
            group.population.len(),
            group.name(),
            shown.join(", ")
        );
        nodes[number].findings.push(Finding {
            value: Some(count.into()),
            ..Finding::new(
                Kind::Missing,
                "host",
                what,
                Status::Unknown,
                Severity::Triage,
                detail,
                "run the same checks on the node again with the same version, and read what they say there",
            )
        });
    }
}
