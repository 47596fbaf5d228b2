//! An interval for the log-ratio, by resampling runs.

use super::effect::Welch;
use super::settings::Settings;
use crate::statistic::distribution::{normal_cdf, t_quantile};
use crate::statistic::order::{mean, quantile};
use crate::statistic::random::Random;

/// Lower and upper end, as natural logarithms of ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// The interval that holds the difference of means with probability `level`.
///
/// A bootstrap over runs, with the two corrections that few runs need (Hesterberg 2015): resampled
/// deviations are stretched by √(n/(n−1)), and the tails are cut at Student's t instead of the normal
/// quantile. Resamples of three or four runs hold few distinct values, so that their tails end too
/// early; the interval is never narrower than Student's.
pub(super) fn interval(
    base: &[f64],
    new: &[f64],
    difference: Welch,
    level: f64,
    settings: &Settings,
) -> Interval {
    let reach = t_quantile(f64::midpoint(1.0, level), difference.freedom);
    let tail = normal_cdf(-reach);
    let mut random = Random::new(settings.seed ^ 0xb007);
    let mut resampled: Vec<f64> = (0..settings.resamples)
        .map(|_| difference.difference + deviation(new, &mut random) - deviation(base, &mut random))
        .collect();
    resampled.sort_unstable_by(f64::total_cmp);
    let student = reach * difference.error;
    let widest = |bootstrap: f64, student: f64, wider: fn(f64, f64) -> f64| {
        if bootstrap.is_nan() { student } else { wider(bootstrap, student) }
    };
    Interval {
        lower: widest(quantile(&resampled, tail), difference.difference - student, f64::min),
        upper: widest(quantile(&resampled, 1.0 - tail), difference.difference + student, f64::max),
    }
}

/// How far the mean of as many values drawn from `values` with replacement is from their mean.
fn deviation(values: &[f64], random: &mut Random) -> f64 {
    let n = values.len();
    let sum: f64 = (0..n).map(|_| values[random.below(n)]).sum();
    (sum / n as f64 - mean(values)) * (n as f64 / (n as f64 - 1.0)).sqrt()
}
