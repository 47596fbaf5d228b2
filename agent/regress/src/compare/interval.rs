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

impl Interval {
    /// The same, as wide as it takes to hold `value`.
    pub(super) const fn around(self, value: f64) -> Self {
        Self { lower: self.lower.min(value), upper: self.upper.max(value) }
    }
}

/// Differences of means of resampled runs, ascending.
pub(super) struct Resampled(Vec<f64>);

impl Resampled {
    /// Draws both sides' runs with replacement. Resampled deviations are stretched by √(n/(n−1)), since
    /// those of few runs are too small (Hesterberg 2015).
    pub(super) fn of(base: &[f64], new: &[f64], difference: Welch, settings: &Settings) -> Self {
        let mut random = Random::new(settings.seed ^ 0xb007);
        let mut draw = || deviation(new, &mut random) - deviation(base, &mut random);
        let mut resampled: Vec<f64> =
            (0..settings.resamples).map(|_| difference.difference + draw()).collect();
        resampled.sort_unstable_by(f64::total_cmp);
        Self(resampled)
    }

    /// The interval that holds the difference with probability `level`.
    ///
    /// The tails are cut at Student's t instead of the normal quantile (Hesterberg 2015). Resamples of
    /// three or four runs hold few distinct values, so that their tails end too early; the interval is
    /// never narrower than Student's.
    pub(super) fn interval(&self, difference: Welch, level: f64) -> Interval {
        let reach = t_quantile(f64::midpoint(1.0, level), difference.freedom);
        let tail = normal_cdf(-reach);
        let student = reach * difference.error;
        // f64::min and max ignore the NaN of no resamples.
        Interval {
            lower: (difference.difference - student).min(quantile(&self.0, tail)),
            upper: (difference.difference + student).max(quantile(&self.0, 1.0 - tail)),
        }
    }
}

/// How far the mean of as many values drawn from `values` with replacement is from their mean.
fn deviation(values: &[f64], random: &mut Random) -> f64 {
    let n = values.len();
    let sum: f64 = (0..n).map(|_| values[random.below(n)]).sum();
    (sum / n as f64 - mean(values)) * (n as f64 / (n as f64 - 1.0)).sqrt()
}
