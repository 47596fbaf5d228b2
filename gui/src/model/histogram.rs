//! How long the events of a name took: how many took about how long, and percentiles.

use std::collections::HashSet;

use super::document::Document;
use super::names::NameId;
use super::track::TrackKind;
use super::whose::{Process, process_of_group};

/// Bins of a power of two. More are put together until there are few enough to be told apart.
const BINS_OF_OCTAVE: f64 = 8.0;

/// Bins at most.
const MOST_BINS: usize = 96;

/// How many took about how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Shortest, ns.
    pub from_ns: f64,
    /// Where the next one begins, ns.
    pub until_ns: f64,
    /// How many.
    pub count: u64,
}

/// The durations of some events, ns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// From the shortest to the longest, of equal width on a logarithmic axis.
    pub bins: Vec<Bin>,
    /// How many events.
    pub count: usize,
    /// Sum.
    pub total_ns: i64,
    /// Shortest and longest.
    pub extremes_ns: (i64, i64),
    /// Median, 90th and 99th percentile (nearest rank).
    pub percentiles_ns: [i64; 3],
}

/// The durations of the events of these names, of one kind, of all ranks or of one.
#[must_use]
pub fn of_names(
    document: &Document,
    names: &[NameId],
    kind: TrackKind,
    process: Option<Process>,
) -> Histogram {
    let wanted: HashSet<NameId> = names.iter().copied().collect();
    let mut times = Vec::new();
    for (at, group) in document.groups.iter().enumerate() {
        if process.is_some() && process_of_group(document, at) != process {
            continue;
        }
        let tracks = document.tracks.get(group.tracks.clone()).into_iter().flatten();
        for lane in tracks.filter(|track| track.kind == kind).flat_map(|track| track.lanes.clone())
        {
            let Some(lane) = document.lanes.get(lane) else { continue };
            let found = lane.with_names(|name| wanted.contains(&name));
            let length = |index: u32| lane.end(index as usize) - lane.start(index as usize);
            times.extend(found.into_iter().map(length));
        }
    }
    of_times(times)
}

/// The same of any times.
#[must_use]
pub fn of_times(mut times: Vec<i64>) -> Histogram {
    times.sort_unstable();
    let (Some(&least), Some(&most)) = (times.first(), times.last()) else {
        return Histogram::default();
    };
    let place = |percent: usize| (times.len() * percent).div_ceil(100).max(1) - 1;
    let percentiles_ns =
        [50, 90, 99].map(|percent| times.get(place(percent)).copied().unwrap_or(most));
    Histogram {
        bins: bins(&times, least, most),
        count: times.len(),
        total_ns: times.iter().copied().fold(0, i64::saturating_add),
        extremes_ns: (least, most),
        percentiles_ns,
    }
}

/// Of times in order. Those under a nanosecond are in the bin of one.
fn bins(times: &[i64], least: i64, most: i64) -> Vec<Bin> {
    let octave = |time: i64| (time.max(1) as f64).log2();
    let (low, high) = (octave(least), octave(most));
    let mut of_octave = BINS_OF_OCTAVE;
    while (high - low) * of_octave > (MOST_BINS - 1) as f64 {
        of_octave /= 2.0;
    }
    let number = |time: i64| (octave(time) * of_octave).floor();
    let begin = number(least);
    let count = (number(most) - begin) as usize + 1;
    let mut bins: Vec<Bin> = (0..count)
        .map(|at| {
            let edge = |at: usize| ((begin + at as f64) / of_octave).exp2();
            Bin { from_ns: edge(at), until_ns: edge(at + 1), count: 0 }
        })
        .collect();
    for &time in times {
        if let Some(bin) = bins.get_mut((number(time) - begin) as usize) {
            bin.count += 1;
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MOST_BINS, of_times};

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let found = of_times((1..=100).rev().collect());
        assert_eq!((found.percentiles_ns, found.extremes_ns), ([50, 90, 99], (1, 100)));
        assert_eq!((found.count, found.total_ns), (100, 5050));
        assert_eq!(of_times(Vec::new()).bins, []);
    }

    proptest! {
        #[test]
        fn every_time_is_in_the_bin_that_says_so(times in prop::collection::vec(0_i64..10_000_000_000, 1..200)) {
            let found = of_times(times.clone());
            prop_assert!(found.bins.len() <= MOST_BINS);
            prop_assert_eq!(found.bins.iter().map(|bin| bin.count).sum::<u64>(), times.len() as u64);
            for bin in &found.bins {
                let within = |time: &&i64| {
                    let time = (**time).max(1) as f64;
                    // The edges are roots: a time on one may be a rounding error off.
                    time >= bin.from_ns * (1.0 + 1e-9) && time < bin.until_ns * (1.0 - 1e-9)
                };
                prop_assert!(times.iter().filter(within).count() as u64 <= bin.count);
            }
        }
    }
}
