//! What was found on all nodes together, the same on many of them once.

use std::collections::BTreeMap;

use super::document::{Finding, Fleet, Status};

/// Findings that are the same but for their node.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    /// Positions of the nodes.
    pub nodes: Vec<usize>,
    /// The first of them.
    pub finding: Finding,
}

/// What was found, the worst first.
#[must_use]
pub fn together(fleet: &Fleet) -> Vec<Together> {
    let mut places: BTreeMap<(Status, &str, &str, &str, &str), usize> = BTreeMap::new();
    let mut all: Vec<Together> = Vec::new();
    for (at, node) in fleet.nodes.iter().enumerate() {
        for finding in &node.findings {
            // What is measured or missing differs from node to node; what a check says is its name and its remedy.
            let own = !matches!(finding.kind.as_str(), "check" | "too_few");
            let detail = if own { finding.detail.as_str() } else { "" };
            let key = (
                finding.status,
                finding.kind.as_str(),
                finding.name.as_str(),
                finding.action.as_str(),
                detail,
            );
            if let Some(&place) = places.get(&key) {
                if all[place].nodes.last() != Some(&at) {
                    all[place].nodes.push(at);
                }
            } else {
                places.insert(key, all.len());
                all.push(Together { nodes: vec![at], finding: finding.clone() });
            }
        }
    }
    all.sort_by_key(|together| std::cmp::Reverse(together.finding.status));
    all
}

/// The nodes that there should be and that told nothing.
#[must_use]
pub fn missing(fleet: &Fleet) -> Vec<&str> {
    fleet
        .nodes
        .iter()
        .filter(|node| node.sources.is_empty() && node.time.is_none() && !node.findings.is_empty())
        .map(|node| node.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{missing, together};
    use crate::model::fleet::document::{Finding, Fleet, Node, Status};

    #[test]
    fn the_same_on_many_nodes_is_told_once() {
        let finding = |status, detail: &str| Finding {
            kind: "check".into(),
            name: "driver".into(),
            status,
            detail: detail.into(),
            ..Finding::default()
        };
        let node = |findings: Vec<Finding>| Node {
            findings,
            sources: vec!["file".into()],
            ..Node::default()
        };
        let fleet = Fleet {
            nodes: vec![
                node(vec![finding(Status::Warning, "a"), finding(Status::Warning, "b")]),
                node(vec![finding(Status::Warning, "c")]),
                node(vec![finding(Status::Critical, "d")]),
                Node { name: "lost".into(), findings: vec![Finding::default()], ..Node::default() },
            ],
            ..Fleet::default()
        };
        let found: Vec<_> =
            together(&fleet).into_iter().map(|one| (one.finding.status, one.nodes)).collect();
        assert_eq!(
            found,
            [
                (Status::Critical, vec![2]),
                (Status::Unknown, vec![3]),
                (Status::Warning, vec![0, 1])
            ]
        );
        assert_eq!(missing(&fleet), ["lost"]);
    }
}
