//! What a level did over time, in a bounded number of stretches, each exact.

use crate::report::TimeSeries;

/// Into how many stretches of equal length the time is cut at most, and at least.
const MOST: i64 = 256;
const LEAST: i64 = 8;
/// And how many of them there are for each change: a level that seldom changes needs no long series.
const FOR_A_CHANGE: i64 = 2;

/// A level that is told from the first to the last instant, in order of time.
#[derive(Debug)]
pub(crate) struct Levels {
    start: i64,
    end: i64,
    stretch: i64,
    now: i64,
    /// The stretch of `now`.
    at: usize,
    greatest: Vec<i128>,
    /// Level times ns.
    areas: Vec<i128>,
}

impl Levels {
    /// Over `[start, end)`, for a level that changes so many times; `None` where no time passes.
    pub(crate) fn new(start: i64, end: i64, changes: usize) -> Option<Self> {
        let length = end.checked_sub(start).filter(|&length| length > 0)?;
        let stretches = (changes as i64).saturating_mul(FOR_A_CHANGE).clamp(LEAST, MOST);
        let stretch = length / stretches + i64::from(length % stretches > 0);
        let count = (length / stretch + i64::from(length % stretch > 0)) as usize;
        let (greatest, areas) = (vec![0; count], vec![0; count]);
        Some(Self { start, end, stretch, now: start, at: 0, greatest, areas })
    }

    /// The level is this from where it was told last until `until`.
    pub(crate) fn hold(&mut self, level: i128, until: i64) {
        let until = until.min(self.end);
        while self.now < until {
            let stop = self.end_of_stretch().min(until);
            self.reach(level);
            self.areas[self.at] += level * i128::from(stop - self.now);
            self.now = stop;
            if stop == self.end_of_stretch() && stop < self.end {
                self.at += 1;
            }
        }
    }

    /// The level is this at the instant until which it was told, if not longer.
    pub(crate) fn reach(&mut self, level: i128) {
        let greatest = &mut self.greatest[self.at];
        *greatest = level.max(*greatest);
    }

    fn end_of_stretch(&self) -> i64 {
        let end = self.stretch.saturating_mul(self.at as i64 + 1);
        self.start.saturating_add(end).min(self.end)
    }

    /// The series, with a level of one for each `unit`.
    pub(crate) fn series<T>(&self, value: impl Fn(i128) -> T, unit: f64) -> TimeSeries<T> {
        let last = self.areas.len() - 1;
        let mean = self.areas.iter().enumerate().map(|(stretch, &area)| {
            let begin = self.start + self.stretch * stretch as i64;
            let length = if stretch == last { self.end - begin } else { self.stretch };
            short(area as f64 / unit / length as f64)
        });
        TimeSeries {
            start_ns: self.start,
            length_ns: self.end - self.start,
            stretch_ns: self.stretch,
            mean: mean.collect(),
            max: self.greatest.iter().map(|&level| value(level)).collect(),
        }
    }
}

/// To a billionth: figures of few digits are read back as they were written.
pub(crate) fn short(value: f64) -> f64 {
    (1e9 * value).round() / 1e9
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FOR_A_CHANGE, LEAST, Levels, MOST};

    #[test]
    fn no_time_has_no_series() {
        assert!(Levels::new(5, 5, 9).is_none());
        assert!(Levels::new(i64::MIN, i64::MAX, 9).is_none());
    }

    #[test]
    fn what_is_reached_for_no_time_counts_for_the_greatest() {
        let mut levels = Levels::new(0, 1024, 1000).unwrap();
        levels.hold(3, 4);
        levels.reach(9);
        levels.hold(1, 1024);
        levels.reach(7);
        let series = levels.series(|level| level as i64, 1.0);
        assert_eq!((series.stretch_ns, series.max.len()), (4, 256));
        assert_eq!((&series.max[..3], series.max[255]), (&[3, 9, 1][..], 7));
        assert_eq!((&series.mean[..3], series.mean[255]), (&[3.0, 1.0, 1.0][..], 1.0));
    }

    proptest! {
        #[test]
        fn stretches_hold_what_held_within_them(
            holds in prop::collection::vec((0_i128..9, 1_i64..700), 1..30), start in -1_000_i64..1_000, changes in 0_usize..300
        ) {
            let end = start + holds.iter().map(|hold| hold.1).sum::<i64>();
            let mut levels = Levels::new(start, end, changes).unwrap();
            let (mut now, mut each) = (start, Vec::new());
            for &(level, length) in &holds {
                now += length;
                levels.hold(level, now);
                each.extend(std::iter::repeat_n(level, length as usize));
            }
            let series = levels.series(|level| level as i64, 1.0);
            let most = (changes as i64 * FOR_A_CHANGE).clamp(LEAST, MOST);
            prop_assert!(series.max.len() as i64 <= most && series.max.len() == series.mean.len());
            let stretches = each.chunks(series.stretch_ns as usize);
            prop_assert_eq!(stretches.len(), series.max.len());
            for (position, of_stretch) in stretches.enumerate() {
                prop_assert_eq!(of_stretch.iter().max().map(|&level| level as i64), Some(series.max[position]));
                let mean = of_stretch.iter().sum::<i128>() as f64 / of_stretch.len() as f64;
                prop_assert!((mean - series.mean[position]).abs() <= 1e-9);
            }
        }
    }
}
