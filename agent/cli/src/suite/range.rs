//! Ranges of whole numbers as a suite writes them: `1..8`, `1..N`, `1..64 x2`, `1.. x2`.

use anyhow::{Context as _, bail, ensure};

/// Where a range that is open above ends at the latest.
const HIGHEST: u64 = 1 << 20;
/// A longer range is a slip of the pen, not a plan.
const MOST_VALUES: usize = 1000;

pub(crate) const EXAMPLES: &str = "write \"1..8\" (each), \"1..64 x2\" (doubling), \"1..N\" (up to what the machine has) or, of micro_batch and batch, \"1.. x2\" \
     (doubling to the memory limit)";

/// The numbers of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// In rising order.
    pub(crate) values: Vec<u64>,
    /// Whether it ends where the memory ends.
    pub(crate) open: bool,
}

/// Reads a range; `n` is what `N` stands for, where it may stand.
pub(crate) fn parse(text: &str, n: Option<u64>) -> anyhow::Result<Range> {
    let (ends, factor) = match text.split_once('x') {
        Some((ends, factor)) => (ends, Some(number(factor)?)),
        None => (text, None),
    };
    let (first, last) = ends.split_once("..").with_context(|| EXAMPLES)?;
    let (first, last) = (number(first)?, last.trim());
    ensure!(first > 0, "a range begins with 1 or more");
    ensure!(factor.is_none_or(|factor| factor > 1), "a range is multiplied by 2 or more");
    let (last, open) = match last {
        "" if factor.is_none() => bail!("a range without an end grows by a factor; {EXAMPLES}"),
        "" => (HIGHEST, true),
        "N" => (n.context("N is the number of devices: ranks, tp and pp have it")?, false),
        last => (number(last)?, false),
    };
    ensure!(first <= last, "the range ends ({last}) before it begins ({first})");
    let next = |value: &u64| match factor {
        Some(factor) => value.checked_mul(factor),
        None => value.checked_add(1),
    };
    let values = std::iter::successors(Some(first), next).take_while(|value| *value <= last);
    let values: Vec<u64> = values.take(MOST_VALUES + 1).collect();
    ensure!(values.len() <= MOST_VALUES, "the range has more than {MOST_VALUES} numbers");
    Ok(Range { values, open })
}

fn number(text: &str) -> anyhow::Result<u64> {
    let number: u32 = text.trim().parse().ok().with_context(|| EXAMPLES)?;
    Ok(number.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    fn values(text: &str) -> Vec<u64> {
        parse(text, Some(6)).unwrap().values
    }

    #[test]
    fn ranges_are_counted_out() {
        assert_eq!(values("1..4"), [1, 2, 3, 4]);
        assert_eq!(values("1..N"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(values("1..N x2"), [1, 2, 4]);
        assert_eq!(values(" 3 .. 100 x 3 "), [3, 9, 27, 81]);
        let open = parse("4.. x2", None).unwrap();
        assert!(open.open && open.values.starts_with(&[4, 8, 16]));
    }

    #[test]
    fn what_is_no_range_is_told() {
        for (text, told) in [
            ("many", "write \"1..8\""),
            ("1..", "grows by a factor"),
            ("1..8 x1", "by 2 or more"),
            ("0..8 x2", "begins with 1"),
            ("4..2", "before it begins"),
            ("1..99999999", "more than 1000"),
            ("1..N", "number of devices"),
            ("-1..3", "write \"1..8\""),
        ] {
            let refused = parse(text, None).unwrap_err().to_string();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_a_rising_range_or_refused(text in "[0-9N.x ]{0,12}") {
            if let Ok(range) = parse(&text, Some(8)) {
                prop_assert!(!range.values.is_empty());
                prop_assert!(range.values.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
}
