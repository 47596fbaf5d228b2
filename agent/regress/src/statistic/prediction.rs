//! Where further runs are to be expected, had nothing changed.

use super::distribution::t_quantile;
use super::order::{mean, variance};

/// Correlation of neighbouring runs up to which it is believed, as false alarms are bounded for. What a short
/// history shows beyond is mostly chance or a drift, and would leave hardly a degree of freedom: the interval
/// would be endless, and every change within it.
const STRONGEST: f64 = 0.5;

/// Where the mean of further runs is to be expected, in the unit of the runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Student's t prediction interval for the mean of `newest` further runs after `older` ones:
/// mean ± t·s·√(1/k + 1/n), with `boundary` (0.5..1) the probability of staying on the right side of
/// either end; so both ends together hold 2·`boundary` − 1.
///
/// With correlation `rho` (0..1) of neighbouring runs the mean of the older ones is worth that of
/// n(1−ρ)/(1+ρ) independent ones, their deviation that of n(1−ρ²)/(1+ρ²), which is too small by what
/// they share, and the mean of the newest varies more. `None` of fewer than two older runs or no
/// newest one.
#[must_use]
pub fn prediction(older: &[f64], newest: usize, boundary: f64, rho: f64) -> Option<Prediction> {
    if older.len() < 2 || newest == 0 {
        return None;
    }
    let (center, sigma) = (mean(older), variance(older).sqrt());
    let reach = reach(older.len(), newest, boundary, rho) * sigma;
    Some(Prediction { low: center - reach, high: center + reach })
}

/// Half the width of the interval, in standard deviations of one run.
pub(crate) fn reach(older: usize, newest: usize, boundary: f64, rho: f64) -> f64 {
    t_quantile(boundary, freedom(older, rho)) * spread(older, variance_of_mean(newest, rho), rho)
}

/// Standard deviation of the distance between newest runs, whose variance is this share of that of one
/// run, and the mean of `older` ones, in sample deviations of the older ones.
///
/// Correlated runs share a part of their deviation, which the sample's own does not show: its expected
/// square is smaller by (1 − 1/worth)·n/(n − 1).
pub(crate) fn spread(older: usize, share: f64, rho: f64) -> f64 {
    let (count, worth) = (older as f64, effective(older, rho));
    let shown = (1.0 - 1.0 / worth) * count / (count - 1.0);
    ((share + 1.0 / worth) / shown.min(1.0)).sqrt()
}

/// Degrees of freedom of a sample deviation of `n` correlated values: squares of an AR(1) process
/// correlate by ρ², so that they are worth n(1−ρ²)/(1+ρ²); at least 1.
pub(crate) fn freedom(n: usize, rho: f64) -> f64 {
    let rho = rho.min(STRONGEST);
    (n as f64 * (1.0 - rho * rho) / (1.0 + rho * rho) - 1.0).max(1.0)
}

/// Independent values that `n` correlated ones are worth for a mean: n(1−ρ)/(1+ρ); at least 2.
pub(crate) fn effective(n: usize, rho: f64) -> f64 {
    let rho = rho.min(STRONGEST);
    (n as f64 * (1.0 - rho) / (1.0 + rho)).max(2.0)
}

/// The variance of the mean of `n` neighbouring values of an AR(1) process, as a share of that of one
/// value: (1 + 2 Σ (1 − j/n) ρʲ) / n.
pub(crate) fn variance_of_mean(n: usize, rho: f64) -> f64 {
    let count = n as f64;
    let mut power = 1.0;
    let mut sum = 1.0;
    for lag in 1..n {
        power *= rho;
        // What follows adds nothing to a sum of this size.
        if power < 1e-12 {
            break;
        }
        sum += 2.0 * (1.0 - lag as f64 / count) * power;
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::{Prediction, prediction, variance_of_mean};
    use crate::statistic::order::{mean, variance};

    /// 25 values of mean 100 and standard deviation 10.
    fn example() -> Vec<f64> {
        let raw: Vec<f64> = (0..25).map(|i| f64::from(i * 7 % 25)).collect();
        let (center, sigma) = (mean(&raw), variance(&raw).sqrt());
        raw.iter().map(|value| 100.0 + 10.0 * (value - center) / sigma).collect()
    }

    /// The worked example in Bencher's documentation of its t-test thresholds: 25 values, mean 100,
    /// standard deviation 10, boundary 0.977.
    #[test]
    fn the_example_of_bencher() {
        let Prediction { low, high } = prediction(&example(), 1, 0.977, 0.0).unwrap();
        assert!((low - 78.54).abs() < 0.01 && (high - 121.46).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn more_new_runs_narrow_it_and_correlation_widens_it() {
        let width = |newest, rho| {
            let found = prediction(&example(), newest, 0.99, rho).unwrap();
            found.high - found.low
        };
        assert!(width(5, 0.0) < width(1, 0.0));
        assert!(width(5, 0.5) > width(5, 0.0) && width(1, 0.5) > width(1, 0.0));
        // √(1/5 + 1/25) against √(1 + 1/25).
        let ratio = width(5, 0.0) / width(1, 0.0);
        assert!((ratio - (0.24_f64 / 1.04).sqrt()).abs() < 1e-12, "{ratio}");
    }

    #[test]
    fn the_variance_of_a_mean_of_two() {
        // Var((a + b) / 2) = σ²(1 + ρ) / 2.
        assert!((variance_of_mean(2, 0.4) - 0.7).abs() < 1e-12);
        assert!((variance_of_mean(4, 0.0) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_expected_of_nothing() {
        assert_eq!(prediction(&[1.0], 1, 0.99, 0.0), None);
        assert_eq!(prediction(&[1.0, 2.0], 0, 0.99, 0.0), None);
    }
}
