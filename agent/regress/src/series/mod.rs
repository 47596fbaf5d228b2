//! Change points of a series: one value a run, in order of time.
//!
//! 1. Isolated outliers are pulled in ([`clip`]).
//! 2. The series is cut into levels by an exact L1-Potts fit ([`potts`]); how many levels is decided by
//!    a criterion that knows autocorrelated noise ([`criterion`], [`path`]).
//! 3. Each change is compared with what noise alone shows at its best place ([`confirm`]); what does not
//!    stand out is dropped, and what stays carries its confidence.
//! 4. The newest run is tested on its own ([`newest`]), since one point is no level.

mod clip;
mod confirm;
mod criterion;
mod document;
pub(crate) mod newest;
mod path;
mod potts;
mod settings;

use crate::statistic::order::{absolute_deviation, median};

pub use document::{ChangePoint, ChangePoints, Latest, LatestVerdict, Level, SCHEMA};
pub use settings::{Direction, Settings};

/// Why a series cannot be analysed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// It has no values.
    #[error("the series holds no values; give at least one run")]
    Empty,
    /// A value is NaN or infinite.
    #[error("value {index} (counted from 0) is {value}; leave out runs without a result")]
    NotFinite {
        /// Its 0-based position.
        index: usize,
        /// What it is.
        value: f64,
    },
}

/// Finds the changes of level in `values` and judges the newest.
pub fn changepoints(values: &[f64], settings: &Settings) -> Result<ChangePoints, SeriesError> {
    if values.is_empty() {
        return Err(SeriesError::Empty);
    }
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(SeriesError::NotFinite { index, value: values[index] });
    }
    let scaled = scaled(values);
    let clipped = clip::clipped(&scaled);
    let proposed = lasting(&clipped, path::best(&clipped, settings.penalty));
    let (changes, p_values, rho) = confirmed(&clipped, proposed, settings);
    Ok(document::document(values, &changes, &p_values, rho, settings))
}

/// `values` moved and stretched so that their noise is about 1 around 0: sums of absolute deviations
/// then lose no digits to a common offset, and prices mean the same for every series.
fn scaled(values: &[f64]) -> Vec<f64> {
    let center = median(values);
    let scale = noise(values);
    values.iter().map(|value| (value - center) / scale).collect()
}

/// Standard deviation of the noise between neighbours; a part of the range where neighbours are mostly
/// equal; 1 of a constant series.
fn noise(values: &[f64]) -> f64 {
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // MAD to σ of normal noise; a difference has the variance of two values.
    let robust = 1.4826 * absolute_deviation(&differences, 0.0) / std::f64::consts::SQRT_2;
    if robust > 0.0 {
        return robust;
    }
    let mean_change = differences.iter().map(|change| change.abs()).sum::<f64>()
        / differences.len().max(1) as f64;
    if mean_change > 0.0 { mean_change } else { 1.0 }
}

/// Drops levels of fewer than [`settings::SHORTEST`] values: their values join the neighbour that is
/// nearer in level.
fn lasting(values: &[f64], mut changes: Vec<usize>) -> Vec<usize> {
    loop {
        let levels = criterion::levels(values, &changes);
        let ends: Vec<usize> = changes.iter().copied().chain([values.len()]).collect();
        let lengths: Vec<usize> =
            ends.iter().scan(0, |from, &end| Some(end - std::mem::replace(from, end))).collect();
        let shortest = (0..lengths.len()).min_by_key(|&segment| lengths[segment]).unwrap_or(0);
        if changes.is_empty() || lengths[shortest] >= settings::SHORTEST {
            return changes;
        }
        let gap = |other: usize| (levels[other] - levels[shortest]).abs();
        let joins_the_next =
            shortest == 0 || shortest + 1 < levels.len() && gap(shortest + 1) < gap(shortest - 1);
        changes.remove(if joins_the_next { shortest } else { shortest - 1 });
    }
}

/// Drops the least certain change until all that are left stand out; their p-values; the correlation of
/// the noise around them.
fn confirmed(
    values: &[f64],
    mut changes: Vec<usize>,
    settings: &Settings,
) -> (Vec<usize>, Vec<f64>, f64) {
    let rho_of = |changes: &[usize]| {
        let levels = criterion::levels(values, changes);
        confirm::correlation(&criterion::residuals(values, changes, &levels))
    };
    let rho = rho_of(&changes);
    let test = |changes: &[usize], position: usize| {
        let from = if position == 0 { 0 } else { changes[position - 1] };
        let to = changes.get(position + 1).copied().unwrap_or(values.len());
        confirm::p_value(&values[from..to], rho, changes[position] as u64)
    };
    let mut p_values: Vec<f64> =
        (0..changes.len()).map(|position| test(&changes, position)).collect();
    loop {
        let weakest = (0..changes.len()).max_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
        let Some(weakest) = weakest.filter(|&weakest| p_values[weakest] > settings.alpha) else {
            return (changes.clone(), p_values, rho_of(&changes));
        };
        changes.remove(weakest);
        p_values.remove(weakest);
        for neighbour in [weakest.checked_sub(1), Some(weakest)].into_iter().flatten() {
            if neighbour < changes.len() {
                p_values[neighbour] = test(&changes, neighbour);
            }
        }
    }
}
