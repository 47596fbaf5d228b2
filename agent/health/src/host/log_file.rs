//! Log files that a daemon writes: `/var/log/kern.log`, `syslog`, `messages`. They reach beyond the boot, where they
//! are kept at all.

use crate::root::Root;

/// Of a larger file only the end is looked at.
const MOST_BYTES: u64 = 16 << 20;

/// One line with its time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Seconds, from any point, the same for all lines of one file.
    pub(crate) at_s: f64,
    /// What follows the time and the host's name.
    pub(crate) text: String,
}

/// The first of these families of files that can be read, its older part first. `None` when none can.
pub(crate) fn read(root: &Root, families: &[&str]) -> Option<Vec<Line>> {
    families.iter().find_map(|name| {
        let newest = root.tail(name, MOST_BYTES)?;
        let mut text = root.tail(&format!("{name}.1"), MOST_BYTES).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&newest);
        Some(parse(&text))
    })
}

/// The lines that begin with a time in one of the two usual forms.
pub(crate) fn parse(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    // `Aug 17 06:18:01` has no year: a new one begins where the months go back.
    let mut years = 0.0;
    let mut previous: Option<f64> = None;
    for line in text.lines() {
        let Some((at_s, with_year, rest)) = time(line) else { continue };
        let Some((_host, rest)) = rest.trim_start().split_once(' ') else { continue };
        let mut at_s = at_s;
        if !with_year {
            if previous.is_some_and(|previous| at_s < previous - HALF_YEAR_S) {
                years += 366.0 * DAY_S;
            }
            previous = Some(at_s);
            at_s += years;
        }
        lines.push(Line { at_s, text: rest.to_owned() });
    }
    lines
}

const DAY_S: f64 = 86_400.0;
const HALF_YEAR_S: f64 = 183.0 * DAY_S;

/// Seconds, whether they include the year, and the rest of the line.
fn time(line: &str) -> Option<(f64, bool, &str)> {
    if line.starts_with(|first: char| first.is_ascii_digit()) {
        let (stamp, rest) = line.split_once(' ')?;
        return Some((with_year(stamp)?, true, rest));
    }
    let stamp = line.get(..15)?;
    Some((without_year(stamp)?, false, &line[15..]))
}

/// `2025-01-21T04:41:44.285060+00:00`; the zone is the same throughout a file but for summer time.
fn with_year(stamp: &str) -> Option<f64> {
    let (date, time) = stamp.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let day = day_of_year(month, day)? + f64::from(year) * 366.0;
    Some(day * DAY_S + clock(time.get(..8)?)?)
}

/// `Aug 17 06:18:01`.
pub(crate) fn without_year(stamp: &str) -> Option<f64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = stamp.split_ascii_whitespace();
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    let day = words.next()?.parse().ok()?;
    Some(day_of_year(month, day)? * DAY_S + clock(words.next()?)?)
}

/// Days before this one in a leap year, so that every date has a place; off by a day at most between two.
fn day_of_year(month: u32, day: u32) -> Option<f64> {
    const BEFORE: [u16; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    let before = BEFORE.get(month.checked_sub(1)? as usize)?;
    (1..=31).contains(&day).then(|| f64::from(*before) + f64::from(day - 1))
}

/// `06:18:01`.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<u32>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    (hours < 24 && minutes < 60 && seconds < 61)
        .then(|| f64::from(hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn both_forms_of_time_are_read() {
        let lines = parse(
            "Dec 31 23:59:59 node kernel: a\nJan  1 00:00:01 node kernel: b\nno time\nFeb 30\n",
        );
        assert_eq!(
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["kernel: a", "kernel: b"]
        );
        assert!((lines[1].at_s - lines[0].at_s - 2.0).abs() < 1e-6, "{lines:?}");
        let lines = parse(
            "2025-01-21T04:41:44.285060+00:00 node kernel: a\n2025-01-21T05:41:44+00:00 node x: b\n",
        );
        assert!((lines[1].at_s - lines[0].at_s - 3600.0).abs() < 1e-6, "{lines:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}\n(Aug 17 06:18:01 )?\\PC{0,40}") {
            prop_assert!(parse(&text).len() <= 2);
        }
    }
}
