//! Percentiles and sums of exact integers.

/// The `percent`th percentile by nearest rank: the least value that at least that share of the
/// values does not exceed. Reorders `values`; `None` when there are none.
pub(crate) fn percentile(values: &mut [i64], percent: usize) -> Option<i64> {
    let index = rank_of(values.len(), percent)?;
    Some(*values.select_nth_unstable(index).1)
}

/// Where that percentile stands among so many values in order; `None` of none.
pub(crate) fn rank_of(count: usize, percent: usize) -> Option<usize> {
    let index = (count * percent).div_ceil(100).saturating_sub(1);
    (index < count).then_some(index)
}

/// The mean; `None` when there are no values.
pub(crate) fn mean(sum: i128, count: usize) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}

/// Sum without overflow.
pub(crate) fn sum(values: &[i64]) -> i128 {
    values.iter().map(|&value| i128::from(value)).sum()
}

/// `bytes / time` in 1e9 bytes/s; `None` when no time passed.
pub(crate) fn rate_gbps(bytes: i64, time_ns: i64) -> Option<f64> {
    (time_ns > 0).then(|| bytes as f64 / time_ns as f64)
}

/// The share of `part` in `whole`, 0..100 to 0.0001: figures of few digits are read back as they were written. `None` of
/// nothing.
pub(crate) fn share_pct(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (1e6 * part as f64 / whole as f64).round() / 1e4)
}

/// Count, sum, least and greatest of a stream of times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) count: i64,
    pub(crate) total: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { count: 0, total: 0, min: i64::MAX, max: i64::MIN }
    }
}

impl Tally {
    /// Counts one more time.
    pub(crate) fn add(&mut self, time: i64) {
        self.count += 1;
        self.total = self.total.saturating_add(time);
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    /// Counts everything that `other` counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.total = self.total.saturating_add(other.total);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The mean; 0 when nothing was counted.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total as f64 / self.count as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values = vec![50, 10, 40, 20, 30];
        assert_eq!(percentile(&mut values, 50), Some(30));
        assert_eq!(percentile(&mut values, 99), Some(50));
        assert_eq!(percentile(&mut values, 20), Some(10));
        assert_eq!(percentile(&mut [], 50), None);
        assert_eq!(percentile(&mut [7], 99), Some(7));
    }
}
