//! A fleet ready to be shown: worked out once, on the thread that received it.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::model::fleet::distribution::Distribution;
use crate::model::fleet::document::{Fleet, Group, Status};
use crate::model::fleet::findings::{missing, together};
use crate::model::fleet::grid::{Counts, counts};
use crate::model::fleet::node::Health;
use crate::units;
use crate::view::grid::{self, Cell};

use super::tables;

/// A fleet, and what the window makes of it.
pub(super) struct Loaded {
    pub(super) fleet: Fleet,
    /// The documents of single nodes, as far as they are there.
    pub(super) documents: Vec<Health>,
    by_host: HashMap<String, usize>,
    /// The values of every metric over the fleet.
    pub(super) values: HashMap<String, Distribution>,
    /// Nodes by state, in the order of [`Status::ALL`].
    pub(super) counts: Counts,
    /// The most GPUs that a node has.
    pub(super) most_gpus: usize,
    pub(super) headline: String,
    /// The kinds of nodes, each in one line.
    pub(super) kinds: Vec<String>,
    pub(super) findings: Table,
    pub(super) metrics: Table,
    pub(super) pairs: Table,
    pub(super) suspects: Table,
    pub(super) rounds: Table,
    pub(super) notes: Table,
    pub(super) checks: Table,
    /// Of which node the checks are.
    pub(super) checks_of: Option<usize>,
}

/// Rows of a table, and its order and selection.
#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) state: grid::State,
}

impl Table {
    pub(super) fn of(rows: Vec<Vec<Cell>>) -> Self {
        Self { rows, state: grid::State::default() }
    }
}

impl Loaded {
    pub(super) fn of(fleet: Fleet, documents: Vec<Health>) -> Self {
        let (nodes, gpus) = counts(&fleet);
        let by_host =
            documents.iter().enumerate().map(|(at, health)| (health.host.clone(), at)).collect();
        Self {
            headline: headline(&fleet, nodes, gpus),
            kinds: fleet.groups.iter().map(kind).collect(),
            most_gpus: fleet.nodes.iter().map(|node| node.gpus).max().unwrap_or(0),
            findings: Table::of(tables::finding_rows(&fleet, &together(&fleet))),
            metrics: Table::of(tables::metric_rows(&fleet)),
            pairs: Table::of(tables::pair_rows(&fleet)),
            suspects: Table::of(tables::suspect_rows(&fleet)),
            rounds: Table::of(tables::round_rows(&fleet)),
            notes: Table::of(tables::note_rows(&fleet)),
            checks: Table::default(),
            checks_of: None,
            counts: nodes,
            values: Distribution::all(&documents),
            by_host,
            documents,
            fleet,
        }
    }

    /// The document of a node.
    pub(super) fn health(&self, node: usize) -> Option<&Health> {
        let name = &self.fleet.nodes.get(node)?.name;
        self.documents.get(*self.by_host.get(name)?)
    }

    /// The position of a node by its name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fleet.nodes.iter().position(|node| node.name == name)
    }
}

fn headline(fleet: &Fleet, nodes: Counts, gpus: Counts) -> String {
    let told = |counts: Counts| {
        let parts = Status::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(status, count)| {
                let word = status.word().to_lowercase();
                format!("{} {word}", units::count(count as u64))
            })
            .collect();
        parts.join(", ")
    };
    let mut text = units::counted(fleet.nodes.len() as u64, "node");
    if !fleet.nodes.is_empty() {
        let _ = write!(text, ": {}", told(nodes));
    }
    let all: usize = gpus.iter().sum();
    if all > 0 {
        let _ = write!(text, "; {}: {}", units::counted(all as u64, "GPU"), told(gpus));
    }
    let silent = missing(fleet).len();
    if silent > 0 {
        let _ = write!(text, "; {} told nothing", units::counted(silent as u64, "expected node"));
    }
    text
}

fn kind(group: &Group) -> String {
    let against = match group.against.as_str() {
        "fleet" => "judged against each other",
        "product" => "judged against all nodes with these GPUs",
        _ => "judged within each node and by datasheets, as there are too few",
    };
    let driver =
        group.driver.as_ref().map_or_else(String::new, |driver| format!(", driver {driver}"));
    format!(
        "{} with {}{driver}: {against}",
        units::counted(group.nodes as u64, "node"),
        group.product.as_deref().unwrap_or("GPUs that are not told")
    )
}
