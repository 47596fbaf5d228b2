//! The nodes and their GPUs by state, chosen and in order.

use std::collections::BTreeSet;

use super::document::{Finding, Fleet, Node, Status};

/// In which order nodes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What needs attention first.
    #[default]
    WorstFirst,
    /// By name, numbers in it by their value.
    ByName,
}

/// Which nodes are shown, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// States that are left out.
    pub hidden: BTreeSet<Status>,
    /// A part of the name, of a finding or of its remedy.
    pub text: String,
    /// The order.
    pub order: Order,
}

/// How many nodes, or GPUs, are in each state, in the order of [`Status::ALL`].
pub type Counts = [usize; 4];

/// The state of a GPU: the worst that was found of it. Where its node could not be judged as a whole, unknown: what
/// nobody looked at is not ok.
#[must_use]
pub fn gpu_status(node: &Node, gpu: usize) -> Status {
    let own = node.findings.iter().filter(|finding| finding.gpu() == Some(gpu));
    own.map(|finding| finding.status).max().unwrap_or_else(|| {
        let unjudged = |finding: &Finding| match finding.kind.as_str() {
            "document" | "missing" | "too_few" => true,
            "check" => {
                ["nvml", "nvidia", "driver", "gpu"].iter().any(|of| finding.name.starts_with(of))
            }
            _ => false,
        };
        let blind = node.findings.iter().any(|finding| {
            finding.gpu().is_none() && finding.status == Status::Unknown && unjudged(finding)
        });
        if blind { Status::Unknown } else { Status::Ok }
    })
}

/// What is said of one GPU in words.
#[must_use]
pub fn gpu_words(node: &Node, gpu: usize) -> String {
    let found = node.findings.iter().find(|finding| finding.gpu() == Some(gpu));
    let status = gpu_status(node, gpu).word().to_lowercase();
    match found {
        Some(finding) => format!("{}, GPU {gpu}, {status}, {}", node.name, finding.detail),
        None => format!("{}, GPU {gpu}, {status}", node.name),
    }
}

/// Nodes and GPUs by state.
#[must_use]
pub fn counts(fleet: &Fleet) -> (Counts, Counts) {
    let (mut nodes, mut gpus) = ([0; 4], [0; 4]);
    let place = |status: Status| Status::ALL.iter().position(|&known| known == status).unwrap_or(0);
    for node in &fleet.nodes {
        nodes[place(node.verdict)] += 1;
        for gpu in 0..node.gpus {
            gpus[place(gpu_status(node, gpu))] += 1;
        }
    }
    (nodes, gpus)
}

/// The positions of the chosen nodes, in order.
#[must_use]
pub fn choose(fleet: &Fleet, choice: &Choice) -> Vec<usize> {
    let wanted = choice.text.trim().to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&wanted);
    let fits = |node: &Node| {
        !choice.hidden.contains(&node.verdict)
            && (wanted.is_empty()
                || has(&node.name)
                || node.findings.iter().any(|finding| {
                    [&finding.name, &finding.target, &finding.detail, &finding.action]
                        .into_iter()
                        .any(|text| has(text))
                }))
    };
    let mut chosen: Vec<usize> =
        (0..fleet.nodes.len()).filter(|&at| fits(&fleet.nodes[at])).collect();
    if choice.order == Order::ByName {
        chosen.sort_by_cached_key(|&at| natural(&fleet.nodes[at].name));
    }
    chosen
}

/// A name in parts that sort as people number things: `n2` before `n10`.
#[must_use]
pub fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text: String = rest.chars().take_while(|char| !char.is_ascii_digit()).collect();
        rest = &rest[text.len()..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        rest = &rest[digits.len()..];
        // The text stands before its number, so that it decides first.
        parts.push((0, text));
        parts.push((digits.parse().unwrap_or(u64::MAX), String::new()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Choice, Order, choose, counts, gpu_status, natural};
    use crate::model::fleet::document::{Finding, Fleet, Node, Status};

    fn node(name: &str, verdict: Status, findings: &[(&str, &str, Status)]) -> Node {
        let finding = |&(kind, target, status): &(&str, &str, Status)| Finding {
            kind: kind.into(),
            target: target.into(),
            status,
            detail: format!("{kind} of {target}"),
            ..Finding::default()
        };
        Node {
            name: name.into(),
            verdict,
            gpus: 2,
            findings: findings.iter().map(finding).collect(),
            ..Node::default()
        }
    }

    fn fleet() -> Fleet {
        Fleet {
            nodes: vec![
                node("n10", Status::Critical, &[("gpu", "GPU 1", Status::Critical)]),
                node("n3", Status::Unknown, &[("document", "host", Status::Unknown)]),
                node("n2", Status::Warning, &[("check", "eth0", Status::Warning)]),
                node("n1", Status::Ok, &[]),
            ],
            ..Fleet::default()
        }
    }

    #[test]
    fn a_gpu_that_nobody_could_look_at_is_not_ok() {
        let fleet = fleet();
        let states: Vec<_> =
            fleet.nodes.iter().map(|node| [gpu_status(node, 0), gpu_status(node, 1)]).collect();
        assert_eq!(
            states,
            [
                [Status::Ok, Status::Critical],
                [Status::Unknown; 2],
                [Status::Ok; 2],
                [Status::Ok; 2]
            ]
        );
        assert_eq!(counts(&fleet), ([1, 1, 1, 1], [1, 2, 0, 5]));
    }

    #[test]
    fn nodes_are_chosen_by_state_and_text_and_ordered_by_the_numbers_in_their_names() {
        let fleet = fleet();
        let mut choice = Choice { order: Order::ByName, ..Choice::default() };
        assert_eq!(choose(&fleet, &choice), [3, 2, 1, 0]);
        choice.hidden.insert(Status::Ok);
        assert_eq!(choose(&fleet, &choice), [2, 1, 0]);
        choice.text = "ETH0".into();
        assert_eq!(choose(&fleet, &choice), [2]);
    }

    #[test]
    fn names_are_split_at_their_numbers() {
        assert!(natural("gpu2-rack10") < natural("gpu10-rack1"));
        assert!(natural("a") < natural("b1"));
    }
}
