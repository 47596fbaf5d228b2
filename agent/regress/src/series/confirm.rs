//! Whether a change stands out from what noise alone would show at its best place.

use super::criterion::autocorrelation;
use crate::statistic::order::median;
use crate::statistic::random::Random;

/// Reorderings that a change is compared with.
const REORDERINGS: usize = 999;
/// Reorderings at least as extreme after which the answer cannot matter any more.
const ENOUGH: usize = 40;

/// The probability that noise shows a change as strong as the strongest one in `values`, wherever.
///
/// The statistic is the greatest standardised difference of the means before and after a place, over
/// all places: the place was chosen after looking, and so it is in every reordering. Reordered are the
/// innovations of an AR(1) process with correlation `rho`, which keeps what drift the noise has.
pub(crate) fn p_value(values: &[f64], rho: f64, seed: u64) -> f64 {
    let center = median(values);
    let centered: Vec<f64> = values.iter().map(|value| value - center).collect();
    let observed = strongest(&centered);
    let mut innovations = innovations(&centered, rho);
    let mut random = Random::new(seed);
    let mut at_least = 0;
    let mut tried = 0;
    let mut series = vec![0.0; values.len()];
    while tried < REORDERINGS && at_least < ENOUGH {
        random.shuffle(&mut innovations);
        rebuild(&innovations, rho, &mut series);
        // Equal but for rounding counts as equal.
        at_least += usize::from(strongest(&series) >= observed * (1.0 - 1e-9));
        tried += 1;
    }
    (at_least + 1) as f64 / (tried + 1) as f64
}

/// Correlation of the noise around the fit.
pub(crate) fn correlation(residuals: &[f64]) -> f64 {
    autocorrelation(residuals)
}

fn innovations(series: &[f64], rho: f64) -> Vec<f64> {
    let first = series.first().map(|first| first * (1.0 - rho * rho).sqrt());
    let later = series.windows(2).map(|pair| pair[1] - rho * pair[0]);
    first.into_iter().chain(later).collect()
}

fn rebuild(innovations: &[f64], rho: f64, series: &mut [f64]) {
    let mut last = innovations.first().map_or(0.0, |first| first / (1.0 - rho * rho).sqrt());
    for (index, (value, innovation)) in series.iter_mut().zip(innovations).enumerate() {
        if index > 0 {
            last = rho * last + innovation;
        }
        *value = last;
    }
}

/// The greatest difference of means over all places, in units that do not depend on the place, divided
/// by the standard deviation of the series.
fn strongest(series: &[f64]) -> f64 {
    let n = series.len() as f64;
    let total: f64 = series.iter().sum();
    let mean = total / n;
    let power: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
    let mut before = 0.0;
    let mut strongest = 0.0_f64;
    for (index, value) in series.iter().enumerate().take(series.len().saturating_sub(1)) {
        before += value;
        let count = (index + 1) as f64;
        let difference = before - count * mean;
        strongest = strongest.max(difference * difference * n / (count * (n - count)));
    }
    if power > 0.0 { (strongest / power).sqrt() } else { 0.0 }
}
