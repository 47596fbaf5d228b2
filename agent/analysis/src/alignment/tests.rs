//! Runs with clocks that are known to be apart.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Alignment, Reading, align};

const MS: i64 = 1_000_000;

/// A clock that differs from true time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    offset: i64,
    ppm: f64,
}

impl Clock {
    fn show(self, time: i64) -> i64 {
        time + self.offset + (time as f64 * self.ppm * 1e-6).round() as i64
    }
}

/// Collectives of machines: each comes late by its skew and ends with the others, but for noise.
fn meetings(
    clocks: &[Clock],
    skews: &[Vec<i64>],
    noise: &[Vec<i64>],
    lasts: i64,
) -> Vec<Vec<Reading>> {
    let meeting = |(number, (skews, noise)): (usize, (&Vec<i64>, &Vec<i64>))| {
        let begin = 5 * MS * number as i64;
        let end = begin + skews.iter().max().unwrap() + lasts;
        let reading = |(clock, shown): (usize, &Clock)| Reading {
            clock,
            end: shown.show(end + noise[clock]),
        };
        clocks.iter().enumerate().map(reading).collect()
    };
    skews.iter().zip(noise).enumerate().map(meeting).collect()
}

/// How far the alignment is from the truth at the ends of the collectives, ns.
fn error(found: &BTreeMap<usize, Alignment>, clocks: &[Clock], meetings: &[Vec<Reading>]) -> i64 {
    let mut worst = 0;
    for number in [0, meetings.len() / 2, meetings.len() - 1] {
        let time = 5 * MS * number as i64;
        for (clock, alignment) in found {
            let on_first = alignment.to_reference(clocks[*clock].show(time));
            worst = worst.max((on_first - clocks[0].show(time)).abs());
        }
    }
    worst
}

fn values(count: usize, range: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Vec<i64>>> {
    proptest::collection::vec(proptest::collection::vec(range, 3), count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever comes late, and however much.
    #[test]
    fn offset_and_drift_are_found(
        offsets in proptest::collection::vec(-(1_i64 << 55)..1 << 55, 3),
        ppm in proptest::collection::vec(-50.0..50.0, 3),
        skews in values(100, 0..4 * MS),
        noise in values(100, -3_000..3_000),
    ) {
        // The first clock is the truth, so that what is measured against it is exact.
        let clock = |(&offset, &ppm): (&i64, &f64)| Clock { offset, ppm };
        let mut clocks: Vec<Clock> = offsets.iter().zip(&ppm).map(clock).collect();
        clocks[0] = Clock { offset: 0, ppm: 0.0 };
        let meetings = meetings(&clocks, &skews, &noise, MS);
        let found = align(&meetings);
        prop_assert_eq!(found.keys().copied().collect::<Vec<_>>(), [1, 2]);
        for alignment in found.values() {
            prop_assert!(alignment.used, "{:?}", alignment);
            prop_assert_eq!((alignment.reference, alignment.matches), (0, 100));
            prop_assert!(alignment.residual_ns <= alignment.residual_p90_ns);
            prop_assert!(alignment.residual_p90_ns <= 15_000, "{:?}", alignment);
            let drift = alignment.drift_ppm - clocks[alignment.clock as usize].ppm;
            // A drift that is smaller than the noise over these 0.5 s is not looked for.
            prop_assert!(drift.abs() < 30.0, "{:?}", alignment);
        }
        let uncertain = found.values().map(|alignment| alignment.residual_p90_ns).max().unwrap();
        let error = error(&found, &clocks, &meetings);
        prop_assert!(error <= 2 * uncertain, "{error} ns off, {found:?}");
    }

    /// A few collectives that were taken for one another change nothing.
    #[test]
    fn what_does_not_belong_together_is_outvoted(
        skews in values(60, 0..MS),
        noise in values(60, -2_000..2_000),
        wrong in proptest::collection::btree_set(0_usize..60, 0..5),
    ) {
        let clocks = [(0, 0.0), (123_456_789, 0.0), (-5, 0.0)].map(|(offset, ppm)| Clock { offset, ppm });
        let mut meetings = meetings(&clocks, &skews, &noise, MS);
        for number in wrong {
            meetings[number][1].end += 700 * MS;
        }
        let found = align(&meetings);
        prop_assert!(found[&1].used && found[&2].used);
        prop_assert!((found[&1].offset_ns - 123_456_789).abs() <= found[&1].residual_p90_ns);
        prop_assert!((found[&2].offset_ns + 5).abs() <= found[&2].residual_p90_ns);
    }
}

fn steady(count: usize, clocks: &[usize]) -> Vec<Vec<Reading>> {
    let at = |clock: usize, time: i64| Reading { clock, end: time + 100 + clock as i64 };
    (0..count)
        .map(|number| clocks.iter().map(|&clock| at(clock, 1000 * number as i64)).collect())
        .collect()
}

#[test]
fn a_few_collectives_are_not_enough() {
    assert!(align(&steady(9, &[0, 1])).is_empty());
    assert_eq!(align(&steady(10, &[0, 1]))[&1].offset_ns, 1);
    assert!(align(&[]).is_empty());
}

/// Clocks 0 and 2 never met, but both met 1; 5 and 7 met each other alone.
#[test]
fn clocks_are_aligned_over_others() {
    let mut meetings = steady(20, &[0, 1]);
    meetings.extend(steady(15, &[1, 2]));
    meetings.extend(steady(12, &[5, 7]));
    let found: Vec<_> = align(&meetings)
        .into_values()
        .map(|alignment| {
            (alignment.clock, alignment.reference, alignment.offset_ns, alignment.matches)
        })
        .collect();
    assert_eq!(found, [(1, 0, 1, 20), (2, 0, 2, 15), (7, 5, 2, 12)]);
}
