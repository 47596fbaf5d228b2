//! Sums of counters: counts exactly, whatever their order; what has a fraction with hardly any error.

/// Integers below it add up exactly in 128 bits, 2^31 of them and more: 2^96.
const LARGE: f64 = 79_228_162_514_264_337_593_543_950_336.0;

/// A sum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exact {
    whole: i128,
    /// Fractions and very large numbers, and what their additions have left out (Neumaier).
    rest: f64,
    left_out: f64,
}

impl Exact {
    pub(super) fn add(&mut self, value: f64) {
        let mut value = value;
        if value.abs() < LARGE {
            self.whole = self.whole.saturating_add(value as i128);
            value = value.fract();
        }
        let sum = self.rest + value;
        self.left_out += if self.rest.abs() >= value.abs() {
            (self.rest - sum) + value
        } else {
            (value - sum) + self.rest
        };
        self.rest = sum;
    }

    /// The nearest number; `None` where it is greater than every number.
    pub(super) fn total(&self) -> Option<f64> {
        let most = self.whole as f64;
        let least = self.whole.saturating_sub(most as i128) as f64;
        let total = most + (least + (self.rest + self.left_out));
        total.is_finite().then_some(total)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Exact;

    fn sum(values: &[f64]) -> Option<f64> {
        let mut sum = Exact::default();
        for &value in values {
            sum.add(value);
        }
        sum.total()
    }

    #[test]
    fn small_parts_of_large_sums_are_kept() {
        let large = 9_007_199_254_740_992.0; // 2^53: one more is lost in an addition of its own.
        assert_eq!(sum(&[large, 1.0, 1.0]), Some(large + 2.0));
        assert_eq!(sum(&[1e300, 0.1, -1e300]), Some(0.1));
        assert_eq!(sum(&[0.1; 10]), Some(1.0));
        assert_eq!(sum(&[]), Some(0.0));
    }

    #[test]
    fn what_no_number_holds_is_not_known() {
        assert_eq!(sum(&[f64::MAX, f64::MAX]), None);
        assert_eq!(sum(&[f64::MAX, 1.0]), Some(f64::MAX));
    }

    proptest! {
        /// Quarters of an integer add up in 128 bits.
        #[test]
        fn as_with_integers(quarters in prop::collection::vec(-(1_i64 << 52)..1 << 52, 0..50)) {
            let values: Vec<f64> = quarters.iter().map(|&quarter| quarter as f64 / 4.0).collect();
            let exact: i128 = quarters.iter().map(|&quarter| i128::from(quarter)).sum();
            prop_assert_eq!(sum(&values), Some(exact as f64 / 4.0));
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(sum(&reversed), sum(&values));
        }
    }
}
