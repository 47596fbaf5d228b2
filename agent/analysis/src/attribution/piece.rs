//! Stretches of time with the part that they go to.

use rustc_hash::FxHashMap;

use super::{PartKind, StepPart};
use crate::Intervals;

/// `[start, end)` goes to one part, by its number. A list of them is in order of time and does not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) part: u32,
}

/// The parts by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) all: Vec<StepPart>,
    numbers: FxHashMap<StepPart, u32>,
}

impl Parts {
    /// The number of a part.
    pub(super) fn number(&mut self, kind: PartKind, name: impl FnOnce() -> String) -> u32 {
        let part = StepPart { kind, name: name() };
        if let Some(&number) = self.numbers.get(&part) {
            return number;
        }
        let number = self.all.len() as u32;
        self.all.push(part.clone());
        self.numbers.insert(part, number);
        number
    }
}

/// Pieces of what may overlap: an instant goes to what began first.
pub(super) fn first_come(mut spans: Vec<Piece>) -> Vec<Piece> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut now = i64::MIN;
    spans.retain_mut(|span| {
        span.start = span.start.max(now);
        now = now.max(span.end);
        span.start < span.end
    });
    spans
}

/// What of the pieces is not in `set`.
pub(super) fn without(pieces: &[Piece], set: &Intervals) -> Vec<Piece> {
    let mut left = Vec::with_capacity(pieces.len());
    let holes = set.spans();
    let mut next = 0;
    for &Piece { mut start, end, part } in pieces {
        while holes.get(next).is_some_and(|hole| hole.1 <= start) {
            next += 1;
        }
        let mut hole = next;
        while let Some(&(from, until)) = holes.get(hole).filter(|hole| hole.0 < end) {
            if start < from {
                left.push(Piece { start, end: from, part });
            }
            start = until;
            hole += 1;
        }
        if start < end {
            left.push(Piece { start, end, part });
        }
    }
    left
}

/// The instants of the pieces.
pub(super) fn covered(pieces: &[Piece]) -> Intervals {
    Intervals::union_of(pieces.iter().map(|piece| (piece.start, piece.end)).collect())
}

/// Lists that do not overlap with each other as one, in order.
pub(super) fn together(lists: impl IntoIterator<Item = Vec<Piece>>) -> Vec<Piece> {
    let mut all: Vec<Piece> = lists.into_iter().flatten().collect();
    all.sort_unstable_by_key(|piece| piece.start);
    all
}

/// How much of `[start, end)` goes to which part, piece by piece.
pub(super) fn within(
    pieces: &[Piece],
    (start, end): (i64, i64),
) -> impl Iterator<Item = (u32, i64)> {
    let end = end.max(start);
    let first = pieces.partition_point(|piece| piece.end <= start);
    let inside = pieces.iter().skip(first).take_while(move |piece| piece.start < end);
    inside.map(move |piece| (piece.part, piece.end.min(end) - piece.start.max(start)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Piece, covered, first_come, together, within, without};
    use crate::Intervals;

    fn pieces(spans: &[(i64, i64)]) -> Vec<Piece> {
        let piece = |(part, &(start, length)): (usize, &(i64, i64))| Piece {
            start,
            end: start + length,
            part: part as u32,
        };
        spans.iter().enumerate().map(piece).collect()
    }

    fn length(pieces: &[Piece]) -> i64 {
        pieces.iter().map(|piece| piece.end - piece.start).sum()
    }

    #[test]
    fn what_began_first_keeps_its_time() {
        let found = first_come(pieces(&[(0, 10), (5, 10), (6, 2), (20, 5)]));
        let spans: Vec<_> =
            found.iter().map(|piece| (piece.part, piece.start, piece.end)).collect();
        assert_eq!(spans, [(0, 0, 10), (1, 10, 15), (3, 20, 25)]);
    }

    proptest! {
        /// No instant is lost, and none counts twice.
        #[test]
        fn instants_are_kept_once(
            spans in prop::collection::vec((0_i64..60, 0_i64..20), 0..30),
            holes in prop::collection::vec((0_i64..60, 0_i64..20), 0..10),
            window in (0_i64..60, 0_i64..60),
        ) {
            let set = Intervals::union_of(spans.iter().map(|&(start, length)| (start, start + length)).collect());
            let holes = Intervals::union_of(holes.iter().map(|&(start, length)| (start, start + length)).collect());
            let found = first_come(pieces(&spans));
            prop_assert_eq!(covered(&found), set.clone());
            prop_assert_eq!(length(&found), set.length());
            let left = without(&found, &holes);
            prop_assert_eq!(covered(&left), set.difference(&holes));
            prop_assert_eq!(length(&left), set.difference(&holes).length());
            let all = together([left, first_come(vec![])]);
            let inside: i64 = within(&all, window).map(|(_, time)| time).sum();
            prop_assert_eq!(inside, set.difference(&holes).clipped(window.0, window.1).length());
        }
    }
}
