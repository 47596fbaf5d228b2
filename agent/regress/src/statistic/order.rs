//! Medians and quantiles.

/// The median; the mean of the middle two of an even number. NaN of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    median_in_place(&mut sorted)
}

/// The same, with `values` as working space.
#[must_use]
pub fn median_in_place(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if even {
        let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
        f64::midpoint(lower, upper)
    } else {
        upper
    }
}

/// Median absolute deviation from `center`, unscaled.
#[must_use]
pub fn absolute_deviation(values: &[f64], center: f64) -> f64 {
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    median_in_place(&mut deviations)
}

/// The quantile at `share` (0..=1) of ascending values, interpolated between neighbours.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Arithmetic mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Unbiased sample variance; 0 of fewer than two values.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::{absolute_deviation, median, quantile, variance};

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
        assert!(median(&[]).is_nan());
        assert!((absolute_deviation(&[1.0, 2.0, 4.0, 9.0, 100.0], 4.0) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_interpolated() {
        let sorted = [0.0, 1.0, 2.0, 3.0];
        let found = [0.0, 0.5, 0.9, 1.0].map(|share| quantile(&sorted, share));
        for (found, expected) in found.into_iter().zip([0.0, 1.5, 2.7, 3.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_variance_is_unbiased() {
        assert!((variance(&[1.0, 3.0]) - 2.0).abs() < 1e-12);
        assert!(variance(&[5.0]).abs() < 1e-12);
    }
}
