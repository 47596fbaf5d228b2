//! The answer: `perfagent.history-check/1`.

use serde::{Deserialize, Serialize};

use super::metric::{Group, Metric};
use super::settings::Settings;
use crate::compare::{Better, Difference, Family};
use crate::statistic::order::median;

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.history-check/1";

/// What can be said about one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It became worse.
    Regression,
    /// It became better.
    Improvement,
    /// It fits in with its history, and a change of ten thresholds would have been seen; how great a one is
    /// seen stands beside it.
    Ok,
    /// There is too little to say so.
    Inconclusive,
}

/// What can be said about all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// At least one metric became worse.
    Regression,
    /// None became worse, a headline metric became better, and nothing is open.
    Improvement,
    /// Every headline metric fits in with its history.
    Ok,
    /// No metric became worse as far as can be told, and a headline metric is open or missing, or there is none.
    Inconclusive,
    /// There are older runs, and the environments forbid a comparison with any of them.
    Incomparable,
}

/// A run, as a reader finds it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunName {
    /// Its number in the store.
    pub id: i64,
    /// The commit that was measured.
    pub commit: String,
    /// The branch that it was on.
    pub branch: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
}

/// Older runs that were not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// How many.
    pub runs: usize,
    /// What sets their environment apart from that of the newest runs.
    pub differences: Vec<Difference>,
}

/// One metric's verdict and what it rests on. Figures are in the metric's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// What is measured.
    pub name: String,
    /// Of what, where there are many.
    pub subject: Option<String>,
    /// Unit of the figures; empty where nobody said.
    pub unit: String,
    /// Which way it should go.
    pub better: Better,
    /// Which false-discovery control it falls under.
    pub family: Family,
    /// The verdict.
    pub verdict: Verdict,
    /// Runs that are judged and have the metric.
    pub newest_runs: usize,
    /// Their median.
    pub newest: f64,
    /// Runs that they are held against: of the newest stable level; all older ones where there is none.
    pub baseline_runs: usize,
    /// Their median; `None` where there are too few.
    pub baseline: Option<f64>,
    /// From `baseline` to `newest`, percent; `None` without a ratio.
    pub change_pct: Option<f64>,
    /// Lower end of the prediction interval for the mean of the newest runs.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
    /// Had nothing changed, the probability of runs as far off.
    pub p_value: Option<f64>,
    /// The false discovery rate at which it is called changed.
    pub q_value: Option<f64>,
    /// The least change for the worse that these runs show with probability 0.8 when tested alone, percent.
    pub detectable_pct: Option<f64>,
    /// Of an inconclusive one, further runs that would probably decide: of older commits where `baseline` is
    /// `None`, else of this one; `None` where no sensible number would.
    pub runs_missing: Option<usize>,
    /// Why it is inconclusive.
    pub reason: Option<String>,
}

/// A metric that only the older or only the newest runs have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// What is measured.
    pub name: String,
    /// Of what, where there are many.
    pub subject: Option<String>,
    /// Its unit.
    pub unit: String,
    /// The family that it belongs to.
    pub family: Family,
    /// Runs that have it.
    pub runs: usize,
    /// Their median.
    pub median: f64,
}

/// One suite on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupCheck {
    /// The suite.
    pub suite: String,
    /// The machine.
    pub machine: String,
    /// What can be said about it as a whole.
    pub verdict: Overall,
    /// The runs that are judged.
    pub newest: Vec<RunName>,
    /// Older runs that they could be held against.
    pub older_runs: usize,
    /// Older runs of other environments.
    pub set_aside: Vec<SetAside>,
    /// One row a metric that both have.
    pub metrics: Vec<MetricRow>,
    /// Metrics that the newest runs no longer have.
    pub missing: Vec<Unjudged>,
    /// Metrics that no older run has.
    pub new: Vec<Unjudged>,
}

/// The whole check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryCheck {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What can be said about all groups.
    pub verdict: Overall,
    /// Changes up to this are too small to matter, percent.
    pub threshold_pct: f64,
    /// The accepted rate of false discoveries among the metrics of a family.
    pub false_discovery_rate: f64,
    /// Suites by machines.
    pub groups: Vec<GroupCheck>,
    /// Sentences that a reader of the figures should know.
    pub warnings: Vec<String>,
}

pub(super) fn document(
    groups: Vec<Group>,
    rows: Vec<Vec<MetricRow>>,
    settings: &Settings,
) -> HistoryCheck {
    let groups: Vec<GroupCheck> =
        groups.into_iter().zip(rows).map(|(group, rows)| group_check(group, rows)).collect();
    let any = |verdict| groups.iter().any(|group| group.verdict == verdict);
    let order =
        [Overall::Regression, Overall::Incomparable, Overall::Inconclusive, Overall::Improvement];
    let verdict = order.into_iter().find(|&verdict| any(verdict));
    HistoryCheck {
        schema: SCHEMA.to_owned(),
        verdict: match verdict {
            Some(verdict) => verdict,
            None if groups.is_empty() => Overall::Inconclusive,
            None => Overall::Ok,
        },
        threshold_pct: settings.threshold_pct,
        false_discovery_rate: settings.false_discovery_rate,
        groups,
        warnings: Vec::new(),
    }
}

fn group_check(group: Group, metrics: Vec<MetricRow>) -> GroupCheck {
    let only = |wanted: fn(&Metric) -> Option<&Vec<f64>>| -> Vec<Unjudged> {
        group.metrics.iter().filter_map(|metric| unjudged(metric, wanted(metric)?)).collect()
    };
    let missing = only(|metric| metric.newest.is_empty().then_some(&metric.older));
    let new = only(|metric| metric.older.is_empty().then_some(&metric.newest));
    let headline = || metrics.iter().filter(|row| row.family == Family::Headline);
    let any = |verdict| headline().any(|row| row.verdict == verdict);
    let lost = missing.iter().any(|metric| metric.family == Family::Headline);
    let verdict = if metrics.iter().any(|row| row.verdict == Verdict::Regression) {
        Overall::Regression
    } else if group.older == 0 && !group.set_aside.is_empty() {
        Overall::Incomparable
    } else if headline().next().is_none() || lost || any(Verdict::Inconclusive) {
        Overall::Inconclusive
    } else if any(Verdict::Improvement) {
        Overall::Improvement
    } else {
        Overall::Ok
    };
    GroupCheck {
        suite: group.suite,
        machine: group.machine,
        verdict,
        newest: group.newest,
        older_runs: group.older,
        set_aside: group.set_aside,
        metrics,
        missing,
        new,
    }
}

fn unjudged(metric: &Metric, values: &[f64]) -> Option<Unjudged> {
    (!values.is_empty()).then(|| Unjudged {
        name: metric.name.clone(),
        subject: metric.subject.clone(),
        unit: metric.unit.clone(),
        family: metric.family,
        runs: values.len(),
        median: median(values),
    })
}
