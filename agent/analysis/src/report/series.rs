//! Figures that are too many to be told one by one: times in buckets, and levels over time in stretches.

use serde::{Deserialize, Serialize};

/// How many times are about this long. Each power of two is cut into eight equal parts; times below 8 ns have a bucket each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationBucket {
    /// Least time of the bucket, ns.
    pub from_ns: i64,
    /// Where the next bucket begins, ns.
    pub until_ns: i64,
    /// How many.
    pub count: i64,
}

/// A level over time in stretches of equal length, two for each change of the level, but eight at least and 256 at most; the last
/// may be shorter. Where there are not so many nanoseconds there are fewer stretches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSeries<T> {
    /// Where the first stretch begins, ns since the Unix epoch.
    pub start_ns: i64,
    /// From there to the end of the last one, ns.
    pub length_ns: i64,
    /// Length of a stretch, ns.
    pub stretch_ns: i64,
    /// The mean level of each stretch over its time.
    pub mean: Vec<f64>,
    /// The greatest level of each stretch.
    pub max: Vec<T>,
}

impl<T: Copy> TimeSeries<T> {
    /// Begin, end (ns since the Unix epoch), mean and greatest level of each stretch, in order.
    pub fn stretches(&self) -> impl Iterator<Item = (i64, i64, f64, T)> + '_ {
        let end = self.start_ns.saturating_add(self.length_ns);
        let begins = (0_i64..).map(move |number| {
            self.start_ns.saturating_add(self.stretch_ns.saturating_mul(number)).min(end)
        });
        let values = self.mean.iter().zip(&self.max);
        begins.zip(values).map(move |(begin, (&mean, &max))| {
            (begin, begin.saturating_add(self.stretch_ns).min(end), mean, max)
        })
    }
}
