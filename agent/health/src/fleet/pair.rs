//! Measurements of two nodes together, taken apart into nodes.
//!
//! A pair is as fast as the slower of its nodes and the way between them, so a node is at least as fast as its best pair: that
//! clears a node, and what is slow with two cleared nodes is the way between them. How slow a node is is told by median polish
//! (Tukey 1977) of `pair = median + one node + other node`, which a few bad pairs do not move.

use std::collections::{BTreeMap, BTreeSet};

use perfagent_regress::statistic::discovery::q_values;
use perfagent_regress::statistic::order::median;
use serde::Serialize;

use super::family::Family;
use super::finding::{Finding, Kind};
use super::merge::Node;
use super::metric::Better;
use super::node::PairMeasurement;
use super::plan::Suspect;
use super::settings::Settings;
use super::spread::Spread;
use crate::{Severity, Status};

/// Rounds of the polish; it settles in a few.
const ROUNDS: usize = 10;
/// Pairs that are needed to tell a slow one.
const LEAST: usize = 5;

/// One pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairRow {
    /// The two nodes.
    pub nodes: [String; 2],
    /// What was measured.
    pub value: f64,
    /// By how much it is worse than the median pair, percent.
    pub worse_pct: f64,
    /// What is to be made of a slow one.
    pub verdict: &'static str,
}

/// All pairs of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pairs {
    /// What was measured.
    pub metric: String,
    /// Its unit.
    pub unit: Option<String>,
    /// How many pairs.
    pub count: usize,
    /// The median pair.
    pub median: f64,
    /// The slow pairs, the worst first.
    pub slow: Vec<PairRow>,
    /// How much worse each node with slow pairs is by itself, percent.
    pub effects: BTreeMap<String, f64>,
}

/// Judges the pairs of each metric.
pub(super) fn judge(
    pairs: &[PairMeasurement],
    nodes: &mut [Node],
    settings: &Settings,
    suspects: &mut Vec<Suspect>,
) -> Vec<Pairs> {
    let mut of_metric: BTreeMap<&str, Vec<&PairMeasurement>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.value.is_finite() && pair.nodes[0] != pair.nodes[1])
    {
        of_metric.entry(&pair.metric).or_default().push(pair);
    }
    of_metric.into_values().map(|pairs| one(&pairs, nodes, settings, suspects)).collect()
}

/// Pairs by the nodes' numbers, and how much worse than the median pair each is, as a share.
type Edges = Vec<([usize; 2], f64)>;

fn one(
    pairs: &[&PairMeasurement],
    nodes: &mut [Node],
    settings: &Settings,
    suspects: &mut Vec<Suspect>,
) -> Pairs {
    let middle = median(&pairs.iter().map(|pair| pair.value).collect::<Vec<_>>());
    let mut found = Pairs {
        metric: pairs[0].metric.clone(),
        unit: pairs[0].unit.clone(),
        count: pairs.len(),
        median: middle,
        slow: Vec::new(),
        effects: BTreeMap::new(),
    };
    let number = |name: &str| nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok();
    let edges: Edges = pairs
        .iter()
        .filter_map(|pair| {
            let worse = match pair.better {
                Better::Higher => 1.0 - pair.value / middle,
                Better::Lower | Better::Zero | Better::Unknown => pair.value / middle - 1.0,
            };
            Some(([number(&pair.nodes[0])?, number(&pair.nodes[1])?], worse))
        })
        .collect();
    if edges.len() < LEAST || middle <= 0.0 {
        too_few(&edges, &found.metric, nodes);
        return found;
    }
    let slow = slow(&edges, settings);
    let effects = polish(&edges);
    let (blamed, doubtful, ways) = blame(&edges, &slow, &effects, settings);
    let metric = found.metric.clone();
    for &node in blamed.iter().chain(&doubtful) {
        let worse = effects.get(&node).copied().unwrap_or(0.0);
        found.effects.insert(nodes[node].name.clone(), 100.0 * worse);
    }
    for &node in &blamed {
        let mine: Vec<f64> = edges
            .iter()
            .filter(|(ends, _)| ends.contains(&node))
            .map(|(_, worse)| *worse)
            .collect();
        let bad = slow.iter().filter(|edge| edges[**edge].0.contains(&node)).count();
        let worse = effects.get(&node).copied().unwrap_or_else(|| median(&mine));
        let detail = format!(
            "{metric} is slow in {bad} of its {} pairs, with nodes that are fast with others; {:.1} % of it are its own",
            mine.len(),
            100.0 * worse
        );
        let (status, severity) = if 100.0 * worse >= settings.critical_pct {
            (Status::Critical, Severity::Isolate)
        } else {
            (Status::Warning, Severity::Triage)
        };
        suspect(&nodes[node].name, None, &detail, true, suspects);
        nodes[node].findings.push(Finding {
            worse_pct: Some(100.0 * worse),
            ..Finding::new(Kind::Pair, "host", &metric, status, severity, detail, "pair it with a node that passed (see the plan); if it is slow again look at its network: ibstat, error counters of its ports, nvidia-peermem")
        });
    }
    for &node in &doubtful {
        let detail = format!(
            "{metric} is slow in its only pairs, whose other nodes are not known to be fast either"
        );
        suspect(&nodes[node].name, None, &detail, false, suspects);
        nodes[node].findings.push(Finding::new(
            Kind::Pair,
            "host",
            &metric,
            Status::Unknown,
            Severity::Triage,
            detail,
            "pair it with a node that passed (see the plan): one pair cannot tell which of its nodes is slow",
        ));
    }
    for &edge in &ways {
        let [a, b] = edges[edge].0;
        for (node, other) in [(a, b), (b, a)] {
            let detail = format!(
                "{metric} with {} is {:.1} % worse than the median pair, and both are fast with others: the way between them",
                nodes[other].name,
                100.0 * edges[edge].1
            );
            nodes[node].findings.push(Finding {
                worse_pct: Some(100.0 * edges[edge].1),
                ..Finding::new(Kind::Pair, nodes[other].name.clone(), &metric, Status::Warning, Severity::Monitor, detail, "measure the pair again; look at cables, routing and switches between the two, not at the nodes")
            });
        }
    }
    found.slow = slow
        .iter()
        .map(|&edge| {
            let (ends, worse) = edges[edge];
            let verdict = if ends.iter().any(|end| blamed.contains(end)) {
                "a slow node"
            } else if ways.contains(&edge) {
                "the way between them"
            } else {
                "one of the two"
            };
            let value = match pairs[0].better {
                Better::Higher => middle * (1.0 - worse),
                _ => middle * (1.0 + worse),
            };
            PairRow {
                nodes: ends.map(|end| nodes[end].name.clone()),
                value,
                worse_pct: 100.0 * worse,
                verdict,
            }
        })
        .collect();
    found.slow.sort_by(|a, b| b.worse_pct.total_cmp(&a.worse_pct));
    found
}

fn suspect(name: &str, gpu: Option<u32>, why: &str, named: bool, suspects: &mut Vec<Suspect>) {
    suspects.push(Suspect {
        node: name.to_owned(),
        gpu,
        why: why.to_owned(),
        named,
        is_pair: true,
    });
}

fn too_few(edges: &Edges, metric: &str, nodes: &mut [Node]) {
    let ends: BTreeSet<usize> = edges.iter().flat_map(|(ends, _)| *ends).collect();
    for node in ends {
        nodes[node].findings.push(Finding::new(
            Kind::TooFew,
            "host",
            metric,
            Status::Unknown,
            Severity::Config,
            format!("{} pairs are too few to tell a slow one; {LEAST} are needed", edges.len()),
            "measure more pairs",
        ));
    }
}

/// The positions of pairs that are worse by the threshold, and surely so.
fn slow(edges: &Edges, settings: &Settings) -> Vec<usize> {
    let worse: Vec<f64> = edges.iter().map(|(_, worse)| *worse).collect();
    let Some(spread) = Spread::fit(&worse, Family::Interconnect.usual_spread()) else {
        return Vec::new();
    };
    let p_values: Vec<f64> = worse.iter().map(|worse| spread.p_value(*worse)).collect();
    let sure = q_values(&p_values);
    let is_slow = |edge: &usize| {
        100.0 * (worse[*edge] - spread.center) >= settings.threshold_pct
            && sure[*edge] <= settings.false_discovery_rate
    };
    (0..edges.len()).filter(is_slow).collect()
}

/// What each node adds to its pairs.
fn polish(edges: &Edges) -> BTreeMap<usize, f64> {
    let mut of_node: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for &([a, b], worse) in edges {
        of_node.entry(a).or_default().push((b, worse));
        of_node.entry(b).or_default().push((a, worse));
    }
    let mut effects: BTreeMap<usize, f64> = of_node.keys().map(|&node| (node, 0.0)).collect();
    for _ in 0..ROUNDS {
        for (node, pairs) in &of_node {
            let own: Vec<f64> = pairs.iter().map(|(other, worse)| worse - effects[other]).collect();
            effects.insert(*node, median(&own));
        }
    }
    // Only differences between nodes are known; the median node adds nothing.
    let middle = median(&effects.values().copied().collect::<Vec<_>>());
    for effect in effects.values_mut() {
        *effect -= middle;
    }
    effects
}

/// Nodes to blame, nodes that may be to blame, and pairs of which the way between is to blame.
fn blame(
    edges: &Edges,
    slow: &[usize],
    effects: &BTreeMap<usize, f64>,
    settings: &Settings,
) -> (BTreeSet<usize>, BTreeSet<usize>, Vec<usize>) {
    let mut degree: BTreeMap<usize, usize> = BTreeMap::new();
    for (ends, _) in edges {
        for end in ends {
            *degree.entry(*end).or_default() += 1;
        }
    }
    let mut open: BTreeSet<usize> = slow.iter().copied().collect();
    let mut blamed = BTreeSet::new();
    loop {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for &edge in &open {
            for end in edges[edge].0 {
                *counts.entry(end).or_default() += 1;
            }
        }
        let effect = |node: &usize| effects.get(node).copied().unwrap_or(0.0);
        let worst = counts
            .into_iter()
            // Slow in two thirds of its pairs, and by itself.
            .filter(|(node, count)| *count >= 2 && 3 * count >= 2 * degree[node])
            .filter(|(node, _)| 100.0 * effect(node) >= settings.threshold_pct / 2.0)
            .max_by(|a, b| a.1.cmp(&b.1).then(effect(&a.0).total_cmp(&effect(&b.0))));
        let Some((node, _)) = worst else { break };
        blamed.insert(node);
        open.retain(|edge| !edges[*edge].0.contains(&node));
    }
    let slow: BTreeSet<usize> = slow.iter().copied().collect();
    let is_cleared = |node: usize| {
        (0..edges.len()).any(|edge| edges[edge].0.contains(&node) && !slow.contains(&edge))
    };
    let (mut doubtful, mut ways) = (BTreeSet::new(), Vec::new());
    for edge in open {
        let suspects: Vec<usize> =
            edges[edge].0.into_iter().filter(|&end| !is_cleared(end)).collect();
        if suspects.is_empty() {
            ways.push(edge);
        }
        doubtful.extend(suspects);
    }
    (blamed, doubtful, ways)
}

#[cfg(test)]
mod tests {
    use super::{Edges, blame, polish, slow};
    use crate::fleet::settings::Settings;

    fn judged(edges: &Edges) -> (Vec<usize>, Vec<usize>, Vec<[usize; 2]>) {
        let settings = Settings::default();
        let slow = slow(edges, &settings);
        let (blamed, doubtful, ways) = blame(edges, &slow, &polish(edges), &settings);
        let ways = ways.into_iter().map(|edge| edges[edge].0).collect();
        (blamed.into_iter().collect(), doubtful.into_iter().collect(), ways)
    }

    /// A round robin of so many nodes, in which some are slow.
    fn tournament(count: usize, rounds: usize, worse: impl Fn(usize, usize) -> f64) -> Edges {
        let mut edges = Vec::new();
        for round in 0..rounds {
            for place in 0..count / 2 {
                let turn =
                    |slot: usize| if slot == 0 { 0 } else { 1 + (slot - 1 + round) % (count - 1) };
                let (a, b) = (turn(place), turn(count - 1 - place));
                let noise = (((a * 31 + b * 17) % 11) as f64 - 5.0) / 1000.0;
                edges.push(([a, b], worse(a, b) + noise));
            }
        }
        edges
    }

    #[test]
    fn a_slow_node_is_told_from_its_partners() {
        let edges = tournament(16, 4, |a, b| if a == 5 || b == 5 { 0.2 } else { 0.0 });
        assert_eq!(judged(&edges), (vec![5], vec![], vec![]));
        let two = |a: usize, b: usize| {
            if [a, b].iter().any(|end| [3, 9].contains(end)) { 0.1 } else { 0.0 }
        };
        assert_eq!(judged(&tournament(16, 5, two)).0, [3, 9]);
    }

    #[test]
    fn a_slow_way_blames_no_node() {
        let way = |a: usize, b: usize| if (a.min(b), a.max(b)) == (0, 15) { 0.3 } else { 0.0 };
        let edges = tournament(16, 5, way);
        let (blamed, doubtful, ways) = judged(&edges);
        assert_eq!((blamed, doubtful), (vec![], vec![]));
        assert_eq!(ways.len(), 1);
    }

    #[test]
    fn one_pair_cannot_tell_which_of_its_nodes_is_slow() {
        let edges = tournament(16, 1, |a, b| if a == 0 || b == 0 { 0.2 } else { 0.0 });
        let (blamed, doubtful, ways) = judged(&edges);
        assert_eq!((blamed, ways), (vec![], vec![]));
        assert_eq!(doubtful, [0, 15]);
    }

    #[test]
    fn healthy_pairs_accuse_nobody() {
        assert_eq!(judged(&tournament(32, 6, |_, _| 0.0)), (vec![], vec![], vec![]));
    }
}
