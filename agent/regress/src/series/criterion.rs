//! How good a segmentation is, its number of changes and the autocorrelation of the noise considered.
//!
//! `factor · ln n / n · changes + ln(floor + s)`, where `s` is what an AR(1) model leaves of the
//! residuals `e`: `|e_0| + Σ |e_i − ρ e_{i−1}|` for the best `ρ`. Noise that drifts leaves little under
//! the model even without changes, so that drift does not pay for a change. The form is that of
//! airspeed velocity's step detection (asv, `step_detect.py`); the best `ρ` is found exactly here, as a
//! weighted median.

use crate::statistic::order::median;

/// Correlation of the noise up to which it is believed. At 1 every series is a random walk and no
/// change is ever needed: a series that goes back and forth between two levels would hold none.
const STRONGEST_CORRELATION: f64 = 0.8;

/// The medians of the segments, one a segment.
pub(crate) fn levels(values: &[f64], changes: &[usize]) -> Vec<f64> {
    segments(values, changes).map(median).collect()
}

/// The parts of `values` between changes.
pub(crate) fn segments<'a>(
    values: &'a [f64],
    changes: &'a [usize],
) -> impl Iterator<Item = &'a [f64]> {
    let starts = std::iter::once(0).chain(changes.iter().copied());
    let ends = changes.iter().copied().chain([values.len()]);
    starts.zip(ends).map(|(start, end)| &values[start..end])
}

/// What is left of each value after its segment's level.
pub(crate) fn residuals(values: &[f64], changes: &[usize], levels: &[f64]) -> Vec<f64> {
    let parts = segments(values, changes).zip(levels);
    parts.flat_map(|(part, level)| part.iter().map(move |value| value - level)).collect()
}

/// The criterion of a segmentation and the total deviation from its levels.
#[derive(Clone, Copy)]
pub(crate) struct Score {
    /// Smaller is better.
    pub(crate) criterion: f64,
    /// The part of the criterion that is not the price of changes.
    pub(crate) misfit: f64,
    /// `Σ |y_i − u_i|`.
    pub(crate) deviation: f64,
}

/// Rates the segmentation of `values` with these changes. `price` is that of one change.
pub(crate) fn score(values: &[f64], changes: &[usize], price: f64) -> Score {
    let levels = levels(values, changes);
    let residuals = residuals(values, changes, &levels);
    let deviation = residuals.iter().map(|residual| residual.abs()).sum();
    // Without a floor a perfect fit would be worth any number of changes.
    let least_jump =
        levels.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
    let floor = if least_jump.is_finite() {
        0.1 * least_jump
    } else {
        1e-3 * levels.first().map_or(0.0, |level| level.abs())
    };
    let misfit = (floor + innovations(&residuals)).max(f64::MIN_POSITIVE).ln();
    Score { criterion: price * changes.len() as f64 + misfit, misfit, deviation }
}

/// `|e_0| + Σ |e_i − ρ e_{i−1}|` at its least over `ρ`, no stronger than the limit.
fn innovations(residuals: &[f64]) -> f64 {
    let Some(first) = residuals.first() else { return 0.0 };
    // Least absolute deviations through the origin: the median of the ratios, each with the weight of
    // its denominator.
    let mut ratios: Vec<(f64, f64)> = residuals
        .windows(2)
        .filter(|pair| pair[0] != 0.0)
        .map(|pair| (pair[1] / pair[0], pair[0].abs()))
        .collect();
    ratios.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = ratios.iter().map(|ratio| ratio.1).sum::<f64>() / 2.0;
    let mut passed = 0.0;
    let mut rho = 0.0;
    for (ratio, weight) in ratios {
        passed += weight;
        rho = ratio;
        if passed >= half {
            break;
        }
    }
    let rho = rho.clamp(-STRONGEST_CORRELATION, STRONGEST_CORRELATION);
    first.abs() + residuals.windows(2).map(|pair| (pair[1] - rho * pair[0]).abs()).sum::<f64>()
}

/// First-order autocorrelation of residuals, corrected for its bias in short series (Kendall 1954),
/// limited to 0..=0.95: nobody is helped by taking noise for less than independent.
pub(crate) fn autocorrelation(residuals: &[f64]) -> f64 {
    let power: f64 = residuals.iter().map(|residual| residual * residual).sum();
    if power <= 0.0 {
        return 0.0;
    }
    let product: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let raw = product / power;
    (raw + (1.0 + 3.0 * raw) / residuals.len() as f64).clamp(0.0, 0.95)
}

#[cfg(test)]
mod tests {
    use super::{innovations, score};

    #[test]
    fn the_best_correlation_is_found() {
        let residuals = [1.0, 0.6, 0.1, -0.4, 0.3, -0.9, 2.0, 0.7, -0.2, 0.5];
        let at = |rho: f64| {
            residuals[0] + residuals.windows(2).map(|e| (e[1] - rho * e[0]).abs()).sum::<f64>()
        };
        let least =
            (-800..=800).map(|step| at(f64::from(step) / 1000.0)).fold(f64::INFINITY, f64::min);
        assert!(innovations(&residuals) <= least + 1e-9);
        assert!(innovations(&residuals) > least - 5e-3);
    }

    #[test]
    fn a_step_pays_and_noise_does_not() {
        let price = 2.5 * (40_f64).ln() / 40.0;
        let values: Vec<f64> = (0..40)
            .map(|i| {
                f64::from([0_i8, 3, -2, 1, -3, 2, -1][i % 7]) + if i < 20 { 0.0 } else { 20.0 }
            })
            .collect();
        let whole = score(&values, &[], price).criterion;
        assert!(score(&values, &[20], price).criterion < whole);
        assert!(
            score(&values[..20], &[10], price).criterion
                > score(&values[..20], &[], price).criterion
        );
    }
}
