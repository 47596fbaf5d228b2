//! What the runs of one metric say, and the verdict on them.

use super::baseline::{Baseline, baseline};
use super::document::{MetricRow, Verdict};
use super::metric::Metric;
use super::settings::Settings;
use crate::compare::Better;
use crate::series::newest::{deviation_of_one, fenced, p_value_of_several};
use crate::statistic::distribution::t_quantile;
use crate::statistic::order::{mean, median};
use crate::statistic::prediction::{Prediction, freedom, reach, spread, variance_of_mean};

/// Probability with which a detectable change is found.
const POWER: f64 = 0.8;
/// A metric that shows only changes of more than so many thresholds is not called `ok`.
const BLIND: f64 = 10.0;
/// More runs of one commit than this are not proposed.
const MOST_RUNS: usize = 100;

/// What the runs of one metric say.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    baseline: Option<Known>,
    /// Further runs that a history needs.
    missing: usize,
    /// Had nothing changed, the probability of newest runs as far off.
    pub(super) p_value: Option<f64>,
}

#[derive(Clone, Debug)]
struct Known {
    baseline: Baseline,
    median: f64,
    /// Where the newest runs were expected.
    expected: Prediction,
    /// From the baseline's median to that of the newest runs, percent; none without a ratio.
    change_pct: Option<f64>,
    /// Standard deviation of one run as a share of the level (of its logarithm, where there is one).
    relative: Option<f64>,
}

impl Evidence {
    pub(super) fn of(metric: &Metric, settings: &Settings) -> Self {
        let found = match baseline(&metric.older) {
            Ok(found) => found,
            Err(short) => {
                return Self { baseline: None, missing: short.missing, p_value: None };
            }
        };
        let level = &metric.older[found.runs.clone()];
        let rho = found.rho;
        let p_value = p_value_of_several(level, &metric.newest, rho);
        let (before, after) = (median(level), median(&metric.newest));
        let change_pct = 100.0 * (after - before) / before.abs();
        let positive = level.iter().all(|&value| value > 0.0);
        let scale = |value: f64| if positive { value.ln() } else { value };
        let scaled: Vec<f64> = level.iter().map(|&value| scale(value)).collect();
        let worse_is_above = metric.better == Better::Lower;
        let sigma = deviation_of_one(&scaled, worse_is_above);
        let relative = if positive { sigma } else { sigma / before.abs() };
        let known = Known {
            median: before,
            expected: expected(&scaled, positive, metric.newest.len(), rho, settings),
            change_pct: change_pct.is_finite().then_some(change_pct),
            relative: relative.is_finite().then_some(relative),
            baseline: found,
        };
        Self { baseline: Some(known), missing: 0, p_value: Some(p_value) }
    }

    /// The verdict. `tests` metrics of the family were tested with it.
    pub(super) fn row(
        &self,
        metric: &Metric,
        q_value: Option<f64>,
        tests: usize,
        settings: &Settings,
    ) -> MetricRow {
        let alpha = settings.false_discovery_rate;
        let mut row = MetricRow {
            name: metric.name.clone(),
            subject: metric.subject.clone(),
            unit: metric.unit.clone(),
            better: metric.better,
            family: metric.family,
            verdict: Verdict::Inconclusive,
            newest_runs: metric.newest.len(),
            newest: median(&metric.newest),
            baseline_runs: metric.older.len(),
            baseline: None,
            change_pct: None,
            low: None,
            high: None,
            p_value: self.p_value,
            q_value,
            detectable_pct: None,
            runs_missing: None,
            reason: None,
        };
        let Some(known) = &self.baseline else {
            row.runs_missing = Some(self.missing);
            row.reason = Some("too few older runs at one level to say what is usual".to_owned());
            return row;
        };
        let detectable = |runs, alpha| known.detectable_pct(runs, alpha);
        row.baseline_runs = known.baseline.runs.len();
        row.baseline = Some(known.median);
        row.change_pct = known.change_pct;
        (row.low, row.high) = (Some(known.expected.low), Some(known.expected.high));
        row.detectable_pct = detectable(metric.newest.len(), alpha);
        let small = known.change_pct.is_some_and(|change| change.abs() <= settings.threshold_pct);
        let worse = match metric.better {
            Better::Lower => row.newest > known.median,
            Better::Higher => row.newest < known.median,
        };
        let significant = q_value.is_some_and(|q_value| q_value <= alpha);
        let alone = self.p_value.is_some_and(|p_value| p_value <= alpha);
        let blind = BLIND * settings.threshold_pct;
        let runs_until = |alpha: f64, size: f64| {
            let seen = |&runs: &usize| detectable(runs, alpha).is_some_and(|least| least <= size);
            let runs = (metric.newest.len() + 1..=MOST_RUNS).find(seen);
            runs.map(|runs| runs - metric.newest.len())
        };
        if significant && !small {
            row.verdict = if worse { Verdict::Regression } else { Verdict::Improvement };
        } else if alone && !small {
            row.reason = Some("unusual by itself, not among so many metrics".to_owned());
            let size = known.change_pct.map_or(0.0, f64::abs);
            row.runs_missing = runs_until(alpha / tests.max(1) as f64, size);
        } else if !significant && row.detectable_pct.is_some_and(|least| least > blind) {
            row.reason =
                Some(format!("varies too much from run to run to see a change of {blind} %"));
            row.runs_missing = runs_until(alpha, blind);
        } else {
            row.verdict = Verdict::Ok;
        }
        row
    }
}

impl Known {
    /// The least change that so many newest runs show with probability [`POWER`] in one test at this level, percent.
    fn detectable_pct(&self, newest: usize, alpha: f64) -> Option<f64> {
        let (older, rho) = (self.baseline.runs.len(), self.baseline.rho);
        let spread = spread(older, variance_of_mean(newest, rho), rho);
        let steps = reach(older, newest, 1.0 - alpha / 2.0, rho)
            + t_quantile(POWER, freedom(older, rho)) * spread;
        let percent = 100.0 * (steps * self.relative?).exp_m1();
        percent.is_finite().then_some(percent)
    }
}

/// Where the mean of so many newest runs is expected, in the metric's unit.
fn expected(
    scaled: &[f64],
    positive: bool,
    newest: usize,
    rho: f64,
    settings: &Settings,
) -> Prediction {
    let center = mean(&fenced(scaled));
    let steps = reach(scaled.len(), newest, 1.0 - settings.false_discovery_rate / 2.0, rho);
    let end = |above: bool| {
        let reach = steps * deviation_of_one(scaled, above);
        let end = if above { center + reach } else { center - reach };
        if positive { end.exp().min(f64::MAX) } else { end }
    };
    Prediction { low: end(false), high: end(true) }
}
