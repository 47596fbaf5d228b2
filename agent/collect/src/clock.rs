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

/// A moment as RFC 3339 in UTC, to the second: `2026-01-31T12:00:00Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let seconds = time.unix_nanos().div_euclid(1_000_000_000);
    let (year, month, day) = civil_date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years are counted from March, so
/// that the leap day is the last of its year.
fn civil_date(day: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let from_march_0000 = day + 719_468;
    let era = from_march_0000.div_euclid(DAYS_OF_400_YEARS);
    let day_of_era = from_march_0000.rem_euclid(DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_unix_parts(seconds, 0)), text);
        }
    }
}
