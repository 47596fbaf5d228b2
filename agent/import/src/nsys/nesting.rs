//! How deep ranges are nested, told while they are read in the order in which they start.

use rustc_hash::FxHashMap;

use crate::depth::{Place, depths};

/// What nests among each other: ranges of a thread in an NVTX domain, or operators of a thread.
pub(crate) type Nest = (i64, Option<i64>);

/// A range on its way to its depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) nest: Nest,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// The depths of ranges, one after the other.
pub(crate) enum Nesting {
    /// In an order in which whatever encloses a range stands before it: the ends of those which may.
    InOrder(FxHashMap<Nest, Ends>),
    /// In any other order, found beforehand.
    Known(std::vec::IntoIter<u32>),
}

impl Nesting {
    /// For ranges of which whatever encloses one stands before it.
    pub(crate) fn in_order() -> Self {
        Self::InOrder(FxHashMap::default())
    }

    /// For ranges in any order, which are all known.
    pub(crate) fn of(spans: &[Span]) -> Self {
        let mut numbers: FxHashMap<Nest, u32> = FxHashMap::default();
        let places: Vec<Place> = spans
            .iter()
            .map(|&Span { nest, start, end }| {
                let next = numbers.len() as u32;
                Place { thread: *numbers.entry(nest).or_insert(next), start, end }
            })
            .collect();
        Self::Known(depths(&places).into_iter())
    }

    /// How many ranges enclose the next one.
    pub(crate) fn next(&mut self, span: Span) -> i64 {
        match self {
            Self::Known(depths) => i64::from(depths.next().unwrap_or(0)),
            Self::InOrder(nests) => {
                let ends = nests.entry(span.nest).or_default();
                ends.pop_before(span.start);
                let depth = ends.not_before(span.end);
                ends.push(span.end);
                depth as i64
            }
        }
    }
}

/// The ends of the ranges that are open, in the order in which these started.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    ends: Vec<i64>,
    /// How many at the beginning are in falling order: all, where ranges do nest.
    falling: usize,
}

impl Ends {
    fn pop_before(&mut self, start: i64) {
        while self.ends.last().is_some_and(|&end| end < start) {
            self.ends.pop();
        }
        self.falling = self.falling.min(self.ends.len());
    }

    /// How many end no earlier than `end`.
    fn not_before(&self, end: i64) -> usize {
        let (falling, others) = self.ends.split_at(self.falling);
        falling.partition_point(|&other| other >= end)
            + others.iter().filter(|&&other| other >= end).count()
    }

    fn push(&mut self, end: i64) {
        if self.falling == self.ends.len() && self.ends.last().is_none_or(|&last| last >= end) {
            self.falling += 1;
        }
        self.ends.push(end);
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::{Nesting, Span};

    proptest! {
        #[test]
        fn both_ways_find_the_same(spans in prop::collection::vec((0_i64..3, 0_i64..20, 0_i64..20), 0..40)) {
            let mut spans: Vec<Span> = spans
                .into_iter()
                .map(|(thread, start, length)| Span { nest: (thread, None), start, end: start + length })
                .collect();
            spans.sort_by_key(|span| (span.start, Reverse(span.end)));
            let (mut known, mut in_order) = (Nesting::of(&spans), Nesting::in_order());
            for span in spans {
                prop_assert_eq!(known.next(span), in_order.next(span));
            }
        }
    }
}
