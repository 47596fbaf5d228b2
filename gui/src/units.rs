//! Numbers as people read them.

use perfagent_recording::Span;

/// A length of time: `1.234 ms`.
#[must_use]
pub fn duration(ns: i64) -> String {
    Span::from_nanos(ns).to_string()
}

/// A size: `1.50 GiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value.abs() < 1024.0 {
        return format!("{value:.0} B");
    }
    let mut value = value;
    let mut unit = "B";
    for next in UNITS {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    let decimals = match value.abs() {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A rate of arithmetic: `312 TFLOP/s`.
#[must_use]
pub fn flops_per_s(value: f64) -> String {
    decimal(value, "FLOP/s")
}

/// A rate of traffic: `3.35 TB/s`, in powers of ten as datasheets state it.
#[must_use]
pub fn bytes_per_s(value: f64) -> String {
    decimal(value, "B/s")
}

/// With three figures and a prefix of powers of ten.
fn decimal(value: f64, unit: &str) -> String {
    const PREFIXES: [&str; 6] = ["", "k", "M", "G", "T", "P"];
    let mut value = value;
    let mut prefix = "";
    for next in PREFIXES {
        prefix = next;
        if value.abs() < 999.5 {
            break;
        }
        if next != "P" {
            value /= 1000.0;
        }
    }
    let decimals = match value.abs() {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {prefix}{unit}")
}

/// A count with its thousands apart: `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 event`, `2,000 events`.
#[must_use]
pub fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{bytes, bytes_per_s, count, counted, flops_per_s};

    #[test]
    fn sizes_and_counts_read_well() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1536.0), "1.50 KiB");
        assert_eq!(bytes(64.0 * 1024.0 * 1024.0), "64.0 MiB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "event"), "1 event");
    }

    #[test]
    fn rates_have_three_figures() {
        assert_eq!(flops_per_s(312.4e12), "312 TFLOP/s");
        assert_eq!(bytes_per_s(3.35e12), "3.35 TB/s");
        assert_eq!(bytes_per_s(999.9e9), "1.00 TB/s");
        assert_eq!(flops_per_s(0.0), "0.00 FLOP/s");
        assert_eq!(flops_per_s(5e18), "5000 PFLOP/s");
    }
}
