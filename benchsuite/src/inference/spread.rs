//! How times are spread over requests.

use serde::Serialize;

/// Times in nanoseconds. A percentile is by nearest rank: the least value that at least that share of all values does not
/// exceed; of 64 requests P99 is the longest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub count: usize,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

impl Spread {
    /// Of these times; none of none.
    pub(crate) fn of(times: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = times.into_iter().collect();
        sorted.sort_unstable();
        let count = sorted.len();
        let max = *sorted.last()?;
        let at = |percent: usize| sorted[(count * percent).div_ceil(100).max(1) - 1];
        let mean = sorted.iter().map(|&time| time as f64).sum::<f64>() / count as f64;
        Some(Self { count, mean, p50: at(50), p90: at(90), p99: at(99), max })
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let of = |count: u64| Spread::of((1..=count).rev()).unwrap();
        let hundred = of(100);
        assert_eq!((hundred.p50, hundred.p90, hundred.p99, hundred.max), (50, 90, 99, 100));
        assert!((hundred.mean - 50.5).abs() < 1e-12);
        assert_eq!((of(64).p50, of(64).p99), (32, 64));
        assert_eq!((of(3).p50, of(3).p90), (2, 3));
        assert_eq!((of(1).count, of(1).p50, of(1).p99), (1, 1, 1));
        assert_eq!(Spread::of([]), None);
    }
}
