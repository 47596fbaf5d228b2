//! From counters that only grow to what happens a second.

use std::collections::VecDeque;

use perfagent_recording::Timestamp;

/// Load is taken over this long: the kernel counts processor time in ticks of 10 ms.
const WINDOW_NS: i64 = 500_000_000;

/// Readings of counters of processor time, over a sliding window.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// When, ticks used, ticks there were.
    readings: VecDeque<(Timestamp, u64, u64)>,
}

impl Load {
    /// Ticks used a second; `None` at the first reading.
    pub(super) fn per_second(&mut self, time: Timestamp, used: u64) -> Option<f64> {
        let (seconds, used, _) = self.since_window(time, used, 0)?;
        Some(used as f64 / seconds)
    }

    /// The share of the machine's ticks that were used.
    pub(super) fn of_machine(&mut self, time: Timestamp, busy: u64, all: u64) -> Option<f64> {
        let (_, busy, all) = self.since_window(time, busy, all)?;
        (all > 0).then(|| busy as f64 / all as f64)
    }

    fn since_window(&mut self, time: Timestamp, used: u64, all: u64) -> Option<(f64, u64, u64)> {
        while self.readings.get(1).is_some_and(|second| (time - second.0).nanos() >= WINDOW_NS) {
            self.readings.pop_front();
        }
        let first = self.readings.front().copied();
        self.readings.push_back((time, used, all));
        let first = first?;
        let seconds = (time - first.0).seconds();
        (seconds > 0.0)
            .then(|| (seconds, used.saturating_sub(first.1), all.saturating_sub(first.2)))
    }
}

/// A counter that is exact at any moment, such as bytes or faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    last: Option<(Timestamp, u64)>,
}

impl Rate {
    /// How much a second since the last reading; `None` at the first one.
    pub(super) fn per_second(&mut self, time: Timestamp, count: u64) -> Option<f64> {
        let (since, before) = self.last.replace((time, count))?;
        let seconds = (time - since).seconds();
        // A counter that fell has been set back, as when an interface goes.
        (seconds > 0.0).then(|| count.saturating_sub(before) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = |ms| Timestamp::from_unix_nanos(ms * 1_000_000);

    #[test]
    fn load_is_taken_over_the_window() {
        let mut load = Load::default();
        assert_eq!(load.per_second(AT(0), 100), None);
        assert_eq!(load.per_second(AT(50), 105), Some(100.0));
        for step in 2..=20 {
            load.per_second(AT(50 * step), 105);
        }
        assert_eq!(load.per_second(AT(1050), 105), Some(0.0), "the burst has left the window");
        assert!(load.readings.len() < 15);
    }

    #[test]
    fn a_rate_is_from_one_reading_to_the_next() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(AT(0), 1000), None);
        assert_eq!(rate.per_second(AT(500), 1500), Some(1000.0));
        assert_eq!(rate.per_second(AT(1000), 1500), Some(0.0));
        assert_eq!(rate.per_second(AT(1500), 3), Some(0.0), "set back");
        assert_eq!(rate.per_second(AT(1500), 9), None, "no time has passed");
    }
}
