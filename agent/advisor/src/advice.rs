//! The advice document.

use serde::{Deserialize, Serialize};

use perfagent_analysis::report::Rank;

use crate::Gain;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.advice/1";

/// What a run's recording says about what could be gained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Path of the recording that the facts come from.
    pub recording: String,
    /// What wrote the recording.
    pub source: String,
    /// What is worth most, and how many facts there are of each verdict, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// The facts, in a fixed order; [`Fact::place`] ranks them.
    pub facts: Vec<Fact>,
    /// What these facts do not say.
    pub limits: Vec<String>,
}

/// One fact with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its stable name: `data_stall`, `communication`, `memory_headroom`, `host_bound`, `synchronization`, `exposed_copies`, `stragglers`,
    /// `tensor_cores`, `unaligned_products`, `dtype_casts`, `tiny_kernels`, `throttling`, `memory_fragmentation`, and with ceilings
    /// `operator_efficiency` and `collective_efficiency`.
    pub name: String,
    /// Whether something is to be done.
    pub verdict: Verdict,
    /// The figure of the rank that has most to gain; `None` when the recording does not hold it.
    pub value: Option<f64>,
    /// Unit of `value`: `pct` or `bytes`.
    pub unit: String,
    /// The rank that `value` is of; `None` for unnumbered ranks and for whole machines.
    pub rank: Option<i64>,
    /// The figures that `value` and the sentence are made of.
    pub figures: Vec<Figure>,
    /// `value` of every rank.
    pub ranks: Vec<RankFigure>,
    /// Where in the recording the figures were measured.
    pub evidence: Vec<Evidence>,
    /// One sentence: what to do, or that there is nothing to gain, or what to record to know it.
    pub advice: String,
    /// What acting on it is worth; `None` when it is no time that would be gained, and when nothing would.
    #[serde(default)]
    pub gain: Option<Gain>,
    /// Its place among the facts to act on by what they are worth, from 1 on.
    #[serde(default)]
    pub place: Option<i64>,
}

/// Whether something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is something to gain or to guard against.
    Act,
    /// There is nothing worth a change.
    NothingToGain,
    /// The recording does not say.
    Unknown,
}

/// One figure behind a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name, with the unit at its end.
    pub name: String,
    /// Its value; `None` when the recording does not hold it.
    pub value: Option<f64>,
    /// Where it comes from.
    pub source: Source,
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// From the recording.
    Measured,
    /// Calculated from measured figures by the formula that the name says.
    Derived,
    /// From what the device does at most, as `perfagent ceilings` has measured it.
    Ceiling,
    /// A constant of the formula that the gain is calculated by.
    Modelled,
}

/// A fact's figure of one rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankFigure {
    /// Rank in the job.
    pub rank: Option<i64>,
    /// Its machine.
    pub host: String,
    /// Its process number.
    pub pid: i64,
    /// The figure, in the fact's unit.
    pub value: Option<f64>,
}

/// Where in a recording something was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Path of the recording.
    pub recording: String,
    /// The rank.
    pub rank: Option<i64>,
    /// The process number.
    pub pid: i64,
    /// The process's row in the table `processes`.
    pub process_id: i64,
    /// The table of the recording.
    pub table: String,
    /// The names that were counted there.
    pub names: Vec<String>,
    /// How many rows.
    pub count: i64,
    /// What they stand for.
    pub what: String,
    /// Where to look: the start of the longest of them, or of the stretch that they are in, ns since the Unix epoch.
    #[serde(default)]
    pub start_ns: Option<i64>,
    /// Its end.
    #[serde(default)]
    pub end_ns: Option<i64>,
}

impl Evidence {
    /// With where to look.
    pub(crate) fn at(mut self, start_ns: i64, length_ns: i64) -> Self {
        if length_ns > 0 {
            (self.start_ns, self.end_ns) =
                (Some(start_ns), Some(start_ns.saturating_add(length_ns)));
        }
        self
    }
}

impl Fact {
    /// A fact of which nothing is known yet: `worst` is the rank that has most to gain, with its figure, and `advice` what to
    /// record to know more.
    pub(crate) fn unknown(
        name: &str,
        unit: &str,
        (worst, ranks): (Option<(&Rank, f64)>, Vec<RankFigure>),
        advice: &str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            verdict: Verdict::Unknown,
            value: worst.map(|(_, value)| value),
            unit: unit.to_owned(),
            rank: worst.and_then(|(rank, _)| rank.rank),
            figures: Vec::new(),
            ranks,
            evidence: Vec::new(),
            advice: advice.to_owned(),
            gain: None,
            place: None,
        }
    }

    /// Says that there is nothing to gain, and why.
    pub(crate) fn nothing(&mut self, advice: String) {
        (self.verdict, self.advice) = (Verdict::NothingToGain, advice);
    }

    /// Says what to do.
    pub(crate) fn act(&mut self, advice: String) {
        (self.verdict, self.advice) = (Verdict::Act, advice);
    }
}

impl Figure {
    /// A figure straight from the recording.
    pub(crate) fn measured(name: &str, value: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, source: Source::Measured }
    }

    /// A constant of a formula.
    pub(crate) fn modelled(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value: Some(value), source: Source::Modelled }
    }

    /// A figure of the ceilings.
    pub(crate) fn ceiling(name: &str, value: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, source: Source::Ceiling }
    }

    /// A figure calculated from measured ones.
    pub(crate) fn derived(name: &str, value: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, source: Source::Derived }
    }
}
