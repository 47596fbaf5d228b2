//! Sets of instants: sorted, disjoint half-open intervals `[start, end)` in nanoseconds of one clock.

/// A set of instants. Empty intervals vanish; touching ones are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    spans: Vec<(i64, i64)>,
}

impl Intervals {
    /// The union of `spans`, given in any order, overlapping or not. Reversed and empty ones count
    /// for nothing.
    #[must_use]
    pub fn union_of(mut spans: Vec<(i64, i64)>) -> Self {
        spans.retain(|&(start, end)| start < end);
        if !spans.is_sorted() {
            spans.sort_unstable();
        }
        spans.dedup_by(|next, last| {
            let touches = next.0 <= last.1;
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        Self { spans }
    }

    /// Adds `[start, end)`, which starts no earlier than any interval of the set.
    fn append(&mut self, start: i64, end: i64) {
        match self.spans.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => self.spans.push((start, end)),
        }
    }

    /// The intervals in order of time.
    #[must_use]
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.spans
    }

    /// True when no instant is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How long the set is, ns.
    #[must_use]
    pub fn length(&self) -> i64 {
        self.spans
            .iter()
            .map(|&(start, end)| end.saturating_sub(start))
            .fold(0, i64::saturating_add)
    }

    /// The instants of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other.clone() } else { self.clone() };
        }
        let mut set = Self { spans: Vec::with_capacity(self.spans.len() + other.spans.len()) };
        let (mut ours, mut theirs) = (self.spans.iter().peekable(), other.spans.iter().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(a), Some(b)) if a <= b => ours.next(),
                (_, Some(_)) => theirs.next(),
                (_, None) => ours.next(),
            };
            let Some(&(start, end)) = next else { return set };
            set.append(start, end);
        }
    }

    /// The instants of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut spans = Vec::new();
        let (mut ours, mut theirs) = (0, 0);
        while let (Some(a), Some(b)) = (self.spans.get(ours), other.spans.get(theirs)) {
            let (start, end) = (a.0.max(b.0), a.1.min(b.1));
            if start < end {
                spans.push((start, end));
            }
            if a.1 <= b.1 {
                ours += 1;
            } else {
                theirs += 1;
            }
        }
        Self { spans }
    }

    /// The instants of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut spans = Vec::new();
        let mut theirs = 0;
        for &(mut start, end) in &self.spans {
            while other.spans.get(theirs).is_some_and(|hole| hole.1 <= start) {
                theirs += 1;
            }
            let mut hole = theirs;
            while let Some(&(hole_start, hole_end)) = other.spans.get(hole) {
                if hole_start >= end {
                    break;
                }
                if start < hole_start {
                    spans.push((start, hole_start));
                }
                start = hole_end;
                if start >= end {
                    break;
                }
                hole += 1;
            }
            theirs = hole;
            if start < end {
                spans.push((start, end));
            }
        }
        Self { spans }
    }

    /// The instants of `[start, end)` that are in the set.
    #[must_use]
    pub fn clipped(&self, start: i64, end: i64) -> Self {
        self.intersection(&Self::union_of(vec![(start, end)]))
    }
}

/// Sums are kept for every so many intervals of a [`Coverage`].
const STRIDE: usize = if cfg!(test) { 3 } else { 32 };

/// A set of instants that answers "how much of it lies within a window" in logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    set: Intervals,
    /// Length of all intervals before each [`STRIDE`]th.
    before: Vec<i64>,
}

impl Coverage {
    /// Prepares `set` for windows.
    #[must_use]
    pub fn new(set: Intervals) -> Self {
        let mut sum = 0_i64;
        let before = set
            .spans
            .chunks(STRIDE)
            .map(|spans| {
                let sum_before = sum;
                sum = spans.iter().fold(sum, |sum, span| sum.saturating_add(length(*span)));
                sum_before
            })
            .collect();
        Self { set, before }
    }

    /// The set.
    #[must_use]
    pub const fn set(&self) -> &Intervals {
        &self.set
    }

    /// How much of the set lies before `time`, ns.
    fn until(&self, time: i64) -> i64 {
        let after = self.set.spans.partition_point(|&(start, _)| start < time);
        let Some(last) = after.checked_sub(1) else { return 0 };
        let Some(&(start, end)) = self.set.spans.get(last) else { return 0 };
        let known = last / STRIDE;
        let between = self.set.spans.get(known * STRIDE..last).unwrap_or_default();
        let before = self.before.get(known).copied().unwrap_or(0);
        let before = between.iter().fold(before, |sum, span| sum.saturating_add(length(*span)));
        before.saturating_add(end.min(time).saturating_sub(start))
    }

    /// How much of the set lies within `[start, end)`, ns.
    #[must_use]
    pub fn within(&self, start: i64, end: i64) -> i64 {
        if start < end { self.until(end) - self.until(start) } else { 0 }
    }
}

fn length((start, end): (i64, i64)) -> i64 {
    end.saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Coverage, Intervals};

    /// The set as one flag an instant: slow, and obviously right.
    type Model = [bool; 64];

    fn model(spans: &[(i64, i64)]) -> Model {
        std::array::from_fn(|at| {
            spans.iter().any(|&(start, end)| (start..end).contains(&(at as i64)))
        })
    }

    fn set() -> impl Strategy<Value = Vec<(i64, i64)>> {
        proptest::collection::vec((0_i64..64, 0_i64..64), 0..12)
    }

    fn is_normal(set: &Intervals) -> bool {
        set.spans().iter().all(|span| span.0 < span.1)
            && set.spans().windows(2).all(|pair| pair[0].1 < pair[1].0)
    }

    proptest! {
        #[test]
        fn agrees_with_one_flag_an_instant(a in set(), b in set(), window in (0_i64..64, 0_i64..64)) {
            let (x, y) = (model(&a), model(&b));
            let (a, b) = (Intervals::union_of(a), Intervals::union_of(b));
            let both = |of: fn(bool, bool) -> bool| -> Model { std::array::from_fn(|at| of(x[at], y[at])) };
            for (result, expected) in [
                (a.union(&b), both(|x, y| x || y)),
                (a.intersection(&b), both(|x, y| x && y)),
                (a.difference(&b), both(|x, y| x && !y)),
            ] {
                prop_assert!(is_normal(&result));
                prop_assert_eq!(model(result.spans()), expected);
                prop_assert_eq!(result.length(), expected.iter().filter(|&&on| on).count() as i64);
            }
            let clipped = a.clipped(window.0, window.1).length();
            prop_assert_eq!(Coverage::new(a.clone()).within(window.0, window.1), clipped);
            prop_assert_eq!(a.intersection(&b).length() + a.difference(&b).length(), a.length());
        }
    }

    #[test]
    fn lengths_beyond_a_double_are_exact() {
        let start = 1_623_142_623_460_172_001;
        let set = Intervals::union_of(vec![(start, start + 1), (start + 3, start + 4)]);
        assert_eq!(set.length(), 2);
        assert_eq!(Coverage::new(set).within(start + 1, start + 4), 1);
    }
}
