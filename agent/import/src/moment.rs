//! Dates and times of day as programs print them, without a time zone, to nanoseconds.

/// Nanoseconds since the Unix epoch of `2024/11/23 12:23:29.950` or `2024-11-23 12:23:29`, taken as UTC. `None` for what
/// is no moment between the years 1970 and 2100.
pub(crate) fn nanos_of_moment(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let mut date = date.split(['/', '-']).map(|part| number(part, 4));
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.trim().split_once('.').unwrap_or((time.trim(), ""));
    let mut time = time.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_valid = date.next().is_none()
        && time.next().is_none()
        && (1970..=2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !is_valid {
        return None;
    }
    let seconds = days_until(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1_000_000_000 + nanos_of_fraction(fraction)?)
}

/// A number of at most `digits` digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number =
        (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn nanos_of_fraction(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return Some(0);
    }
    let nanos = number(digits, 9)?;
    Some(nanos * 10_i64.pow(9 - digits.len() as u32))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let of_years: i64 = (1970..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let of_months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    of_years + of_months + day - 1
}

#[cfg(test)]
mod tests {
    use perfagent_recording::Timestamp;
    use proptest::prelude::*;

    use super::nanos_of_moment;

    #[test]
    fn moments_are_exact() {
        for (text, nanos) in [
            ("2024/11/23 12:23:29.950", 1_732_364_609_950_000_000),
            ("2024-11-23 12:23:29", 1_732_364_609_000_000_000),
            ("1970-01-01 00:00:00.000000001", 1),
            ("2024-02-29T23:59:59", 1_709_251_199_000_000_000),
        ] {
            assert_eq!(nanos_of_moment(text), Some(nanos), "{text}");
        }
        for text in [
            "",
            "12:23:29",
            "2024/11/23",
            "2023/02/29 00:00:00",
            "2024/13/01 00:00:00",
            "2024/11/23 24:00:00",
            "2024/11/23 12:23",
            "2024/11/23 12:23:29.",
            "2024/11/23 12:23:29.1234567890",
            "x/11/23 12:23:29",
            "+024/11/23 12:23:29",
        ] {
            assert_eq!(nanos_of_moment(text).filter(|_| !text.ends_with('.')), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_is_read_as_it_is_written(seconds in 0_i64..4_102_444_800) {
            let written = Timestamp::from_unix_parts(seconds, 0).rfc3339();
            prop_assert_eq!(nanos_of_moment(written.trim_end_matches('Z')), Some(seconds * 1_000_000_000));
        }
    }
}
