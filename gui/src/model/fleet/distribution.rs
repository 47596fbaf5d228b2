//! The values of one metric over the whole fleet, and where one node stands among them.

use std::collections::HashMap;

use super::document::{Status, gpu_of};
use super::node::Health;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The node.
    pub node: String,
    /// The GPU; `None` of the node as a whole.
    pub gpu: Option<usize>,
    /// What was measured.
    pub value: f64,
}

/// The values of one metric, least first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: Option<String>,
    /// The values.
    pub values: Vec<Value>,
}

impl Distribution {
    /// The values of every metric in the documents of the nodes, by metric; those of which there are at least two.
    #[must_use]
    pub fn all(documents: &[Health]) -> HashMap<String, Self> {
        let mut all: HashMap<String, Self> = HashMap::new();
        for health in documents {
            for check in health.checks.iter().filter(|check| check.status != Status::Unknown) {
                let Some(value) = check.value.as_f64() else { continue };
                let metric = check.metric();
                let found =
                    all.entry(metric.clone()).or_insert_with(|| Self { metric, ..Self::default() });
                found.unit = found.unit.take().or_else(|| check.unit.clone());
                found.values.push(Value {
                    node: health.host.clone(),
                    gpu: gpu_of(&check.target),
                    value,
                });
            }
        }
        all.retain(|_, found| found.values.len() > 1);
        for found in all.values_mut() {
            found.values.sort_by(|a, b| a.value.total_cmp(&b.value));
        }
        all
    }

    /// The middle value.
    #[must_use]
    pub fn median(&self) -> f64 {
        let middle = self.values.len() / 2;
        let at = |index: usize| self.values.get(index).map_or(f64::NAN, |value| value.value);
        if self.values.len().is_multiple_of(2) {
            f64::midpoint(at(middle.saturating_sub(1)), at(middle))
        } else {
            at(middle)
        }
    }

    /// How many values are in each of so many equal stretches: from, to, count.
    #[must_use]
    pub fn histogram(&self, bins: usize) -> Vec<(f64, f64, usize)> {
        let (Some(lowest), Some(highest)) = (self.values.first(), self.values.last()) else {
            return Vec::new();
        };
        let (least, greatest) = (lowest.value, highest.value);
        // Where all are the same, one bar with some width.
        let width = if greatest > least {
            (greatest - least) / bins.max(1) as f64
        } else {
            least.abs().max(1.0) * 0.01
        };
        let mut counts = vec![0; bins.max(1)];
        let top = counts.len() - 1;
        for value in &self.values {
            counts[(((value.value - least) / width) as usize).min(top)] += 1;
        }
        counts
            .into_iter()
            .enumerate()
            .map(|(bin, count)| {
                (least + bin as f64 * width, least + (bin + 1) as f64 * width, count)
            })
            .filter(|&(.., count)| count > 0)
            .collect()
    }

    /// The values of one node, with the share of the fleet's values that are below each, 0 to 1.
    #[must_use]
    pub fn of_node(&self, node: &str) -> Vec<(&Value, f64)> {
        let own = self.values.iter().enumerate().filter(|(_, value)| value.node == node);
        own.map(|(at, value)| (value, at as f64 / self.values.len() as f64)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Distribution;
    use crate::model::fleet::document::Status;
    use crate::model::fleet::node::{Check, Health};

    fn node(host: &str, values: &[f64]) -> Health {
        let check = |(gpu, value): (usize, &f64)| Check {
            name: "bandwidth".into(),
            target: format!("GPU {gpu}"),
            status: Status::Ok,
            value: json!(value),
            unit: Some("GB/s".into()),
            ..Check::default()
        };
        Health {
            host: host.into(),
            checks: values.iter().enumerate().map(check).collect(),
            ..Health::default()
        }
    }

    #[test]
    fn every_value_is_in_one_bar_and_a_node_knows_its_place() {
        let documents = [node("a", &[10.0, 11.0]), node("b", &[12.0, 4.0])];
        let found = Distribution::all(&documents).remove("bandwidth").unwrap();
        assert_eq!(found.unit.as_deref(), Some("GB/s"));
        assert!((found.median() - 10.5).abs() < 1e-9);
        let bars = found.histogram(8);
        assert_eq!(bars.iter().map(|bar| bar.2).sum::<usize>(), 4);
        let own: Vec<_> =
            found.of_node("b").into_iter().map(|(value, below)| (value.gpu, below)).collect();
        assert_eq!(own, [(Some(1), 0.0), (Some(0), 0.75)]);
    }

    #[test]
    fn equal_values_are_one_bar_and_one_value_is_no_distribution() {
        let same = Distribution::all(&[node("a", &[5.0, 5.0])]).remove("bandwidth").unwrap();
        assert_eq!(same.histogram(10).len(), 1);
        assert!(Distribution::all(&[node("a", &[5.0])]).is_empty());
    }
}
