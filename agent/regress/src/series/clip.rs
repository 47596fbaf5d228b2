//! Isolated outliers pulled in to their surroundings (Hampel's filter, with clipping for replacement),
//! so that one bad run neither looks like a level of its own nor hides a real change.

use crate::statistic::order::{absolute_deviation, median, median_in_place};

/// Points on each side that a point is compared with. A level of `REACH` points at the end of a series
/// is a majority of its window and stays as it is.
const REACH: usize = 3;
/// Standard deviations from the running median that are left alone.
const LIMIT: f64 = 4.0;
/// Median absolute deviation to standard deviation of normal noise.
const MAD_TO_SIGMA: f64 = 1.4826;

/// `values` with what lies further than four standard deviations from the running median moved there.
pub(crate) fn clipped(values: &[f64]) -> Vec<f64> {
    let running = running_median(values);
    let residuals: Vec<f64> =
        values.iter().zip(&running).map(|(value, median)| value - median).collect();
    let sigma = MAD_TO_SIGMA * absolute_deviation(&residuals, median(&residuals));
    if sigma <= 0.0 {
        // More than half of the points equal their neighbours: no scale to call an outlier by.
        return values.to_vec();
    }
    let reach = LIMIT * sigma;
    values
        .iter()
        .zip(&running)
        .map(|(value, median)| value.clamp(median - reach, median + reach))
        .collect()
}

fn running_median(values: &[f64]) -> Vec<f64> {
    let mut window = Vec::with_capacity(2 * REACH + 1);
    (0..values.len())
        .map(|index| {
            window.clear();
            let to = (index + REACH + 1).min(values.len());
            window.extend_from_slice(&values[index.saturating_sub(REACH)..to]);
            median_in_place(&mut window)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::clipped;

    fn noise(n: usize) -> Vec<f64> {
        (0..n).map(|i| f64::from([0_i8, 1, -1, 2, -2, 1, 0, -1][i % 8])).collect()
    }

    #[test]
    fn one_outlier_is_pulled_in_and_nothing_else_moves() {
        let mut values = noise(40);
        values[20] = 500.0;
        let clipped = clipped(&values);
        assert!(clipped[20] < 20.0, "{}", clipped[20]);
        for (index, (before, after)) in values.iter().zip(&clipped).enumerate() {
            assert!(index == 20 || (before - after).abs() < 1e-12, "{index}");
        }
    }

    #[test]
    fn a_level_of_three_points_at_the_end_stays() {
        let mut values = noise(40);
        for value in &mut values[37..] {
            *value += 50.0;
        }
        let clipped = clipped(&values);
        assert!(clipped[39] > 40.0 && clipped[38] > 40.0, "{clipped:?}");
    }

    #[test]
    fn constant_series_have_no_outliers() {
        let mut values = vec![3.0; 30];
        values[10] = 4.0;
        assert_eq!(clipped(&values), values);
    }
}
