//! Figures of a comparison as people read them.

use crate::units;

/// A figure in the unit that the document names.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "ns" => units::duration(value.round() as i64),
        "bytes" => units::bytes(value),
        "gbps" => format!("{} GB/s", significant(value)),
        "tokens_per_s" => format!("{} tokens/s", significant(value)),
        "samples_per_s" => format!("{}/s", significant(value)),
        _ => significant(value),
    }
}

/// A number with four significant digits.
#[must_use]
pub fn significant(value: f64) -> String {
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e6 {
        return format!("{value:.0}");
    }
    let magnitude = value.abs().max(1e-12).log10().floor();
    let decimals = (3.0 - magnitude).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A change with its sign, in percent.
#[must_use]
pub fn change(percent: f64) -> String {
    let decimals = if percent.abs() < 1.0 { 2 } else { 1 };
    // No sign before what is shown as nothing.
    let text = format!("{percent:+.decimals$} %");
    match text.as_str() {
        "+0.00 %" | "-0.00 %" => "0 %".to_owned(),
        _ => text,
    }
}

/// The interval of a change, in percent.
#[must_use]
pub fn interval(low: Option<f64>, high: Option<f64>) -> Option<String> {
    Some(format!("{} to {}", change(low?), change(high?)))
}

/// A change of a time, with its sign.
#[must_use]
pub fn change_ns(nanos: i64) -> String {
    format!("{}{}", if nanos > 0 { "+" } else { "" }, units::duration(nanos))
}

#[cfg(test)]
mod tests {
    use super::{change, interval, quantity, significant};

    #[test]
    fn figures_have_their_unit_and_changes_their_sign() {
        assert_eq!(quantity(6_140_874.0, "ns"), "6.141 ms");
        assert_eq!(quantity(1024.0 * 1024.0, "bytes"), "1.00 MiB");
        assert_eq!(quantity(12.0, "count"), "12");
        assert_eq!(quantity(1234.5678, "tokens_per_s"), "1235 tokens/s");
        assert_eq!(significant(0.012_345), "0.01235");
        assert_eq!(change(4.92), "+4.9 %");
        assert_eq!(change(-0.123), "-0.12 %");
        assert_eq!(change(0.0), "0 %");
        assert_eq!(interval(Some(-1.5), Some(2.0)).unwrap(), "-1.5 % to +2.0 %");
        assert_eq!(interval(None, Some(2.0)), None);
    }
}
