//! What to measure next: each suspect with a node that passed, no node twice at a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::group::Group;
use super::merge::Node;
use crate::Status;

/// A node, or a GPU of one, that is to be measured again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    /// The node.
    pub node: String,
    /// The GPU; `null` of the node as a whole.
    pub gpu: Option<u32>,
    /// What was seen.
    pub why: String,
    /// Whether it is in a finding already; if not, chance alone may have done it.
    pub named: bool,
    /// Whether it was seen in pairs of nodes.
    pub is_pair: bool,
}

/// A suspect beside a node that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// The suspect.
    pub suspect: String,
    /// A node of its kind in which nothing was found.
    pub reference: String,
}

/// Measurements that can run at once.
pub type Round = Vec<Swap>;

/// What to measure next.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Whom and why.
    pub suspects: Vec<Suspect>,
    /// Pairs to run, round by round.
    pub rounds: Vec<Round>,
    /// Suspects for which no node of their kind passed.
    pub without_reference: Vec<String>,
}

/// Makes the plan: references take turns, so that none of them decides alone.
pub(super) fn make(mut suspects: Vec<Suspect>, groups: &[Group], nodes: &[Node]) -> Plan {
    suspects.sort_by(|a, b| {
        b.named.cmp(&a.named).then_with(|| (&a.node, a.gpu).cmp(&(&b.node, b.gpu)))
    });
    let mut open: BTreeSet<&str> = suspects.iter().map(|suspect| suspect.node.as_str()).collect();
    let mut without_reference = Vec::new();
    let mut queues: BTreeMap<usize, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        let name = |&member: &usize| nodes[member].name.as_str();
        let mine: Vec<&str> =
            group.members.iter().map(name).filter(|name| open.contains(name)).collect();
        if mine.is_empty() {
            continue;
        }
        let passed = |&&member: &&usize| {
            super::verdict(&nodes[member]) == Status::Ok
                && !open.contains(nodes[member].name.as_str())
        };
        let references: Vec<&str> = group.population.iter().filter(passed).map(name).collect();
        queues.insert(number, (mine, references));
    }
    for (mine, references) in queues.values() {
        for name in mine {
            open.remove(name);
            if references.is_empty() {
                without_reference.push((*name).to_owned());
            }
        }
    }
    // Nodes of which only pairs are known are of no kind; any node that passed will do.
    if !open.is_empty() {
        let grouped: BTreeSet<&str> =
            suspects.iter().map(|suspect| suspect.node.as_str()).collect();
        let passed: Vec<&str> = nodes
            .iter()
            .filter(|node| {
                super::verdict(node) == Status::Ok && !grouped.contains(node.name.as_str())
            })
            .map(|node| node.name.as_str())
            .collect();
        if passed.is_empty() {
            without_reference.extend(open.iter().map(|name| (*name).to_owned()));
        }
        queues.insert(usize::MAX, (open.into_iter().collect(), passed));
    }
    let mut rounds: Vec<Round> = Vec::new();
    for (mine, references) in queues.values().filter(|(_, references)| !references.is_empty()) {
        let mut next = 0;
        for (round, chunk) in mine.chunks(references.len()).enumerate() {
            if rounds.len() <= round {
                rounds.push(Round::new());
            }
            for suspect in chunk {
                let reference = references[next % references.len()];
                next += 1;
                rounds[round]
                    .push(Swap { suspect: (*suspect).to_owned(), reference: reference.to_owned() });
            }
        }
    }
    disjoint(&mut rounds);
    Plan { suspects, rounds, without_reference }
}

/// References that two kinds have in common must not run twice at a time: the second moves to a round of its own.
fn disjoint(rounds: &mut Vec<Round>) {
    let mut position = 0;
    while position < rounds.len() {
        let mut busy = BTreeSet::new();
        let (now, later): (Round, Round) = std::mem::take(&mut rounds[position])
            .into_iter()
            .partition(|swap| busy.insert(swap.reference.clone()));
        rounds[position] = now;
        if !later.is_empty() {
            rounds.insert(position + 1, later);
        }
        position += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Swap, disjoint};

    #[test]
    fn no_node_runs_twice_at_a_time() {
        let swap = |suspect: &str, reference: &str| Swap {
            suspect: suspect.into(),
            reference: reference.into(),
        };
        let mut rounds = vec![vec![swap("a", "x"), swap("b", "x"), swap("c", "y"), swap("d", "x")]];
        disjoint(&mut rounds);
        let lengths: Vec<usize> = rounds.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
