//! What one file says of one node, or of two.

use perfagent_recording::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::metric::Better;
use crate::gpu::GpuIdentity;
use crate::{Severity, Status};

/// One document or log about one node.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The node.
    pub node: String,
    /// Where it stands: `node1.json`, `all.jsonl: line 7`.
    pub source: String,
    /// Which form it has: reports of one form exclude each other, those of several add up.
    pub form: &'static str,
    /// When it was made, as far as it says.
    pub time: Option<Timestamp>,
    /// Its GPUs, as far as it names them.
    pub gpus: Vec<GpuIdentity>,
    /// The checks of the node itself.
    pub checks: Vec<Checked>,
    /// What was measured.
    pub measured: Vec<Measured>,
    /// The verdict that it states.
    pub verdict: Option<Status>,
}

/// A check as a document tells it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Checked {
    /// What was looked at.
    pub name: String,
    /// Where.
    pub target: String,
    /// How it came out.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: Severity,
    /// What was found.
    #[serde(default)]
    pub value: Value,
    /// What a healthy node shows.
    #[serde(default)]
    pub expected: Value,
    /// The unit of both.
    #[serde(default)]
    pub unit: Option<String>,
    /// What to do.
    #[serde(default)]
    pub action: Option<String>,
    /// What was found, in words.
    #[serde(default)]
    pub detail: String,
}

impl Checked {
    /// Whether it has a say in the verdict, as [`crate::Check::counts`].
    #[must_use]
    pub fn counts(&self) -> bool {
        self.status != Status::Unknown || self.severity != Severity::None
    }

    /// The number of the GPU that it is about.
    #[must_use]
    pub fn gpu(&self) -> Option<u32> {
        self.target.strip_prefix("GPU ")?.parse().ok()
    }
}

/// A figure of a node or of one of its GPUs.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What: the same of all nodes.
    pub metric: String,
    /// The GPU or, where a tool counts processes, the rank; `None` of the node as a whole.
    pub device: Option<u32>,
    /// How much.
    pub value: f64,
    /// The unit, where it is known.
    pub unit: Option<String>,
    /// Which way is better.
    pub better: Better,
}

/// A figure of two nodes together.
#[derive(Clone, Debug, PartialEq)]
pub struct PairMeasurement {
    /// The two nodes.
    pub nodes: [String; 2],
    /// What: the same of all pairs.
    pub metric: String,
    /// How much.
    pub value: f64,
    /// The unit, where it is known.
    pub unit: Option<String>,
    /// Which way is better.
    pub better: Better,
    /// Where it stands.
    pub source: String,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The node that it is about, as far as that could be told.
    pub node: Option<String>,
    /// The file and the place in it.
    pub source: String,
    /// What is wrong there.
    pub said: String,
    /// What to do.
    pub action: String,
}
