//! The answer: `perfagent.compare/1`.

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::effect::Effect;
use super::environment::{Difference, FactRow};
use super::metric::{Better, Family, Metric, Unit};
use super::settings::Settings;
use crate::statistic::order::median;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.compare/1";

/// What can be said about one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It became worse.
    Regression,
    /// It became better.
    Improvement,
    /// It changed by less than the threshold, if at all.
    Equivalent,
    /// Neither is certain.
    Inconclusive,
}

/// What can be said about the new side as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// At least one metric became worse.
    Regression,
    /// None became worse, a headline metric became better, and no headline metric is open.
    Improvement,
    /// Every headline metric is the same within the threshold.
    Equivalent,
    /// No metric became worse as far as can be told, and a headline metric is open, or there is none.
    Inconclusive,
    /// The environments forbid a comparison.
    Incomparable,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What is compared with.
    Base,
    /// What is judged.
    New,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What can be said about the new side as a whole.
    pub verdict: Overall,
    /// The base runs.
    pub base: Vec<String>,
    /// The new runs.
    pub new: Vec<String>,
    /// Changes up to this are too small to matter, percent.
    pub threshold_pct: f64,
    /// The accepted rate of false discoveries among the metrics of a family.
    pub false_discovery_rate: f64,
    /// Whether the runs may be compared.
    pub environment: EnvironmentReport,
    /// One row a metric that both sides have.
    pub metrics: Vec<MetricRow>,
    /// Metrics that only one side has.
    pub unpaired: Vec<UnpairedRow>,
    /// The cases, where suites are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    /// Sentences that a reader of the figures should know.
    pub warnings: Vec<String>,
}

/// A case of a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub case: String,
    /// Runs of it on the base side.
    pub base_runs: usize,
    /// Runs of it on the new side.
    pub new_runs: usize,
    /// What can be said about it; `None` where a side has none of it.
    pub verdict: Option<Overall>,
}

/// Whether the runs may be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentReport {
    /// They may, or were.
    pub comparable: bool,
    /// A comparison was asked for whatever the differences.
    pub forced: bool,
    /// What is not the same in all runs.
    pub differences: Vec<Difference>,
    /// Everything that is looked at, also what is the same.
    #[serde(default)]
    pub facts: Vec<FactRow>,
}

/// One side of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideFigures {
    /// Runs that have the metric.
    pub runs: usize,
    /// Samples in all of them.
    pub samples: usize,
    /// Median of the runs' medians, in the metric's unit.
    pub median: f64,
    /// The runs' medians, in the order of the runs that have the metric.
    #[serde(default)]
    pub values: Vec<f64>,
    /// Which of them are left out as those of single bad runs, 0-based.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outliers: Vec<usize>,
}

/// One metric's verdict and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// The case of a suite that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What is measured: `step_time`, `kernel_time`, …
    pub name: String,
    /// Of what, where there are many.
    pub subject: Option<String>,
    /// Unit of the medians.
    pub unit: Unit,
    /// Which way it should go.
    pub better: Better,
    /// Which false-discovery control it falls under.
    pub family: Family,
    /// The verdict.
    pub verdict: Verdict,
    /// The base side.
    pub base: SideFigures,
    /// The new side.
    pub new: SideFigures,
    /// Change from base to new, percent: the median over all pairs of a base and a new run, without single bad runs; `None`
    /// without a ratio.
    pub change_pct: Option<f64>,
    /// Lower end of its 95 % interval, percent.
    pub low_pct: Option<f64>,
    /// Upper end of its 95 % interval, percent.
    pub high_pct: Option<f64>,
    /// Had nothing changed, the probability of a difference as great.
    pub p_value: Option<f64>,
    /// The false discovery rate at which it is called changed.
    pub q_value: Option<f64>,
    /// The least change that these runs find with probability 0.8, percent.
    pub detectable_pct: Option<f64>,
    /// Runs a side that would probably decide; `None` when decided or when no sensible number would.
    pub runs_needed: Option<usize>,
    /// Why it is inconclusive.
    pub reason: Option<String>,
}

/// A metric that only one side has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnpairedRow {
    /// The case of a suite that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// What is measured.
    pub name: String,
    /// Of what, where there are many.
    pub subject: Option<String>,
    /// Unit of the median.
    pub unit: Unit,
    /// The side that has it.
    pub only_in: Side,
    /// Its figures there.
    pub figures: SideFigures,
}

impl Comparison {
    pub(super) fn new(
        (base, new): (Vec<String>, Vec<String>),
        environment: EnvironmentReport,
        settings: &Settings,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            verdict: Overall::Inconclusive,
            base,
            new,
            threshold_pct: settings.threshold_pct,
            false_discovery_rate: settings.false_discovery_rate,
            environment,
            metrics: Vec::new(),
            unpaired: Vec::new(),
            cases: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes note of how many runs of each case of a suite there are, in base and new. Where a case of the base side was not run
    /// on the new one, nothing good can be said about the whole.
    pub fn set_cases(&mut self, cases: impl IntoIterator<Item = (String, usize, usize)>) {
        let comparable = self.environment.comparable;
        for (case, base_runs, new_runs) in cases {
            let of_case = |row: &&MetricRow| row.case.as_ref() == Some(&case);
            let rows: Vec<&MetricRow> = self.metrics.iter().filter(of_case).collect();
            let is_judged = comparable && base_runs > 0 && new_runs > 0;
            let verdict = is_judged.then(|| overall(&rows));
            self.cases.push(Case { case, base_runs, new_runs, verdict });
        }
        let is_missing = self.cases.iter().any(|case| case.new_runs == 0);
        if is_missing && matches!(self.verdict, Overall::Equivalent | Overall::Improvement) {
            self.verdict = Overall::Inconclusive;
        }
    }

    /// Judges the whole from its metrics, and says what limits it.
    pub(super) fn conclude(&mut self) {
        let headline = || self.metrics.iter().filter(|row| row.family == Family::Headline);
        self.verdict = overall(&self.metrics.iter().collect::<Vec<_>>());
        if headline().next().is_none() {
            self.warnings.push(
                "The two sides have no headline metric in common: no steps, no memory.".to_owned(),
            );
        }
        if self.base.len() < 2 || self.new.len() < 2 {
            let needed = headline().find_map(|row| Some((&row.name, row.runs_needed?)));
            let how_many = needed.map_or_else(String::new, |(name, needed)| {
                let name = name.replace('_', " ");
                format!(" For a verdict on {name} at least {needed} runs a side are needed.")
            });
            self.warnings.push(format!(
                "One run on a side: how much runs differ from each other is unknown, and samples within a run cannot tell it.{how_many}"
            ));
        }
    }
}

/// What can be said about a whole with these metrics.
fn overall(rows: &[&MetricRow]) -> Overall {
    let headline = || rows.iter().filter(|row| row.family == Family::Headline);
    let any = |verdict| headline().any(|row| row.verdict == verdict);
    if rows.iter().any(|row| row.verdict == Verdict::Regression) {
        Overall::Regression
    } else if headline().next().is_none() || any(Verdict::Inconclusive) {
        Overall::Inconclusive
    } else if any(Verdict::Improvement) {
        Overall::Improvement
    } else {
        Overall::Equivalent
    }
}

pub(super) fn row(
    metric: &Metric,
    effect: &Effect,
    q_value: Option<f64>,
    decision: Decision,
) -> MetricRow {
    let [mut base, mut new] =
        [(&metric.base, &effect.runs.0), (&metric.new, &effect.runs.1)].map(figures);
    (base.outliers, new.outliers) = effect.outliers.clone();
    MetricRow {
        case: metric.case.clone(),
        name: metric.name.clone(),
        subject: metric.subject.clone(),
        unit: metric.unit,
        better: metric.better,
        family: metric.family,
        verdict: decision.verdict,
        base,
        new,
        change_pct: effect.log_ratio.map(percent),
        low_pct: effect.confidence.map(|interval| percent(interval.lower)),
        high_pct: effect.confidence.map(|interval| percent(interval.upper)),
        p_value: effect.p_value,
        q_value,
        detectable_pct: decision.detectable.map(percent),
        runs_needed: decision.runs_needed,
        reason: decision.reason,
    }
}

/// A metric without runs on one side; `None` without runs on either.
pub(super) fn unpaired_row(metric: &Metric) -> Option<UnpairedRow> {
    let (only_in, runs) =
        if metric.new.is_empty() { (Side::Base, &metric.base) } else { (Side::New, &metric.new) };
    let medians: Vec<f64> = runs.iter().map(|run| median(run)).collect();
    (!runs.is_empty()).then(|| UnpairedRow {
        case: metric.case.clone(),
        name: metric.name.clone(),
        subject: metric.subject.clone(),
        unit: metric.unit,
        only_in,
        figures: figures((runs, &medians)),
    })
}

fn figures((runs, medians): (&Vec<Vec<f64>>, &Vec<f64>)) -> SideFigures {
    SideFigures {
        runs: runs.len(),
        samples: runs.iter().map(Vec::len).sum(),
        median: median(medians),
        values: medians.clone(),
        outliers: Vec::new(),
    }
}

/// A log-ratio as a change in percent.
fn percent(log_ratio: f64) -> f64 {
    100.0 * log_ratio.exp_m1()
}
