//! Whether runs come from machines that may be compared.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Figures of the two sides must not be compared.
    Decisive,
    /// Worth knowing.
    Note,
}

/// One thing that sets environments apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What: `gpu`, `driver`, `cpu`, …
    pub name: &'static str,
    /// What it is in this run; unknown where the recording does not say.
    pub value: Option<String>,
    /// How much a difference matters.
    pub weight: Weight,
}

/// The environment of one run: the same facts in the same order for every run.
pub type Environment = Vec<Fact>;

/// A fact that is not the same in all runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs.
    pub fact: String,
    /// How much it matters.
    pub weight: Weight,
    /// What it is in the base runs, each value once; `unknown` where a recording does not say.
    pub base: Vec<String>,
    /// What it is in the new runs, each value once.
    pub new: Vec<String>,
}

/// A fact with what it is on both sides, each value once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRow {
    /// What.
    pub fact: String,
    /// How much a difference matters.
    pub weight: Weight,
    /// What it is in the base runs; `unknown` where a recording does not say.
    pub base: Vec<String>,
    /// What it is in the new runs.
    pub new: Vec<String>,
}

/// Every fact of the runs of both sides, in order, whether it differs or not.
#[must_use]
pub fn facts(base: &[Environment], new: &[Environment]) -> Vec<FactRow> {
    let first = base.first().or(new.first());
    let row = |fact: &Fact| FactRow {
        fact: fact.name.to_owned(),
        weight: fact.weight,
        base: values(base, fact.name).into_iter().collect(),
        new: values(new, fact.name).into_iter().collect(),
    };
    first.map_or_else(Vec::new, |facts| facts.iter().map(row).collect())
}

/// What is not the same in all runs of both sides, what forbids a comparison first.
#[must_use]
pub fn differences(base: &[Environment], new: &[Environment]) -> Vec<Difference> {
    let Some(facts) = base.first().or(new.first()) else { return Vec::new() };
    let mut differences: Vec<Difference> = facts
        .iter()
        .filter_map(|fact| {
            let (base, new) = (values(base, fact.name), values(new, fact.name));
            let all: BTreeSet<_> = base.iter().chain(&new).collect();
            let owned = |values: BTreeSet<String>| values.into_iter().collect();
            (all.len() > 1).then(|| Difference {
                fact: fact.name.to_owned(),
                weight: fact.weight,
                base: owned(base),
                new: owned(new),
            })
        })
        .collect();
    differences.sort_by_key(|difference| difference.weight);
    differences
}

fn values(side: &[Environment], name: &str) -> BTreeSet<String> {
    side.iter()
        .flatten()
        .filter(|fact| fact.name == name)
        .map(|fact| fact.value.clone().unwrap_or_else(|| "unknown".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Environment, Fact, Weight, differences};

    fn environment(gpu: &str, host: Option<&str>) -> Environment {
        vec![
            Fact { name: "host", value: host.map(str::to_owned), weight: Weight::Note },
            Fact { name: "gpu", value: Some(gpu.to_owned()), weight: Weight::Decisive },
        ]
    }

    #[test]
    fn equal_runs_have_no_differences() {
        let one = environment("H100", Some("a"));
        assert!(differences(&[one.clone(), one.clone()], &[one]).is_empty());
    }

    #[test]
    fn what_forbids_comes_first() {
        let found = differences(&[environment("H100", Some("a"))], &[environment("A100", None)]);
        let names: Vec<_> = found.iter().map(|found| found.fact.as_str()).collect();
        assert_eq!(names, ["gpu", "host"]);
        assert_eq!((found[1].base[0].as_str(), found[1].new[0].as_str()), ("a", "unknown"));
    }

    #[test]
    fn a_mixed_side_is_a_difference_too() {
        let (one, other) = (environment("H100", None), environment("A100", None));
        let found = differences(&[one.clone(), other], &[one]);
        assert_eq!(found[0].base, ["A100", "H100"]);
    }
}
