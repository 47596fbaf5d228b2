//! Spans that overlap without nesting, side by side: viewers show a track as a stack of nested spans, and lose or
//! misplace what does not fit.

use std::cmp::Reverse;

/// The lanes of one track. Spans come in the order of [`order`].
#[derive(Debug, Default)]
pub(crate) struct Lanes(Vec<Vec<i64>>);

impl Lanes {
    /// The number of the first lane in which a span nests.
    pub(crate) fn place(&mut self, start: i64, end: i64) -> usize {
        for (number, open) in self.0.iter_mut().enumerate() {
            while open.last().is_some_and(|&last| last <= start) {
                open.pop();
            }
            if open.last().is_none_or(|&last| end <= last) {
                open.push(end);
                return number;
            }
        }
        self.0.push(vec![end]);
        self.0.len() - 1
    }
}

/// In which order spans nest: by their start, the longest first.
pub(crate) fn nesting(start: i64, end: i64) -> (i64, Reverse<i64>) {
    (start, Reverse(end))
}

/// The numbers of the rows that have a key, by their key and then by their number.
pub(crate) fn order<K: Ord>(rows: usize, key: impl Fn(usize) -> Option<K>) -> Vec<u32> {
    let mut order: Vec<u32> =
        (0..rows).filter(|&row| key(row).is_some()).map(|row| row as u32).collect();
    order.sort_by_key(|&row| key(row as usize));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lanes, nesting, order};

    #[test]
    fn what_nests_shares_a_lane() {
        let mut lanes = Lanes::default();
        let spans = [(0, 10), (0, 5), (5, 5), (5, 10), (7, 12), (8, 9), (9, 20), (10, 11)];
        let placed = spans.map(|(start, end)| lanes.place(start, end));
        assert_eq!(placed, [0, 0, 0, 0, 1, 0, 2, 0]);
    }

    #[test]
    fn rows_without_a_key_are_left_out() {
        let keys = [Some(3), None, Some(1), Some(3)];
        assert_eq!(order(4, |row| keys[row]), [2, 0, 3]);
    }

    proptest! {
        #[test]
        fn spans_of_a_lane_nest_or_are_apart(spans in prop::collection::vec((0_i64..30, 0_i64..30), 0..40)) {
            let spans: Vec<_> = spans.into_iter().map(|(start, length)| (start, start + length)).collect();
            let order = order(spans.len(), |row| Some(nesting(spans[row].0, spans[row].1)));
            let mut lanes = Lanes::default();
            let placed: Vec<_> = order.iter().map(|&row| {
                let (start, end) = spans[row as usize];
                (lanes.place(start, end), start, end)
            }).collect();
            for (at, &(lane, start, end)) in placed.iter().enumerate() {
                for &(_, from, to) in placed[at + 1..].iter().filter(|other| other.0 == lane) {
                    prop_assert!(to <= end || from >= end, "{start}..{end} and {from}..{to}");
                }
            }
        }
    }
}
