//! When a measurement has been repeated often enough.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::interval::{median, median_interval};
use crate::Effort;

/// When to stop. Looking again and again until the interval is tight makes the intervals cover somewhat less than they
/// say; `least` keeps that small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Repetitions that are made in any case.
    pub least: usize,
    /// Repetitions after which it ends in any case.
    pub most: usize,
    /// Seconds after which it ends once `least` are made.
    pub seconds: f64,
    /// It ends when the interval is no wider than this share of the median; never for that, if negative.
    pub within: f64,
}

/// Why a measurement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// The interval of the median was tight enough.
    Tight,
    /// There were enough repetitions, though the interval is wider.
    Repetitions,
    /// There was no more time, though the interval is wider.
    Time,
}

impl Stop {
    /// For a figure that stands alone.
    #[must_use]
    pub fn figure(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { least: 10, most: 200, seconds: 5.0, within: 0.01 },
            Effort::Quick => Self { least: 8, most: 50, seconds: 1.0, within: 0.03 },
        }
    }

    /// For one point of a curve, of which there are many.
    #[must_use]
    pub fn point(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { least: 8, most: 50, seconds: 0.1, within: 0.01 },
            Effort::Quick => Self { least: 6, most: 20, seconds: 0.02, within: 0.03 },
        }
    }

    /// Why to stop after these times, or `None` to go on.
    #[must_use]
    pub fn now(&self, times: &[Duration], elapsed: Duration) -> Option<Stopped> {
        if times.len() < self.least {
            return None;
        }
        // Thousands of times are not sorted again for each one more.
        if (times.len() < 128 || times.len().is_multiple_of(64)) && self.is_tight(times) {
            return Some(Stopped::Tight);
        }
        if times.len() >= self.most {
            return Some(Stopped::Repetitions);
        }
        (elapsed.as_secs_f64() >= self.seconds).then_some(Stopped::Time)
    }

    fn is_tight(&self, times: &[Duration]) -> bool {
        let mut sorted: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        sorted.sort_by(f64::total_cmp);
        median_interval(&sorted)
            .is_some_and(|interval| interval.high - interval.low <= self.within * median(&sorted))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Stop, Stopped};

    const STOP: Stop = Stop { least: 6, most: 12, seconds: 2.0, within: 0.01 };

    fn times(micros: &[u64]) -> Vec<Duration> {
        micros.iter().copied().map(Duration::from_micros).collect()
    }

    #[test]
    fn it_stops_when_the_median_is_known() {
        let steady = times(&[1000, 1001, 1002, 1003, 1004, 1005]);
        assert_eq!(STOP.now(&steady[..5], Duration::from_secs(9)), None, "the least come first");
        assert_eq!(STOP.now(&steady, Duration::ZERO), Some(Stopped::Tight));
    }

    #[test]
    fn it_stops_at_its_bounds_and_says_which() {
        let wild = times(&[1, 50, 2, 70, 3, 90, 4, 110, 5, 130, 6, 150]);
        assert_eq!(STOP.now(&wild[..11], Duration::ZERO), None);
        assert_eq!(STOP.now(&wild[..11], Duration::from_secs(2)), Some(Stopped::Time));
        assert_eq!(STOP.now(&wild, Duration::ZERO), Some(Stopped::Repetitions));
    }

    #[test]
    fn one_outlier_does_not_keep_it_from_stopping() {
        let once_late = times(&[1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 90_000]);
        assert_eq!(STOP.now(&once_late, Duration::ZERO), Some(Stopped::Tight));
    }
}
