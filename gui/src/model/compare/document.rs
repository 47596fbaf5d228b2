//! The document `perfagent.compare/1`, as far as the window shows it. Fields that are not known here are left
//! alone: a newer program may write more.

use serde::Deserialize;

/// What can be said, of one metric or of a whole side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It became worse.
    Regression,
    /// It became better.
    Improvement,
    /// It changed by less than the threshold, if at all.
    Equivalent,
    /// The environments forbid a comparison.
    Incomparable,
    /// Nothing is certain.
    #[default]
    #[serde(other)]
    Inconclusive,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regression => "Regression",
            Self::Improvement => "Improvement",
            Self::Equivalent => "Equivalent",
            Self::Incomparable => "Not comparable",
            Self::Inconclusive => "Inconclusive",
        }
    }

    /// A sign that says the same without a colour.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Regression => "!",
            Self::Improvement => "+",
            Self::Equivalent => "=",
            Self::Incomparable => "×",
            Self::Inconclusive => "?",
        }
    }
}

/// Which way a metric should go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Rates.
    Higher,
    /// Times, sizes, counts.
    #[default]
    #[serde(other)]
    Lower,
}

/// What a run is judged by, or where a change comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Step time, throughput, peak memory, exposed communication.
    Headline,
    /// Kernels, operators, collectives.
    #[default]
    #[serde(other)]
    Detail,
}

/// How much a difference of environments matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Figures of the two sides must not be compared.
    Decisive,
    /// Worth knowing.
    #[default]
    #[serde(other)]
    Note,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What is compared with.
    Base,
    /// What is judged.
    #[default]
    #[serde(other)]
    New,
}

/// The whole comparison.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// `perfagent.compare/1`.
    pub schema: String,
    /// What can be said about the new side as a whole.
    pub verdict: Verdict,
    /// The base runs.
    pub base: Vec<String>,
    /// The new runs.
    pub new: Vec<String>,
    /// Changes up to this are too small to matter, percent.
    pub threshold_pct: f64,
    /// The accepted rate of false discoveries.
    pub false_discovery_rate: f64,
    /// Whether the runs may be compared.
    pub environment: Environment,
    /// One row a metric that both sides have.
    pub metrics: Vec<Metric>,
    /// Metrics that only one side has.
    pub unpaired: Vec<Unpaired>,
    /// The cases, where suites are compared.
    pub cases: Vec<Case>,
    /// Sentences that a reader of the figures should know.
    pub warnings: Vec<String>,
    /// What the sides do differently.
    #[serde(flatten)]
    pub detail: Detail,
    /// The same of suites, case by case.
    pub case_details: Vec<Detail>,
}

/// A case of a suite.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Case {
    /// Its name.
    pub case: String,
    /// Runs of it on the base side.
    pub base_runs: usize,
    /// Runs of it on the new side.
    pub new_runs: usize,
    /// What can be said about it; `None` where a side has none of it.
    pub verdict: Option<Verdict>,
}

/// Whether the runs may be compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// They may, or were.
    pub comparable: bool,
    /// A comparison was asked for whatever the differences.
    pub forced: bool,
    /// What is not the same in all runs, what forbids a comparison first.
    pub differences: Vec<Fact>,
    /// Everything that is looked at.
    pub facts: Vec<Fact>,
}

/// What the environment is on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fact {
    /// What.
    pub fact: String,
    /// How much a difference matters.
    pub weight: Weight,
    /// What it is in the base runs, each value once.
    pub base: Vec<String>,
    /// What it is in the new runs.
    pub new: Vec<String>,
}

/// One side of a metric.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Runs that have the metric.
    pub runs: usize,
    /// Median of the runs' medians, in the metric's unit.
    pub median: f64,
    /// The runs' medians.
    pub values: Vec<f64>,
    /// Which of them are left out as those of single bad runs, 0-based.
    pub outliers: Vec<usize>,
}

/// One metric's verdict and what it rests on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// The case of a suite that it is of.
    pub case: Option<String>,
    /// What is measured: `step_time`, `kernel_time`, …
    pub name: String,
    /// Of what, where there are many.
    pub subject: Option<String>,
    /// `ns`, `bytes`, `gbps`, `tokens_per_s`, `samples_per_s`, `nats` or `count`.
    pub unit: String,
    /// Which way it should go.
    pub better: Better,
    /// Headline or detail.
    pub family: Family,
    /// The verdict.
    pub verdict: Verdict,
    /// The base side.
    pub base: Figures,
    /// The new side.
    pub new: Figures,
    /// Change from base to new, percent.
    pub change_pct: Option<f64>,
    /// Lower end of its 95 % interval, percent.
    pub low_pct: Option<f64>,
    /// Upper end, percent.
    pub high_pct: Option<f64>,
    /// Had nothing changed, the probability of a difference as great.
    pub p_value: Option<f64>,
    /// The false discovery rate at which it is called changed.
    pub q_value: Option<f64>,
    /// The least change that these runs find with probability 0.8, percent.
    pub detectable_pct: Option<f64>,
    /// Runs a side that would probably decide.
    pub runs_needed: Option<usize>,
    /// Why it is inconclusive.
    pub reason: Option<String>,
}

/// A metric that only one side has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Unpaired {
    /// The case of a suite that it is of.
    pub case: Option<String>,
    /// What is measured.
    pub name: String,
    /// Of what.
    pub subject: Option<String>,
    /// Its unit.
    pub unit: String,
    /// The side that has it.
    pub only_in: Side,
    /// Its figures there.
    pub figures: Figures,
}

/// What the runs of two sides do differently.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// The case of a suite.
    pub case: Option<String>,
    /// Kernels and operators.
    pub difference: Option<Difference>,
    /// What made the change of the mean step.
    pub attribution: Option<Attribution>,
    /// Whether they train alike.
    pub losses: Option<Losses>,
}

/// The change of the mean step, divided among parts that do not overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Attribution {
    /// Steps of the base side.
    pub base_steps: usize,
    /// Steps of the new side.
    pub new_steps: usize,
    /// The mean step of the base side, ns.
    pub base_ns: i64,
    /// The mean step of the new side, ns.
    pub new_ns: i64,
    /// Their difference, ns.
    pub change_ns: i64,
    /// The parts, greatest change first; they add up to the step.
    pub rows: Vec<Part>,
}

/// One part of a step on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Part {
    /// `kernel`, `operator`, `communication`, `copy`, `data`, `idle`, `range` or `other`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it was called on the base side, where that is another name.
    pub was: Option<String>,
    /// Its part of the mean step of the base side, ns.
    pub base_ns: i64,
    /// Its part of the mean step of the new side, ns.
    pub new_ns: i64,
    /// Their difference, ns.
    pub change_ns: i64,
}

/// What differs between two sets of steps.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Difference {
    /// Every kernel name of either side, greatest change of time first.
    pub kernels: Vec<Kernel>,
    /// Kernels that only changed their name: position in `kernels` of the one that vanished and of the one that
    /// appeared.
    pub renames: Vec<(usize, usize)>,
    /// How many kernels of a step are the same in the same order.
    pub common: usize,
}

/// A kernel on both sides, means of a step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// How often it ran a step on the base side.
    pub base_count: f64,
    /// On the new side.
    pub new_count: f64,
    /// Its time a step on the base side, ns.
    pub base_ns: f64,
    /// On the new side, ns.
    pub new_ns: f64,
}

/// Losses of both sides at the steps that all runs have.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Losses {
    /// Those steps.
    pub steps: usize,
    /// Whether they are equal to the bit; `None` where the runs of a side differ already.
    pub equal: Option<bool>,
    /// The first step at which they are not.
    pub first_difference: Option<LossDifference>,
}

/// A step at which losses differ.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LossDifference {
    /// The step.
    pub step: i64,
    /// The loss of the base side.
    pub base: Option<f64>,
    /// The loss of the new side.
    pub new: Option<f64>,
}
