//! One configuration: a value for each parameter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values by the names of their parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Candidate(BTreeMap<String, String>);

impl Candidate {
    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter that is a whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Gives a parameter a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Copies of the model: ranks over tensor × pipeline degree; 1 where nothing is said.
    #[must_use]
    pub fn replicas(&self) -> u64 {
        let of = |name| self.number(name).unwrap_or(1).max(1);
        (of("nproc") / (of("tp") * of("pp")).max(1)).max(1)
    }

    /// `micro_batch 8, precision bf16`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let parts: Vec<_> = self.iter().map(|(name, value)| format!("{name} {value}")).collect();
        parts.join(", ")
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Candidate {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
