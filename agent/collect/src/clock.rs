//! From the machine's monotonic clock to the recording's.

use perfagent_recording::Timestamp;
use perfagent_spool::{MonotonicNs, RealtimeNs};
use serde::{Deserialize, Serialize};

/// `CLOCK_MONOTONIC` moved onto `CLOCK_REALTIME` by one offset, taken once: it never steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Clock {
    /// Unix time minus monotonic time, ns.
    offset_ns: i64,
}

impl Clock {
    /// Reads both clocks several times and believes the reading that took least time.
    pub(crate) fn measure() -> Self {
        const READINGS: usize = 32;
        let narrowest = (0..READINGS).map(|_| bracket()).min_by_key(|(width, ..)| *width);
        let (_, monotonic, realtime) = narrowest.unwrap_or_else(bracket);
        Self::from_anchor(monotonic, realtime)
    }

    /// The clock on which these two readings are the same moment.
    pub(crate) fn from_anchor(monotonic: MonotonicNs, realtime: RealtimeNs) -> Self {
        Self { offset_ns: realtime.0.saturating_sub_unsigned(monotonic.0) }
    }

    /// What is added to the monotonic clock.
    pub(crate) const fn offset_ns(self) -> i64 {
        self.offset_ns
    }

    /// That moment on the recording's clock.
    pub(crate) fn at(self, time: MonotonicNs) -> Timestamp {
        Timestamp::from_unix_nanos(self.offset_ns.saturating_add_unsigned(time.0))
    }

    /// Now.
    pub(crate) fn now(self) -> Timestamp {
        self.at(MonotonicNs::now())
    }

    /// The same moment on this clock and on `CLOCK_REALTIME`, which drift apart when the latter is adjusted.
    pub(crate) fn anchor(self) -> (Timestamp, Timestamp) {
        let (_, monotonic, realtime) = bracket();
        (self.at(monotonic), Timestamp::from_unix_nanos(realtime.0))
    }
}

/// The wall clock between two readings of the monotonic one: their distance, their middle, the wall clock.
fn bracket() -> (u64, MonotonicNs, RealtimeNs) {
    let before = MonotonicNs::now();
    let realtime = RealtimeNs::now();
    let after = MonotonicNs::now();
    let width = after.0.saturating_sub(before.0);
    (width, MonotonicNs(before.0 + width / 2), realtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_agree_at_the_start_and_lengths_are_kept() {
        let clock = Clock::measure();
        let (own, wall) = clock.anchor();
        assert!((own - wall).nanos().abs() < 50_000_000, "{:?}", own - wall);
        let (early, late) = (clock.at(MonotonicNs(5)), clock.at(MonotonicNs(12)));
        assert_eq!((late - early).nanos(), 7);
    }

    #[test]
    fn far_ends_clamp() {
        let clock = Clock::from_anchor(MonotonicNs(0), RealtimeNs(1));
        assert_eq!(clock.at(MonotonicNs(u64::MAX)), Timestamp::MAX);
    }
}
