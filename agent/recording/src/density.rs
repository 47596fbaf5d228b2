//! How many events of a recording are at which time, counted before they are loaded: what would not fit in memory is loaded
//! stretch by stretch.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{OpenError, Progress, Reader, load};

/// Events are counted by stretches of two to the power of so many nanoseconds, 67 ms.
const STRETCH_LOG2: u32 = 26;

/// Events by time. An event counts where it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Density {
    counts: BTreeMap<i64, u64>,
    /// The last end, ns.
    end: i64,
}

impl Density {
    /// Counts all events of a recording, on all processors, in little memory. `progress` is called now and then with the
    /// rows read so far.
    ///
    /// # Errors
    /// Why a table cannot be read.
    pub fn of(reader: &Reader, progress: &mut dyn FnMut(Progress)) -> Result<Self, OpenError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        load::density(reader, processors, progress)
    }

    pub(crate) fn add(&mut self, (start, end): (i64, i64)) {
        self.end = if self.counts.is_empty() { end } else { self.end.max(end) };
        *self.counts.entry(start >> STRETCH_LOG2).or_default() += 1;
    }

    pub(crate) fn append(&mut self, other: &Self) {
        if other.counts.is_empty() {
            return;
        }
        self.end = if self.counts.is_empty() { other.end } else { self.end.max(other.end) };
        for (stretch, count) in &other.counts {
            *self.counts.entry(*stretch).or_default() += count;
        }
    }

    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Consecutive stretches of time, ns since the Unix epoch, that together hold all events, and in each of which no more than
    /// `most` begin, unless that many begin at once.
    #[must_use]
    pub fn parts(&self, most: u64) -> Vec<Range<i64>> {
        let mut parts: Vec<Range<i64>> = Vec::new();
        let mut held = 0;
        for (&stretch, &count) in &self.counts {
            let begin = stretch << STRETCH_LOG2;
            if held + count > most || parts.is_empty() {
                if let Some(last) = parts.last_mut() {
                    last.end = begin;
                }
                parts.push(begin..begin);
                held = 0;
            }
            held += count;
        }
        if let Some(last) = parts.last_mut() {
            // The last stretch is to hold what begins in it, whenever that ends.
            let newest = self.counts.keys().next_back().copied().unwrap_or(0);
            last.end = self.end.max((newest << STRETCH_LOG2) + (1 << STRETCH_LOG2));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Density, STRETCH_LOG2};
    use crate::table::{Collective, Mark};
    use crate::{Reader, Recording, Timestamp, Writer};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Every event is in the part in which it begins, and in those that it reaches into.
        #[test]
        fn parts_hold_all_events(
            times in prop::collection::vec((0_i64..1 << 34, 0_i64..1 << 30), 1..300), most in 1_u64..200
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run.perfdb");
            let mut writer = Writer::create(&path).unwrap();
            let at = |ns: i64| Timestamp::from_unix_nanos(1_700_000_000_000_000_000 + ns);
            for &(start, length) in &times {
                let (start_ns, end_ns) = (at(start), at(start + length));
                writer.append(&Collective { start_ns, end_ns, ..Collective::default() }).unwrap();
                writer.append(&Mark { time_ns: at(start), ..Mark::default() }).unwrap();
            }
            writer.finish().unwrap();
            let reader = Reader::open(&path).unwrap();
            let density = Density::of(&reader, &mut |_| {}).unwrap();
            prop_assert_eq!(density.events(), 2 * times.len() as u64);
            let parts = density.parts(most);
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            let mut marks = 0;
            for part in &parts {
                let recording = Recording::load_within(&reader, part, &mut |_| {}).unwrap();
                marks += recording.marks.len();
                let expected = times.iter().filter(|&&(start, length)| {
                    let (start, end) = (at(start).unix_nanos(), at(start + length).unix_nanos());
                    start < part.end && end >= part.start
                });
                prop_assert_eq!(recording.collectives.len(), expected.count());
                let stretch = |mark: Mark| mark.time_ns.unix_nanos() >> STRETCH_LOG2;
                let first = recording.marks.get(0).map(stretch);
                let at_once = recording.marks.iter().all(|mark| Some(stretch(mark)) == first);
                prop_assert!(recording.marks.len() as u64 * 2 <= most || at_once);
            }
            prop_assert_eq!(marks, times.len());
            prop_assert_eq!(density.parts(u64::MAX).len(), 1);
        }
    }

    #[test]
    fn nothing_has_no_parts() {
        assert!(Density::default().parts(10).is_empty());
    }
}
