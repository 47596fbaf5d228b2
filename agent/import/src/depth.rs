//! How deep spans of a thread are nested in each other.

use std::cmp::Reverse;

/// A span of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) thread: u32,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// For each span, how many spans of the same thread enclose it. Of equal spans the earlier one in the
/// list is the outer one. Spans may overlap without nesting; those do not enclose each other.
pub(crate) fn depths(places: &[Place]) -> Vec<u32> {
    let place = |index: u32| places[index as usize];
    let mut order: Vec<u32> = (0..places.len() as u32).collect();
    order.sort_by_key(|&index| {
        let Place { thread, start, end } = place(index);
        (thread, start, Reverse(end))
    });
    let mut depths = vec![0; places.len()];
    for thread in order.chunk_by(|&a, &b| place(a).thread == place(b).thread) {
        let mut ends: Vec<i64> = thread.iter().map(|&index| place(index).end).collect();
        ends.sort_unstable_by_key(|&end| Reverse(end));
        ends.dedup();
        let mut earlier = Counts(vec![0; ends.len() + 1]);
        for &index in thread {
            // What comes earlier in the order starts no later: it encloses if it ends no earlier.
            let latest_ends = ends.partition_point(|&end| end >= place(index).end);
            depths[index as usize] = earlier.up_to(latest_ends);
            earlier.add(latest_ends);
        }
    }
    depths
}

/// Counts whose partial sums are cheap (a Fenwick tree), numbered from 1.
struct Counts(Vec<u32>);

impl Counts {
    fn add(&mut self, mut number: usize) {
        while let Some(count) = self.0.get_mut(number) {
            *count += 1;
            number += number & number.wrapping_neg();
        }
    }

    fn up_to(&self, mut number: usize) -> u32 {
        let mut sum = 0;
        while number > 0 {
            sum += self.0[number];
            number &= number - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Place, depths};

    fn place((thread, start, length): (u32, i64, i64)) -> Place {
        Place { thread, start, end: start + length }
    }

    #[test]
    fn nested_and_overlapping_spans() {
        let places =
            [(1, 10, 20), (1, 0, 100), (1, 15, 5), (1, 25, 90), (1, 26, 2), (2, 0, 9)].map(place);
        assert_eq!(depths(&places), [1, 0, 2, 0, 3, 0]);
        assert_eq!(depths(&[(1, 5, 5), (1, 5, 5), (1, 5, 5)].map(place)), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn as_many_as_enclose(spans in prop::collection::vec((0_u32..3, 0_i64..20, 0_i64..20), 0..40)) {
            let places: Vec<Place> = spans.into_iter().map(place).collect();
            let naive: Vec<u32> = places.iter().enumerate().map(|(index, inner)| {
                let encloses = |&(other, outer): &(usize, &Place)| {
                    let same = (outer.start, outer.end) == (inner.start, inner.end);
                    outer.thread == inner.thread && outer.start <= inner.start && outer.end >= inner.end
                        && if same { other < index } else { true }
                };
                places.iter().enumerate().filter(encloses).count() as u32
            }).collect();
            prop_assert_eq!(depths(&places), naive);
        }
    }
}
