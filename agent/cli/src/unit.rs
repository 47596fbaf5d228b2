//! Figures as a person reads them: thousands in groups, times and sizes with the unit that fits.

use perfagent_recording::{Span, Timestamp};

/// What stands where nothing is known.
pub(crate) const UNKNOWN: &str = "-";

/// `1,234,567`.
pub(crate) fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in nanoseconds: `12.34 ms`.
pub(crate) fn duration(nanos: i64) -> String {
    Span::from_nanos(nanos).to_string()
}

/// A mean of times in nanoseconds.
pub(crate) fn mean_duration(nanos: f64) -> String {
    duration(nanos.round() as i64)
}

/// A size in bytes: `512 B`, `1.50 GiB`.
pub(crate) fn bytes(value: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value as f64;
    let mut unit = "B";
    for larger in UNITS {
        if scaled.abs() < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = larger;
    }
    if unit == "B" { format!("{value} B") } else { format!("{} {unit}", three_digits(scaled)) }
}

/// A rate given in 1e9 bytes/s: `12.3 GB/s`, `45.6 MB/s`.
pub(crate) fn rate(gbps: f64) -> String {
    match gbps {
        rate if rate >= 1.0 => format!("{} GB/s", three_digits(rate)),
        rate if rate >= 1e-3 => format!("{} MB/s", three_digits(rate * 1e3)),
        rate => format!("{} kB/s", three_digits(rate * 1e6)),
    }
}

/// A percentage: `61.2 %`.
pub(crate) fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

/// A change in percent, with its sign: `+3.2 %`.
pub(crate) fn change(value: f64) -> String {
    let digits = if value.abs() < 9.95 { 2 } else { 1 };
    format!("{value:+.digits$} %")
}

/// A probability, 0..=1: three decimals, or an upper bound.
pub(crate) fn probability(value: f64) -> String {
    if value < 0.001 { "< 0.001".to_owned() } else { format!("{value:.3}") }
}

/// A number without a unit, in six significant digits.
pub(crate) fn significant(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) {
        return format!("{value:.5e}");
    }
    let whole = if value.abs() >= 1.0 { value.abs().log10().floor() as usize + 1 } else { 1 };
    let text = format!("{value:.*}", 6_usize.saturating_sub(whole));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// The share of `part` in `whole` in percent; of nothing, nothing.
pub(crate) fn share(part: i64, whole: i64) -> String {
    if whole > 0 { percent(100.0 * part as f64 / whole as f64) } else { UNKNOWN.to_owned() }
}

/// `text` of a known value, or the sign for an unknown one.
pub(crate) fn known<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), text)
}

/// A moment in UTC to the second: `2026-01-31 23:59:59 UTC`.
pub(crate) fn moment(time: Timestamp) -> String {
    format!("{} UTC", to_the_second(time))
}

/// A moment in UTC to the millisecond: `2026-01-31 23:59:59.250 UTC`.
pub(crate) fn moment_exact(time: Timestamp) -> String {
    let milliseconds = time.unix_nanos().div_euclid(1_000_000).rem_euclid(1_000);
    format!("{}.{milliseconds:03} UTC", to_the_second(time))
}

fn to_the_second(time: Timestamp) -> String {
    const DAY: i64 = 86_400;
    let seconds = time.unix_nanos().div_euclid(1_000_000_000);
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of the Gregorian calendar from days since 1970-01-01. Years are counted from
/// March, so that the leap day is the last of its year, in eras of 400 years (146 097 days).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468; // days since 0000-03-01
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

/// Three significant digits for figures below a thousand.
fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::Timestamp;

    use super::{bytes, change, count, moment, probability, rate, share, significant};

    #[test]
    fn counts_are_grouped() {
        let texts = [0, 999, 1_000, -1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn sizes_and_rates_keep_three_digits() {
        let sizes = [0, 1023, 1024, 1_610_612_736, 107_374_182_400].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.00 KiB", "1.50 GiB", "100 GiB"]);
        assert_eq!([450.0, 1.25, 0.0375].map(rate), ["450 GB/s", "1.25 GB/s", "37.5 MB/s"]);
    }

    #[test]
    fn changes_and_probabilities_are_short() {
        assert_eq!([3.217, -0.5, 12.34].map(change), ["+3.22 %", "-0.50 %", "+12.3 %"]);
        assert_eq!([0.5, 0.0001].map(probability), ["0.500", "< 0.001"]);
        let values = [0.0, 23_683.5, 0.012_345_67, 1e12, -2.5, 1_234_567.0];
        let shown = ["0", "23683.5", "0.01235", "1.00000e12", "-2.5", "1234567"];
        assert_eq!(values.map(significant), shown);
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!((share(1, 3), share(0, 0)), ("33.3 %".into(), "-".into()));
    }

    #[test]
    fn moments_follow_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(moment(Timestamp::from_unix_parts(seconds, 0)), text);
        }
    }
}
