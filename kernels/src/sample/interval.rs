//! The median and its confidence interval, which supposes nothing about how the values are distributed.
//!
//! Between the `k`-th smallest and the `k`-th largest of `n` independent values lies the true median with probability
//! `1 - 2 P(B < k)`, where `B` is binomial of `n` and one half (order statistics; Hahn and Meeker, Statistical
//! Intervals, 5.2). The largest `k` that still covers [`CONFIDENCE`] is taken.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF as _};

/// The coverage that intervals have at least.
pub const CONFIDENCE: f64 = 0.95;

/// Between which values the true median lies, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// From here.
    pub low: f64,
    /// To here.
    pub high: f64,
    /// With this probability, for values that do not depend on each other; at least [`CONFIDENCE`].
    pub coverage: f64,
}

/// The interval of the median of sorted values; `None` of fewer than six, which no interval of them covers.
pub(crate) fn median_interval(sorted: &[f64]) -> Option<Interval> {
    let count = sorted.len() as u64;
    let binomial = Binomial::new(0.5, count).ok()?;
    let coverage = |k: u64| 1.0 - 2.0 * binomial.cdf(k - 1);
    if count < 2 || coverage(1) < CONFIDENCE {
        return None;
    }
    // Coverage falls with k: the last that suffices lies in [low, high).
    let (mut low, mut high) = (1, count / 2 + 1);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if coverage(middle) >= CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    let k = low as usize;
    Some(Interval { low: sorted[k - 1], high: sorted[sorted.len() - k], coverage: coverage(low) })
}

/// The middle of sorted values; 0 of none.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, prop_assert, proptest};

    use super::{CONFIDENCE, median, median_interval};

    fn numbers(count: usize) -> Vec<f64> {
        (1..=count).map(|number| number as f64).collect()
    }

    /// The ranks of the published table (Conover, Practical Nonparametric Statistics, table A3 at one half).
    #[test]
    fn the_ranks_are_those_of_the_tables() {
        for (count, low, high) in
            [(6, 1.0, 6.0), (8, 1.0, 8.0), (9, 2.0, 8.0), (10, 2.0, 9.0), (20, 6.0, 15.0)]
        {
            let interval = median_interval(&numbers(count)).unwrap();
            assert_eq!((interval.low, interval.high), (low, high), "of {count}");
        }
        assert_eq!(median_interval(&numbers(5)), None);
        assert_eq!(median_interval(&[]), None);
        let six = median_interval(&numbers(6)).unwrap();
        assert!((six.coverage - 0.96875).abs() < 1e-12, "1 - 2 / 2^6: {six:?}");
    }

    #[test]
    fn thousands_of_values_have_one_too() {
        let interval = median_interval(&numbers(10_000)).unwrap();
        // n/2 -+ 1.96 sqrt(n)/2 in large samples.
        assert!((interval.low - 4902.0).abs() <= 1.0, "{interval:?}");
        assert!((interval.high - 5099.0).abs() <= 1.0, "{interval:?}");
    }

    proptest! {
        #[test]
        fn the_median_lies_in_its_interval(mut values in prop::collection::vec(0.0..1e9, 6..300)) {
            values.sort_by(f64::total_cmp);
            let interval = median_interval(&values).unwrap();
            prop_assert!(interval.low <= median(&values) && median(&values) <= interval.high);
            prop_assert!(interval.coverage >= CONFIDENCE && interval.coverage < 1.0);
        }
    }
}
