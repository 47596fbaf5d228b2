//! RFC 3339.

use perfagent_recording::Timestamp;

/// A moment as `2026-01-31T12:00:00Z`, with a fraction or an offset from UTC too.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| number(part, 4));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (time, offset_s) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) if rest[at..].eq_ignore_ascii_case("z") => (&rest[..at], 0),
        Some(at) => {
            let (hours, minutes) = rest[at + 1..].split_once(':')?;
            let size = number(hours, 2)? * 3600 + number(minutes, 2)? * 60;
            (&rest[..at], if rest[at..].starts_with('-') { -size } else { size })
        }
        None => return None,
    };
    let mut parts = time.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = number(parts.next()?.split('.').next()?, 2)?;
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !fits {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    Some(Timestamp::from_unix_parts(seconds, 0))
}

fn number(text: &str, most: usize) -> Option<i64> {
    let is_number =
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01 in the Gregorian calendar; years count from March, so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59Z",
            "2026-11-27T22:00:04Z",
            "2100-03-01T00:00:00Z",
        ] {
            assert_eq!(moment(text).unwrap().rfc3339(), text);
        }
        assert_eq!(moment("2026-01-31T14:30:00.25+02:30"), moment("2026-01-31T12:00:00Z"));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "2026-13-01T00:00:00Z",
            "2026-01-31T25:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00+2",
            "éé-01-31T12:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
