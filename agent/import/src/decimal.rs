//! Decimal text to exact integers: times must not pass through floating point, which cannot hold
//! sixteen digits of microseconds with three decimals.

/// A time that was read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanos {
    /// Nanoseconds.
    pub(crate) value: i64,
    /// The text was finer than a nanosecond, and `value` is the nearest one.
    pub(crate) rounded: bool,
}

/// Times further out than this (the year 2116) are not believed, so that two of them, such as a base
/// and a time relative to it, always add up without overflow.
const FURTHEST: i64 = i64::MAX / 2;

/// Decimal microseconds (`12`, `-3.25`, `1.5e3`) in nanoseconds. `None` for what is not a number, and for
/// numbers beyond any time.
pub(crate) fn nanos_of_micros(text: &str) -> Option<Nanos> {
    if let Some(value) = plain_micros(text.as_bytes()) {
        return Some(Nanos { value, rounded: false });
    }
    let (value, rounded) = scaled(text, 1000)?;
    Some(Nanos { value, rounded })
}

/// What nearly every time looks like: digits, and behind a point at most three of them. `None` leaves it to [`scaled`].
fn plain_micros(text: &[u8]) -> Option<i64> {
    /// With three more behind the point they are fewer than an `u64` holds.
    const MOST_DIGITS: usize = 16;
    let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let (whole, decimals) = text.split_at(point);
    let decimals = decimals.get(1..).unwrap_or_default();
    if whole.is_empty() || whole.len() > MOST_DIGITS || decimals.len() > 3 {
        return None;
    }
    let mut value = 0_u64;
    for &byte in whole.iter().chain(decimals) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    let nanos = value * [1000, 100, 10, 1][decimals.len()];
    i64::try_from(nanos).ok().filter(|&nanos| nanos <= FURTHEST)
}

/// A decimal number times `factor`, and whether it had to be rounded to an integer. `None` for what is not a
/// number, and for numbers beyond any time.
pub(crate) fn scaled(text: &str, factor: u64) -> Option<(i64, bool)> {
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        _ => (false, bytes),
    };
    let mut mantissa: u128 = 0;
    let mut decimals: i32 = 0;
    let mut seen_digit = false;
    let mut seen_point = false;
    let mut exponent: i32 = 0;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                seen_digit = true;
                mantissa = mantissa.checked_mul(10)?.checked_add(u128::from(byte - b'0'))?;
                decimals += i32::from(seen_point);
            }
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' if seen_digit => {
                let text = std::str::from_utf8(&digits[at + 1..]).ok()?;
                exponent = text.parse().ok()?;
                break;
            }
            _ => return None,
        }
    }
    if !seen_digit {
        return None;
    }
    let shift = exponent.checked_sub(decimals)?;
    let mantissa = mantissa.checked_mul(u128::from(factor))?;
    let (magnitude, rounded) = if mantissa == 0 {
        (0, false)
    } else if shift >= 0 {
        (mantissa.checked_mul(10_u128.checked_pow(shift.unsigned_abs())?)?, false)
    } else {
        match 10_u128.checked_pow(shift.unsigned_abs()) {
            Some(unit) => (mantissa.checked_add(unit / 2)? / unit, !mantissa.is_multiple_of(unit)),
            None => (0, true),
        }
    };
    let value = i64::try_from(magnitude).ok().filter(|value| *value <= FURTHEST)?;
    Some((if negative { -value } else { value }, rounded))
}

/// Whether a time of that many nanoseconds is believed.
pub(crate) const fn is_time(nanos: i64) -> bool {
    -FURTHEST <= nanos && nanos <= FURTHEST
}

/// Whether `base` can be added to any time that [`nanos_of_micros`] returns.
pub(crate) const fn is_base(base: i64) -> bool {
    0 <= base && base <= FURTHEST
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FURTHEST, nanos_of_micros, plain_micros, scaled};

    fn exact(text: &str) -> Option<i64> {
        nanos_of_micros(text).filter(|nanos| !nanos.rounded).map(|nanos| nanos.value)
    }

    #[test]
    fn microseconds_with_decimals_are_exact() {
        for (text, nanos) in [
            ("0", 0),
            ("12", 12_000),
            ("12.3", 12_300),
            ("12.345", 12_345),
            ("12.3450000", 12_345),
            ("-12.345", -12_345),
            ("-0.001", -1),
            ("1623142623460172.001", 1_623_142_623_460_172_001),
            ("1.623142623460172e15", 1_623_142_623_460_172_000),
            ("5E-3", 5),
            ("1e+2", 100_000),
            ("0e999999999", 0),
        ] {
            assert_eq!(exact(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_finer_is_rounded_and_told() {
        for (text, nanos) in [("1.2344", 1234), ("1.2345", 1235), ("-1.2346", -1235), ("1e-300", 0)]
        {
            let read = nanos_of_micros(text).unwrap();
            assert_eq!((read.value, read.rounded), (nanos, true), "{text}");
        }
    }

    #[test]
    fn other_units() {
        assert_eq!(scaled("4.194", 1_000_000), Some((4_194_000, false)));
        assert_eq!(scaled("1.5", 1 << 20), Some((3 << 19, false)));
        assert_eq!(scaled("0.0001", 1024), Some((0, true)));
        assert_eq!(scaled("-3", 1), Some((-3, false)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "NaN",
            "Infinity",
            "1.2.3",
            "12a",
            "1e99",
            "--1",
            "null",
            "9223372036854775.807",
            "1e2147483647",
            "1e99999999999",
            "٣",
        ] {
            assert_eq!(nanos_of_micros(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_nanosecond_survives(nanos in -FURTHEST..=FURTHEST) {
            let magnitude = nanos.unsigned_abs();
            let sign = if nanos < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:03}", magnitude / 1000, magnitude % 1000);
            prop_assert_eq!(exact(&text), Some(nanos));
        }

        #[test]
        fn the_short_way_is_right_where_it_answers(text in "[0-9]{0,17}[.]?[0-9]{0,5}|[-+0-9.eE]{0,8}") {
            if let Some(value) = plain_micros(text.as_bytes()) {
                prop_assert_eq!(scaled(&text, 1000), Some((value, false)));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in "[-+0-9.eE]{0,40}|.*") {
            let _ = nanos_of_micros(&text);
        }
    }
}
