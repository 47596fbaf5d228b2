//! Points and lengths of time in integer nanoseconds, in types that name their clock.

use std::fmt;
use std::ops::{Add, Sub};

/// A point in time on the recording's clock: nanoseconds since the Unix epoch.
///
/// The clock is the host's `CLOCK_MONOTONIC`, moved once, when the recording starts, onto
/// `CLOCK_REALTIME`. It therefore never steps within a recording, and times of several hosts can be
/// compared as well as their wall clocks agree (see the table `clock_anchors`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The greatest time that can be written.
    pub const MAX: Self = Self(i64::MAX);
    /// The least time that can be written.
    pub const MIN: Self = Self(i64::MIN);

    /// A time given in nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A time given as seconds and nanoseconds since the Unix epoch, as `clock_gettime` returns it.
    #[must_use]
    pub const fn from_unix_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to `self`; negative when `self` is the earlier one, clamped at the
    /// ends of the range instead of wrapping.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC, to the second: `2026-01-31T12:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let seconds = self.0.div_euclid(1_000_000_000);
        let (year, month, day) = civil_date(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
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

/// A length of time in nanoseconds. May be negative where a difference was taken the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A length given in nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The length in seconds, for display and for rates; not for arithmetic on times.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Span {
    /// Three or four significant digits with the unit that fits: `1.234 ms`, `12.3 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0;
        let magnitude = nanos.unsigned_abs();
        let (value, unit) = match magnitude {
            0..1_000 => return write!(f, "{nanos} ns"),
            1_000..1_000_000 => (nanos as f64 / 1e3, "µs"),
            1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
            _ => (nanos as f64 / 1e9, "s"),
        };
        let decimals = match value.abs() {
            v if v < 10.0 => 3,
            v if v < 100.0 => 2,
            _ => 1,
        };
        write!(f, "{value:.decimals$} {unit}")
    }
}

impl rusqlite::ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl rusqlite::types::FromSql for Timestamp {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, Timestamp};

    #[test]
    fn differences_are_exact_beyond_a_double() {
        let start = Timestamp::from_unix_nanos(1_623_142_623_460_172_001);
        let end = start + Span::from_nanos(1);
        assert_eq!((end - start).nanos(), 1);
        assert_eq!((start - end).nanos(), -1);
    }

    #[test]
    fn the_ends_of_the_range_clamp() {
        assert_eq!((Timestamp::MAX - Timestamp::MIN).nanos(), i64::MAX);
        assert_eq!(Timestamp::MAX + Span::from_nanos(1), Timestamp::MAX);
    }

    #[test]
    fn spans_read_well_at_every_size() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.500 µs"),
            (-1_500, "-1.500 µs"),
            (123_456_789, "123.5 ms"),
            (61_000_000_000, "61.00 s"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
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
            assert_eq!(Timestamp::from_unix_parts(seconds, 0).rfc3339(), text);
        }
    }
}
