//! What is checked: groups of runs that may be held against each other, and their metrics.

use super::document::{RunName, SetAside};
use crate::compare::{Better, Family};

/// Why metrics cannot be checked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A value is NaN or infinite.
    #[error("metric {metric}: value {index} (counted from 0) is {value}; leave that run out")]
    NotFinite {
        /// The metric's name.
        metric: String,
        /// 0-based number of the run, the newest behind the older ones.
        index: usize,
        /// What it is.
        value: f64,
    },
}

/// One metric, a value a run that has it, in the order of the runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// What is measured: `step_time`, `latency`, …
    pub name: String,
    /// Of what, where there are many: a benchmark, a kernel.
    pub subject: Option<String>,
    /// The unit of the values; empty where nobody said.
    pub unit: String,
    /// Which way it should go.
    pub better: Better,
    /// Which false-discovery control it falls under.
    pub family: Family,
    /// Of the older runs.
    pub older: Vec<f64>,
    /// Of the runs that are judged.
    pub newest: Vec<f64>,
}

impl Metric {
    pub(super) fn check(&self) -> Result<(), HistoryError> {
        let mut values = self.older.iter().chain(&self.newest).enumerate();
        match values.find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((index, &value)) => {
                let metric = match &self.subject {
                    Some(subject) => format!("{} of {subject}", self.name),
                    None => self.name.clone(),
                };
                Err(HistoryError::NotFinite { metric, index, value })
            }
        }
    }
}

/// The runs of one suite on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The suite.
    pub suite: String,
    /// The machine.
    pub machine: String,
    /// The runs that are judged, in their order.
    pub newest: Vec<RunName>,
    /// How many older runs they are held against.
    pub older: usize,
    /// Older runs that are not, because of their environments.
    pub set_aside: Vec<SetAside>,
    /// What was measured, each metric once.
    pub metrics: Vec<Metric>,
}
