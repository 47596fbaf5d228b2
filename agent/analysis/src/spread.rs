//! What is usual among times, and what stands out.

use crate::statistic::percentile;

/// The middle of some times, and the ends of what is usual among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Median (nearest rank), ns.
    pub median_ns: i64,
    /// Times below this stand out, ns.
    pub low_ns: i64,
    /// Times above this stand out, ns.
    pub high_ns: i64,
}

/// How far beyond the quartiles usual times reach, in distances of the quartiles (Tukey's outer fences), and at least in
/// percent of the median: of times that hardly differ, none stands out.
const FENCES: i64 = 3;
const LEAST_PERCENT: i64 = 5;

/// The spread of these times; `None` without any.
#[must_use]
pub fn spread(mut times: Vec<i64>) -> Option<Spread> {
    let median_ns = percentile(&mut times, 50)?;
    let (lower, upper) = (percentile(&mut times, 25)?, percentile(&mut times, 75)?);
    let beyond = upper.saturating_sub(lower).saturating_mul(FENCES);
    let least = (median_ns / 100).saturating_mul(LEAST_PERCENT);
    Some(Spread {
        median_ns,
        low_ns: lower.saturating_sub(beyond).min(median_ns.saturating_sub(least)),
        high_ns: upper.saturating_add(beyond).max(median_ns.saturating_add(least)),
    })
}

#[cfg(test)]
mod tests {
    use super::{Spread, spread};

    #[test]
    fn a_slow_step_stands_out_and_noise_does_not() {
        let mut times = vec![1_000, 1_001, 999, 1_000, 1_002, 998, 1_000];
        let usual = Spread { median_ns: 1_000, low_ns: 950, high_ns: 1_050 };
        assert_eq!(spread(times.clone()), Some(usual));
        times.push(5_000);
        assert!(spread(times).unwrap().high_ns < 5_000);
    }

    #[test]
    fn any_times_have_a_spread() {
        assert_eq!(spread(Vec::new()), None);
        for times in [vec![0], vec![i64::MIN, i64::MAX], vec![i64::MAX; 3]] {
            let spread = spread(times).unwrap();
            assert!(spread.low_ns <= spread.median_ns && spread.median_ns <= spread.high_ns);
        }
    }
}
