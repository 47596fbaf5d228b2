//! The few statistics that a benchmark on a noisy machine needs.

/// The middle value, or the mean of the two middle ones. `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The arithmetic mean. `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// A distribution-free confidence interval of the median of independent values: the order statistics
/// whose binomial coverage is at least 95 % where there are enough values (6 or more), else the whole
/// range.
pub(crate) fn median_interval(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut cut = 0;
    // P(fewer than `cut + 1` values below the median), doubled for both sides, stays under 5 %.
    let mut tail = 0.5_f64.powi(i32::try_from(n).ok()?);
    let mut term = tail;
    while 2.0 * tail <= 0.05 && 2 * (cut + 1) < n {
        cut += 1;
        term *= (n - cut + 1) as f64 / cut as f64;
        tail += term;
    }
    let low = cut.saturating_sub(1);
    Some((*sorted.get(low)?, *sorted.get(n.checked_sub(1 + low)?)?))
}

#[cfg(test)]
mod tests {
    use super::{mean, median, median_interval};

    #[test]
    fn the_median_ignores_an_outlier() {
        assert_eq!(median(&[1.0, 100.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(mean(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn the_interval_of_seven_is_the_range_and_of_nine_leaves_one_out() {
        let seven: Vec<f64> = (1..=7).map(f64::from).collect();
        assert_eq!(median_interval(&seven), Some((1.0, 7.0)));
        // Known table: n = 9 gives ranks 2 and 8 (96.1 %), n = 15 gives 4 and 12 (96.5 %).
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(median_interval(&nine), Some((2.0, 8.0)));
        let fifteen: Vec<f64> = (1..=15).map(f64::from).collect();
        assert_eq!(median_interval(&fifteen), Some((4.0, 12.0)));
        assert_eq!(median_interval(&[]), None);
    }
}
