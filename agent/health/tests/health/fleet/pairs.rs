//! All-reduces of pairs of nodes.

use perfagent_health::Status;
use perfagent_health::fleet::{Gathered, Kind};
use serde_json::json;

use super::simulated::{Noise, document, name};
use super::{Fleet, judged, node, take};

/// 32 nodes in so many rounds of pairs; those of `slow` are slower by a share, and so is the way between two.
fn tournament(rounds: usize, slow: &[(usize, f64)], way: Option<[usize; 2]>) -> Fleet {
    let (count, mut noise) = (32, Noise::new(5));
    let mut gathered = Gathered::default();
    for number in 0..count {
        take(&name(number), &document(number, None, 0.01, &mut noise).to_string(), &mut gathered);
    }
    let mut pairs = Vec::new();
    for round in 0..rounds {
        for place in 0..count / 2 {
            let turn =
                |slot: usize| if slot == 0 { 0 } else { 1 + (slot - 1 + round) % (count - 1) };
            let (a, b) = (turn(place), turn(count - 1 - place));
            let by =
                |end: usize| slow.iter().find(|(node, _)| *node == end).map_or(0.0, |(_, by)| *by);
            let mut worse = by(a).max(by(b));
            if way.is_some_and(|way| way == [a, b] || way == [b, a]) {
                worse = 0.4;
            }
            let value = 370.0 * (1.0 - worse) * (1.0 + 0.008 * noise.normal());
            pairs.push(json!({"nodes": [name(a), name(b)], "value": value}));
        }
    }
    let document = json!({"schema": "perfagent.pairs/1", "metric": "all_reduce busbw, 16 GPUs, 8 GiB", "unit": "GB/s", "pairs": pairs});
    take("pairs.json", &document.to_string(), &mut gathered);
    judged(gathered)
}

fn accused(fleet: &Fleet) -> Vec<(String, Status)> {
    let is_pair =
        |node: &&super::NodeRow| node.findings.iter().any(|finding| finding.kind == Kind::Pair);
    let mut accused: Vec<_> =
        fleet.nodes.iter().filter(is_pair).map(|node| (node.name.clone(), node.verdict)).collect();
    accused.sort();
    accused
}

#[test]
fn slow_pairs_are_taken_apart_into_slow_nodes() {
    let fleet = tournament(4, &[(3, 0.06), (17, 0.25)], None);
    assert_eq!(accused(&fleet), [(name(3), Status::Critical), (name(17), Status::Critical)]);
    let effect = fleet.pairs[0].effects[&name(17)];
    assert!((20.0..30.0).contains(&effect), "{effect}");
    // Each suspect is to be measured beside a node that passed.
    let [round] = fleet.plan.rounds.as_slice() else { panic!("{:#?}", fleet.plan) };
    assert_eq!(round.len(), 2);
    for swap in round {
        assert_eq!(node(&fleet, &swap.reference).verdict, Status::Ok);
    }
}

#[test]
fn a_slow_way_between_two_good_nodes_is_told_from_both() {
    let fleet = tournament(31, &[], Some([4, 9]));
    assert_eq!(accused(&fleet), [(name(4), Status::Warning), (name(9), Status::Warning)]);
    assert_eq!(fleet.pairs[0].slow[0].verdict, "the way between them");
}

#[test]
fn one_round_leaves_both_nodes_of_a_slow_pair_open() {
    let fleet = tournament(1, &[(7, 0.2)], None);
    let open = accused(&fleet);
    assert_eq!(open.len(), 2);
    assert!(open.iter().all(|(_, verdict)| *verdict == Status::Unknown), "{open:?}");
    assert_eq!(fleet.plan.rounds[0].len(), 2);
    assert_eq!(fleet.verdict, Status::Unknown);
}

#[test]
fn healthy_pairs_accuse_nobody() {
    assert_eq!(accused(&tournament(6, &[], None)), []);
}
