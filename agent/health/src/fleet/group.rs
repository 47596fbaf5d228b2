//! Nodes of a kind: GPUs of one product, and one driver.

use std::collections::BTreeMap;

use super::merge::Node;
use super::settings::Settings;

/// Nodes that are judged against each other.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The product of their GPUs; `None` of nodes that do not tell it.
    pub(super) product: Option<String>,
    /// Their driver.
    pub(super) driver: Option<String>,
    /// The numbers of the nodes that are judged.
    pub(super) members: Vec<usize>,
    /// The numbers of the nodes that they are judged against: the members, or all of the product where those are too few.
    pub(super) population: Vec<usize>,
}

impl Group {
    /// Whether there are too few to judge one against the others.
    pub(super) fn is_small(&self, settings: &Settings) -> bool {
        self.population.len() < settings.least_nodes
    }

    /// Whether a node is judged in it.
    pub(super) fn has(&self, node: usize) -> bool {
        self.members.binary_search(&node).is_ok()
    }

    /// Whether its members are judged against nodes of other drivers too.
    pub(super) fn is_pooled(&self) -> bool {
        self.population.len() > self.members.len()
    }

    /// How a sentence names it: `NVIDIA H200 with driver 580.82.07`.
    pub(super) fn name(&self) -> String {
        let product = self.product.as_deref().unwrap_or("GPUs of unknown kind");
        match &self.driver {
            Some(driver) => format!("{product} with driver {driver}"),
            None => product.to_owned(),
        }
    }
}

/// The kinds of nodes, largest first. Nodes of which there is no document at all are in none.
pub(super) fn form(nodes: &[Node], settings: &Settings) -> Vec<Group> {
    let mut of_kind: BTreeMap<(Option<String>, Option<String>), Vec<usize>> = BTreeMap::new();
    let mut of_product: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        if node.checks.is_empty() && node.figures.is_empty() {
            continue;
        }
        let (product, driver) = (node.product(), node.driver().map(ToOwned::to_owned));
        of_product.entry(product.clone()).or_default().push(number);
        of_kind.entry((product, driver)).or_default().push(number);
    }
    let mut groups: Vec<Group> = of_kind
        .into_iter()
        .map(|((product, driver), members)| {
            let all = of_product.get(&product).filter(|all| {
                members.len() < settings.least_nodes && all.len() >= settings.least_nodes
            });
            let population = all.unwrap_or(&members).clone();
            Group { product, driver, members, population }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
    groups
}
