//! The document `perfagent.fleet/1`, as far as the window shows it. Fields that are not known here are left alone:
//! a newer program may write more.

use serde::Deserialize;
use serde_json::Value;

/// How a check, a node or a fleet is, in the order in which it weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Not as it should be; work can go on.
    Warning,
    /// Could not be checked: never the same as ok.
    #[default]
    Unknown,
    /// No work should be put there.
    Critical,
}

impl Status {
    /// All of them, the heaviest first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Unknown, Self::Warning, Self::Ok];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Warning => "Warning",
            Self::Unknown => "Unknown",
            Self::Critical => "Critical",
        }
    }

    /// A sign that says the same without a colour.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "·",
            Self::Warning => "!",
            Self::Unknown => "?",
            Self::Critical => "×",
        }
    }
}

/// How a fleet is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Fleet {
    /// `perfagent.fleet/1`.
    pub schema: String,
    /// When it was judged.
    pub time: String,
    /// The worst of all nodes and inputs.
    pub verdict: Status,
    /// How it was judged.
    pub settings: Settings,
    /// Nodes of a kind.
    pub groups: Vec<Group>,
    /// The nodes, the worst first.
    pub nodes: Vec<Node>,
    /// One XID on many nodes at once.
    pub signatures: Vec<Signature>,
    /// Measurements of pairs.
    pub pairs: Vec<Pairs>,
    /// What to measure again.
    pub plan: Plan,
    /// What was compared.
    pub metrics: Vec<Metric>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// What counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Worse than the median of its kind by so many percent is a warning.
    pub threshold_pct: f64,
    /// And by so many critical.
    pub critical_pct: f64,
    /// Of those that are named, the share that may be so by chance.
    pub false_discovery_rate: f64,
    /// Nodes of a kind that are needed to judge one against the others.
    pub least_nodes: usize,
}

/// Nodes of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The product of their GPUs.
    pub product: Option<String>,
    /// Their driver.
    pub driver: Option<String>,
    /// How many.
    pub nodes: usize,
    /// `fleet`, `product` or `floors`.
    pub against: String,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The worst of its findings.
    pub verdict: Status,
    /// Which of the groups it is in.
    pub group: Option<usize>,
    /// When its newest document was made.
    pub time: Option<String>,
    /// How many GPUs it shows.
    pub gpus: usize,
    /// Where its figures stand.
    pub sources: Vec<String>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// `check`, `gpu`, `node`, `pair`, `floor`, `unlike`, `failed`, `missing`, `document` or `too_few`.
    pub kind: String,
    /// `host`, `GPU 3`, or the target of a check.
    pub target: String,
    /// The check or metric.
    pub name: String,
    /// How much it weighs.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: String,
    /// What was found.
    pub value: Value,
    /// The median of its kind, or what else was expected.
    pub expected: Value,
    /// The unit of both.
    pub unit: Option<String>,
    /// By how much it is worse than its kind, percent.
    pub worse_pct: Option<f64>,
    /// The false discovery rate at which it would be named.
    pub q_value: Option<f64>,
    /// What to do.
    pub action: String,
    /// What was found, in words.
    pub detail: String,
}

impl Finding {
    /// The GPU that it is about; `None` of the node as a whole.
    #[must_use]
    pub fn gpu(&self) -> Option<usize> {
        gpu_of(&self.target)
    }
}

/// The number of the GPU that a target names.
#[must_use]
pub fn gpu_of(target: &str) -> Option<usize> {
    target.strip_prefix("GPU ")?.parse().ok()
}

/// An XID that many nodes show.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// The number.
    pub xid: u64,
    /// NVIDIA's name of it.
    pub name: Option<String>,
    /// The nodes that show it.
    pub nodes: Vec<String>,
    /// How many GPUs show it.
    pub gpus: usize,
    /// What speaks for a common cause.
    pub detail: String,
    /// What to do.
    pub action: String,
}

/// All pairs of one metric.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
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
    pub slow: Vec<Pair>,
}

/// A slow pair of nodes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pair {
    /// The two nodes.
    pub nodes: [String; 2],
    /// What was measured.
    pub value: f64,
    /// By how much it is worse than the median pair, percent.
    pub worse_pct: f64,
    /// What is to be made of it.
    pub verdict: String,
}

/// What to measure next.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Whom and why.
    pub suspects: Vec<Suspect>,
    /// Pairs to run, round by round.
    pub rounds: Vec<Vec<Swap>>,
    /// Suspects for which no node of their kind passed.
    pub without_reference: Vec<String>,
}

/// A node, or a GPU of one, that is to be measured again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Suspect {
    /// The node.
    pub node: String,
    /// The GPU; `None` of the node as a whole.
    pub gpu: Option<u32>,
    /// What was seen.
    pub why: String,
    /// Whether it is in a finding already; if not, chance alone may have done it.
    pub named: bool,
}

/// A suspect beside a node that passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Swap {
    /// The suspect.
    pub suspect: String,
    /// A node of its kind in which nothing was found.
    pub reference: String,
}

/// The figures of one metric in one kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// The kind.
    pub group: String,
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: Option<String>,
    /// `higher`, `lower`, `zero` or `unknown`.
    pub better: String,
    /// `gpu` or `node`.
    pub of: String,
    /// How many values.
    pub count: usize,
    /// Their median.
    pub median: f64,
    /// The robust standard deviation, percent of the median.
    pub spread_pct: Option<f64>,
}

/// What could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
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
