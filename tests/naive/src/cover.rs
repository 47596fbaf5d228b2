//! How long what ran: a walk over all starts and ends.

use std::collections::BTreeMap;

/// What a stretch of time went to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Compute,
    Communication,
    Copy,
}

/// The times of the report.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) busy: i64,
    pub(crate) compute: i64,
    pub(crate) comm: i64,
    pub(crate) copy: i64,
    pub(crate) exposed_comm: i64,
    pub(crate) exposed_copy: i64,
    /// Communication and computation together.
    pub(crate) both: i64,
}

/// The times of stretches that may overlap.
pub(crate) fn times(stretches: &[(i64, i64, Class)]) -> Times {
    // At each instant how many of each class begin, less those that end.
    let mut changes: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
    for &(start, end, class) in stretches {
        changes.entry(start).or_default()[class as usize] += 1;
        changes.entry(end).or_default()[class as usize] -= 1;
    }
    let mut times = Times::default();
    let mut running = [0; 3];
    let mut before = None;
    for (now, change) in changes {
        let length = now - before.unwrap_or(now);
        let [compute, comm, copy] = running.map(|count| count > 0);
        let add = |sum: &mut i64, holds: bool| *sum += if holds { length } else { 0 };
        add(&mut times.busy, compute || comm || copy);
        add(&mut times.compute, compute);
        add(&mut times.comm, comm);
        add(&mut times.copy, copy);
        add(&mut times.exposed_comm, comm && !compute);
        add(&mut times.exposed_copy, copy && !compute && !comm);
        add(&mut times.both, comm && compute);
        for (count, change) in running.iter_mut().zip(change) {
            *count += change;
        }
        before = Some(now);
    }
    times
}
