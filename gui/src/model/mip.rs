//! The summary of a lane by zoom level.
//!
//! With hundreds of events a pixel, walking the events costs a cache miss each; looking a pixel up
//! in buckets of time does not depend on how many events there are. Buckets are powers of two of
//! nanoseconds; the finest holds about [`EVENTS_A_BUCKET`] events, so a summary costs about one
//! byte an event. Below it, walking the few events of a pixel is the faster way (see [`super::lod`]).

use super::tint::{TINTS, Tint};

/// Mean events in a bucket of the finest level.
pub const EVENTS_A_BUCKET: i64 = 16;

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
    /// Summarises disjoint events in order of time; `None` when there are too few to be worth it.
    #[must_use]
    pub fn build(starts: &[i64], ends: &[i64], tints: &[Tint]) -> Option<Self> {
        let (&origin, &end) = (starts.first()?, ends.last()?);
        let count = starts.len();
        if count < LEAST_EVENTS {
            return None;
        }
        let wanted = (end - origin) / count as i64 * EVENTS_A_BUCKET;
        let log2 = (wanted.max(1) as u64).next_power_of_two().trailing_zeros();
        let mut levels = vec![finest(origin, log2, starts, ends, tints)];
        while let Some(level) = levels.last()
            && level.buckets.len() > 1
        {
            let next = level.coarser();
            levels.push(next);
        }
        Some(Self { origin, levels })
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
    busy: i64,
    count: u16,
    /// The tint seen last: it stands for a bucket whose events all have no length.
    last: Tint,
}

impl Filling {
    fn finish(&mut self, log2: u32) -> Bucket {
        let longest = self
            .by_tint
            .iter()
            .enumerate()
            .max_by_key(|&(index, &busy)| (busy, usize::MAX - index));
        let tint = match longest {
            Some((index, &busy)) if busy > 0 => Tint::from_index(index),
            _ => self.last,
        };
        let bucket = Bucket {
            busy: (self.busy >> shift(log2)).min(i64::from(u32::MAX)) as u32,
            count: self.count,
            tint,
        };
        self.by_tint.fill(0);
        self.busy = 0;
        self.count = 0;
        bucket
    }
}

fn finest(origin: i64, log2: u32, starts: &[i64], ends: &[i64], tints: &[Tint]) -> Level {
    let last_end =
        ends.last().copied().unwrap_or(origin).max(starts.last().copied().unwrap_or(origin));
    let bucket_of = |time: i64| ((time - origin) >> log2) as usize;
    let mut buckets = vec![Bucket::default(); bucket_of(last_end) + 1];
    let mut filling = Filling { by_tint: [0; TINTS], busy: 0, count: 0, last: Tint::default() };
    let mut current = 0;
    for ((&start, &end), &tint) in starts.iter().zip(ends).zip(tints) {
        // An event that ends on a boundary does not touch the bucket behind it.
        let last = if end > start { bucket_of(end - 1) } else { bucket_of(start) };
        for bucket in bucket_of(start)..=last {
            if bucket != current {
                buckets[current] = filling.finish(log2);
                current = bucket;
            }
            let from = origin + ((bucket as i64) << log2);
            let busy = end.min(from + (1 << log2)) - start.max(from);
            filling.by_tint[tint.index()] += busy;
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

    type Columns = (Vec<i64>, Vec<i64>, Vec<Tint>);

    fn columns(steps: &[(i64, i64)]) -> Columns {
        let mut columns = Columns::default();
        let mut now = 1_700_000_000_000_000_000;
        for (index, &(gap, length)) in steps.iter().enumerate() {
            now += gap;
            columns.0.push(now);
            now += length;
            columns.1.push(now);
            columns.2.push(Tint::new(Category::ALL[index % 3], ""));
        }
        columns
    }

    #[test]
    fn short_lanes_need_no_summary() {
        let (starts, ends, tints) = columns(&vec![(1, 2); LEAST_EVENTS - 1]);
        assert!(Mip::build(&starts, &ends, &tints).is_none());
    }

    #[test]
    fn the_summary_is_small() {
        let (starts, ends, tints) = columns(&vec![(300, 700); 100_000]);
        let mip = Mip::build(&starts, &ends, &tints).unwrap();
        let buckets: usize = mip.levels().iter().map(|level| level.buckets().len()).sum();
        assert!(buckets * size_of::<super::Bucket>() <= starts.len() * 2, "{buckets} buckets");
    }

    #[test]
    fn long_times_stay_right() {
        // Ten hours of events of five seconds each: buckets beyond 2^31 ns.
        let (starts, ends, tints) = columns(&vec![(5_000_000_000, 5_000_000_000); 3600]);
        let mip = Mip::build(&starts, &ends, &tints).unwrap();
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
            let (starts, ends, tints) = columns(&steps);
            let mip = Mip::build(&starts, &ends, &tints).unwrap();
            let exact: i64 = steps.iter().map(|step| step.1).sum();
            for level in mip.levels() {
                let busy: i64 = level.buckets().iter().map(|bucket| level.busy_ns(bucket)).sum();
                prop_assert_eq!(busy, exact);
                for (index, bucket) in level.buckets().iter().enumerate() {
                    let from = mip.origin() + index as i64 * level.bucket_ns();
                    let to = from + level.bucket_ns();
                    let any = starts.iter().zip(&ends).any(|(&start, &end)| {
                        if end > start { start < to && end > from } else { (from..to).contains(&start) }
                    });
                    prop_assert_eq!(bucket.count > 0, any);
                }
            }
        }
    }
}
