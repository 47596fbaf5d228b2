//! The summary of a lane by zoom level.
//!
//! With hundreds of events a pixel, walking the events costs a cache miss each; looking a pixel up
//! in buckets of time does not depend on how many events there are. Buckets are powers of two of
//! nanoseconds; the finest holds about [`EVENTS_A_BUCKET`] events, so a summary costs about four
//! bytes an event. Below it, walking the few events of a pixel is the faster way (see [`super::lod`]).

use super::tint::{TINTS, Tint};

/// Mean events in a bucket of the finest level.
pub const EVENTS_A_BUCKET: i64 = 4;

/// Lanes shorter than this are walked at every zoom.
const LEAST_EVENTS: usize = 2048;

/// Buckets up to this power of two keep exact nanoseconds; longer ones keep the upper 31 bits.
const EXACT_LOG2: u32 = 31;

/// What happened in one bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    busy: u32,
    /// Events that touch the bucket, at most `u16::MAX`.
    pub count: u16,
    /// The tint with the most time.
    pub tint: Tint,
}

/// Buckets of one size, from the lane's first event on.
#[derive(Clone, Debug)]
pub struct Level {
    log2: u32,
    buckets: Vec<Bucket>,
}

/// All levels, finest first, each with buckets twice as long as the one before.
#[derive(Clone, Debug)]
pub struct Mip {
    origin: i64,
    levels: Vec<Level>,
}

impl Level {
    /// Length of a bucket, ns.
    #[must_use]
    pub const fn bucket_ns(&self) -> i64 {
        1 << self.log2
    }

    /// The buckets.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The busy time in a bucket, ns.
    #[must_use]
    pub fn busy_ns(&self, bucket: &Bucket) -> i64 {
        i64::from(bucket.busy) << shift(self.log2)
    }

    fn coarser(&self) -> Self {
        let log2 = self.log2 + 1;
        let lost_bits = shift(log2) - shift(self.log2);
        let buckets = self
            .buckets
            .chunks(2)
            .map(|pair| {
                let (first, second) = (pair[0], pair.get(1).copied().unwrap_or_default());
                let first_leads =
                    (first.busy, first.count) >= (second.busy, second.count) || second.count == 0;
                Bucket {
                    busy: ((u64::from(first.busy) + u64::from(second.busy)) >> lost_bits) as u32,
                    count: first.count.saturating_add(second.count),
                    tint: if first_leads && first.count > 0 { first.tint } else { second.tint },
                }
            })
            .collect();
        Self { log2, buckets }
    }
}

const fn shift(log2: u32) -> u32 {
    log2.saturating_sub(EXACT_LOG2)
}

impl Mip {
    /// Summarises disjoint events in order of time, each with its start, end and tint, from the first start to the last end;
    /// `None` when there are too few to be worth it.
    #[must_use]
    pub fn build(
        (origin, end): (i64, i64),
        events: impl ExactSizeIterator<Item = (i64, i64, Tint)>,
    ) -> Option<Self> {
        let count = events.len();
        if count < LEAST_EVENTS {
            return None;
        }
        let wanted = (end - origin) / count as i64 * EVENTS_A_BUCKET;
        let log2 = (wanted.max(1) as u64).next_power_of_two().trailing_zeros();
        let mut levels = vec![finest((origin, end), log2, events)];
        while let Some(level) = levels.last()
            && level.buckets.len() > 1
        {
            let next = level.coarser();
            levels.push(next);
        }
        Some(Self { origin, levels })
    }

    /// Moves all of it by so many ns.
    pub(super) const fn shift(&mut self, by: i64) {
        self.origin += by;
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let buckets: usize = self.levels.iter().map(|level| level.buckets.capacity()).sum();
        buckets * size_of::<Bucket>() + self.levels.capacity() * size_of::<Level>()
    }

    /// When the first bucket of every level begins, ns.
    #[must_use]
    pub const fn origin(&self) -> i64 {
        self.origin
    }

    /// The levels, finest first.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The coarsest level whose buckets are not longer than a pixel; `None` when even the finest is.
    #[must_use]
    pub fn level_for(&self, ns_per_pixel: f64) -> Option<&Level> {
        self.levels.iter().rev().find(|level| level.bucket_ns() as f64 <= ns_per_pixel)
    }
}

/// The time and the tints that fall into the bucket being filled.
struct Filling {
    by_tint: [i64; TINTS],
    /// Those that occur.
    tints: Vec<Tint>,
    busy: i64,
    count: u16,
    /// The tint seen last: it stands for a bucket whose events all have no length.
    last: Tint,
}

impl Filling {
    fn finish(&mut self, log2: u32) -> Bucket {
        let mut longest = (0, self.last);
        for tint in self.tints.drain(..) {
            let busy = std::mem::take(&mut self.by_tint[tint.index()]);
            if busy > longest.0 || busy == longest.0 && busy > 0 && tint < longest.1 {
                longest = (busy, tint);
            }
        }
        let tint = longest.1;
        let bucket = Bucket {
            busy: (self.busy >> shift(log2)).min(i64::from(u32::MAX)) as u32,
            count: self.count,
            tint,
        };
        self.busy = 0;
        self.count = 0;
        bucket
    }
}

fn finest(
    (origin, end): (i64, i64),
    log2: u32,
    events: impl Iterator<Item = (i64, i64, Tint)>,
) -> Level {
    let bucket_of = |time: i64| ((time - origin) >> log2) as usize;
    let mut buckets = vec![Bucket::default(); bucket_of(end) + 1];
    let mut filling = Filling {
        by_tint: [0; TINTS],
        tints: Vec::new(),
        busy: 0,
        count: 0,
        last: Tint::default(),
    };
    let mut current = 0;
    for (start, end, tint) in events {
        // An event that ends on a boundary does not touch the bucket behind it.
        let last = if end > start { bucket_of(end - 1) } else { bucket_of(start) };
        for bucket in bucket_of(start)..=last {
            if bucket != current {
                buckets[current] = filling.finish(log2);
                current = bucket;
            }
            let from = origin + ((bucket as i64) << log2);
            let busy = end.min(from + (1 << log2)) - start.max(from);
            let of_tint = &mut filling.by_tint[tint.index()];
            if *of_tint == 0 {
                // Again and again for events of no length, which is the same.
                filling.tints.push(tint);
            }
            *of_tint += busy;
            filling.busy += busy;
            filling.count = filling.count.saturating_add(1);
            filling.last = tint;
        }
    }
    buckets[current] = filling.finish(log2);
    Level { log2, buckets }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LEAST_EVENTS, Mip};
    use crate::model::tint::{Category, Tint};

    fn events(steps: &[(i64, i64)]) -> Vec<(i64, i64, Tint)> {
        let mut events = Vec::new();
        let mut now = 1_700_000_000_000_000_000;
        for (index, &(gap, length)) in steps.iter().enumerate() {
            let start = now + gap;
            now = start + length;
            events.push((start, now, Tint::new(Category::ALL[index % 3], "")));
        }
        events
    }

    fn build(events: &[(i64, i64, Tint)]) -> Option<Mip> {
        let span = (events.first()?.0, events.last()?.1);
        Mip::build(span, events.iter().copied())
    }

    #[test]
    fn short_lanes_need_no_summary() {
        assert!(build(&events(&vec![(1, 2); LEAST_EVENTS - 1])).is_none());
    }

    #[test]
    fn the_summary_is_small() {
        let events = events(&vec![(300, 700); 100_000]);
        let mip = build(&events).unwrap();
        let buckets: usize = mip.levels().iter().map(|level| level.buckets().len()).sum();
        assert!(buckets * size_of::<super::Bucket>() <= events.len() * 4, "{buckets} buckets");
    }

    #[test]
    fn long_times_stay_right() {
        // Ten hours of events of five seconds each: buckets beyond 2^31 ns.
        let mip = build(&events(&vec![(5_000_000_000, 5_000_000_000); 3600])).unwrap();
        let top = mip.levels().last().unwrap();
        let busy = top.busy_ns(&top.buckets()[0]);
        let exact = 3600 * 5_000_000_000_i64;
        assert!((busy - exact).abs() < exact / 1000, "{busy}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_level_adds_up(
            steps in prop::collection::vec((0_i64..500, 0_i64..2000), LEAST_EVENTS..LEAST_EVENTS + 500)
        ) {
            let events = events(&steps);
            let mip = build(&events).unwrap();
            let exact: i64 = steps.iter().map(|step| step.1).sum();
            for level in mip.levels() {
                let busy: i64 = level.buckets().iter().map(|bucket| level.busy_ns(bucket)).sum();
                prop_assert_eq!(busy, exact);
                for (index, bucket) in level.buckets().iter().enumerate() {
                    let from = mip.origin() + index as i64 * level.bucket_ns();
                    let to = from + level.bucket_ns();
                    let any = events.iter().any(|&(start, end, _)| {
                        if end > start { start < to && end > from } else { (from..to).contains(&start) }
                    });
                    prop_assert_eq!(bucket.count > 0, any);
                }
            }
        }
    }
}
