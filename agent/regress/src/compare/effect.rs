//! The difference between two sets of runs, and how well it is known.

use super::interval::{Interval, Resampled};
use super::metric::Metric;
use super::outlier::{outliers, without};
use super::permutation::permuted;
use super::settings::Settings;
use crate::statistic::distribution::t_tail;
use crate::statistic::order::{mean, median, median_in_place, variance};

/// Number, mean and variance of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Sample {
    pub(super) fn of(values: &[f64]) -> Self {
        Self { count: values.len() as f64, mean: mean(values), variance: variance(values) }
    }
}

/// The difference of two means (Welch 1947).
#[derive(Clone, Copy, Debug)]
pub(super) struct Welch {
    /// New minus base.
    pub(super) difference: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// Their ratio; infinite where all runs of each side agree and the sides do not.
    pub(super) t: f64,
    /// Degrees of freedom after Satterthwaite, at least those of the smaller side.
    pub(super) freedom: f64,
}

pub(super) fn welch(base: Sample, new: Sample) -> Welch {
    let (a, b) = (base.variance / base.count, new.variance / new.count);
    let difference = new.mean - base.mean;
    let error = (a + b).sqrt();
    // Logarithms of equal values differ by rounding only.
    let t = if difference.abs() < 1e-12 {
        0.0
    } else if error > 0.0 {
        difference / error
    } else {
        f64::INFINITY.copysign(difference)
    };
    let least = (base.count.min(new.count) - 1.0).max(1.0);
    let satterthwaite = (a + b).powi(2) / (a * a / (base.count - 1.0) + b * b / (new.count - 1.0));
    let freedom = if satterthwaite.is_finite() { satterthwaite.max(least) } else { least };
    Welch { difference, error, t, freedom }
}

/// What is known about the change of a metric. Logarithms are natural.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    /// The runs' values, base and new: the median of each run's samples.
    pub(super) runs: (Vec<f64>, Vec<f64>),
    /// Runs that are left out of everything below, by their positions: single bad ones.
    pub(super) outliers: (Vec<usize>, Vec<usize>),
    /// Logarithm of the ratio new/base: the median over all pairs of a base and a new run (Hodges and Lehmann 1963); `None`
    /// with a value that is not positive.
    pub(super) log_ratio: Option<f64>,
    /// The difference of the means of logarithms; `None` with one run on a side.
    pub(super) welch: Option<Welch>,
    /// 95 % interval of the log-ratio; `None` with one run on a side.
    pub(super) confidence: Option<Interval>,
    /// The interval whose place decides sameness; `None` with one run on a side.
    pub(super) equivalence: Option<Interval>,
    /// Had nothing changed, the probability of a difference as great; `None` with one run on a side and
    /// where the runs of a side do not vary at all.
    pub(super) p_value: Option<f64>,
    /// All runs of each side have the very same value, and there are several of each.
    pub(super) is_exact: bool,
    /// Standard deviation of the logarithm of a run's value that comes from its samples alone.
    pub(super) within: Option<f64>,
}

impl Effect {
    pub(super) fn of(metric: &Metric, settings: &Settings) -> Self {
        let values = |runs: &[Vec<f64>]| runs.iter().map(|run| median(run)).collect::<Vec<_>>();
        let runs = (values(&metric.base), values(&metric.new));
        let mut effect = Self {
            outliers: (Vec::new(), Vec::new()),
            log_ratio: None,
            welch: None,
            confidence: None,
            equivalence: None,
            p_value: None,
            is_exact: same(&runs.0) && same(&runs.1),
            within: within(metric),
            runs,
        };
        let all = || effect.runs.0.iter().chain(&effect.runs.1);
        if all().all(|&value| value == 0.0) {
            effect.log_ratio = Some(0.0);
            return effect;
        }
        if all().any(|&value| value <= 0.0) {
            return effect;
        }
        let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
        let (base, new) = (logarithms(&effect.runs.0), logarithms(&effect.runs.1));
        if base.len() < 2 || new.len() < 2 || effect.is_exact {
            effect.log_ratio = Some(shift(&base, &new));
            return effect;
        }
        effect.outliers = outliers(&base, &new);
        let (base, new) = (without(&base, &effect.outliers.0), without(&new, &effect.outliers.1));
        effect.p_value = Some(p_value(&base, &new, settings));
        let shift = shift(&base, &new);
        effect.log_ratio = Some(shift);
        let difference = welch(Sample::of(&base), Sample::of(&new));
        effect.welch = Some(difference);
        let resampled = Resampled::of(&base, &new, difference, settings);
        let interval = |level| resampled.interval(difference, level).around(shift);
        effect.confidence = Some(interval(0.95));
        effect.equivalence = Some(interval(1.0 - 2.0 * settings.equivalence_alpha));
        effect
    }
}

/// The median of the differences of all pairs (Hodges and Lehmann 1963): as good as the difference of means for normal values,
/// and not moved by a few runs that are far off.
fn shift(base: &[f64], new: &[f64]) -> f64 {
    let pairs = new.iter().flat_map(|new| base.iter().map(move |base| new - base));
    median_in_place(&mut pairs.collect::<Vec<_>>())
}

/// The permutation p-value. Few runs have a least p-value, which many metrics at once can never beat:
/// where it is reached, and would do alone, Student's t says how far beyond the difference is.
fn p_value(base: &[f64], new: &[f64], settings: &Settings) -> f64 {
    let permuted = permuted(base, new, settings.seed);
    if !permuted.is_least || permuted.p_value > settings.false_discovery_rate {
        return permuted.p_value;
    }
    let difference = welch(Sample::of(base), Sample::of(new));
    // What is left of two sides may not vary at all, of which Student's t knows nothing.
    if difference.error <= 0.0 {
        return permuted.p_value;
    }
    permuted.p_value.min(t_tail(difference.t, difference.freedom))
}

#[expect(clippy::float_cmp, reason = "values that do not vary are equal to the bit")]
fn same(values: &[f64]) -> bool {
    values.len() > 1 && values.windows(2).all(|pair| pair[0] == pair[1])
}

/// Standard deviation of the logarithm of a run's median, from its samples: π/2 of the variance of a
/// mean, which is the large-sample value for normal noise. Averaged over the runs.
fn within(metric: &Metric) -> Option<f64> {
    let runs = metric.base.iter().chain(&metric.new);
    let variances: Vec<f64> = runs
        .filter(|run| run.len() > 1 && run.iter().all(|&sample| sample > 0.0))
        .map(|run| {
            let logarithms: Vec<f64> = run.iter().map(|sample| sample.ln()).collect();
            std::f64::consts::FRAC_PI_2 * variance(&logarithms) / run.len() as f64
        })
        .collect();
    (!variances.is_empty()).then(|| mean(&variances).sqrt())
}
