//! Whether the newest runs fit in with those before them.
//!
//! A segmentation cannot see the last point of a series: one point is no level. This is a prediction
//! interval for further runs at the level before, widened for noise that drifts.

use crate::statistic::distribution::{normal_quantile, t_tail};
use crate::statistic::order::{mean, median, quantile, variance};
use crate::statistic::prediction::{freedom, spread, variance_of_mean};

/// Runs of the level before that are needed for a judgement.
pub(crate) const FEWEST: usize = 8;
/// Interquartile ranges beyond the quartiles at which a run of the past no longer widens the interval
/// (Tukey's outer fence).
const FENCE: f64 = 3.0;
/// Values of a history in which the second-farthest tells the tail.
const SHORT: usize = 40;

/// Variance of a median of normal values, as a multiple of that of their mean, at most (π/2).
const MEDIAN_TO_MEAN: f64 = std::f64::consts::FRAC_PI_2;

/// The probability of a value as far from `history` as `newest`, had nothing changed; two-sided.
///
/// Figures of performance are positive and often skewed to the right. Where all values are positive
/// the test is also made of their logarithms, and the weaker of both answers counts.
pub(crate) fn p_value(history: &[f64], newest: f64, rho: f64) -> f64 {
    p_value_of_several(history, &[newest], rho)
}

/// The same for the mean of several newest runs. Of three or more the median has to be as far off too:
/// one bad run among them is no change.
pub(crate) fn p_value_of_several(history: &[f64], newest: &[f64], rho: f64) -> f64 {
    let plain = tail_of_several(history, newest, rho);
    if history.iter().chain(newest).any(|&value| value <= 0.0) {
        return plain;
    }
    let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    plain.max(tail_of_several(&logarithms(history), &logarithms(newest), rho))
}

fn tail_of_several(history: &[f64], newest: &[f64], rho: f64) -> f64 {
    let share = variance_of_mean(newest.len(), rho);
    let tail = prediction_tail(history, mean(newest), share, rho);
    if newest.len() < 3 {
        return tail;
    }
    tail.max(prediction_tail(history, median(newest), MEDIAN_TO_MEAN * share, rho))
}

/// Two-sided tail of Student's t for one more value after `history` (a prediction interval turned
/// around), whose variance is this share of that of one run, at a correlation `rho` of neighbours.
fn prediction_tail(history: &[f64], newest: f64, share: f64, rho: f64) -> f64 {
    let deviation = newest - mean(&fenced(history));
    let spread = deviation_of_one(history, deviation > 0.0) * spread(history.len(), share, rho);
    if spread <= 0.0 {
        return if deviation == 0.0 { 1.0 } else { 0.0 };
    }
    t_tail(deviation / spread, freedom(history.len(), rho))
}

/// The standard deviation of one run, where it matters on this side.
pub(crate) fn deviation_of_one(history: &[f64], above: bool) -> f64 {
    variance(&fenced(history)).sqrt().max(sigma_of_tail(history, above))
}

/// The standard deviation of normal noise whose second-farthest value on one side would be as far from
/// the median as it is here. Where that side has a long tail this is more than the overall one. The
/// farthest value does not count, since it may be one bad run; in a short history it does, since the
/// second says too little about the tail there.
fn sigma_of_tail(history: &[f64], above: bool) -> f64 {
    let center = median(history);
    let mut outward: Vec<f64> =
        history.iter().map(|value| if above { value - center } else { center - value }).collect();
    outward.sort_unstable_by(f64::total_cmp);
    let left_out = usize::from(outward.len() >= SHORT);
    let n = outward.len() as f64;
    // Blom's approximation to the expected value in this place of n normal ones.
    let expected = normal_quantile((n - left_out as f64 - 0.375) / (n + 0.25));
    outward.iter().rev().nth(left_out).map_or(0.0, |far| far / expected)
}

/// `values` with what is beyond the fence moved to it.
pub(crate) fn fenced(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
    let reach = FENCE * (upper - lower);
    if reach <= 0.0 {
        return values.to_vec();
    }
    values.iter().map(|value| value.clamp(lower - reach, upper + reach)).collect()
}
