//! How the times of each row of a table are distributed: percentiles, standard deviation, and how many are about how long.

use crate::report::DurationBucket;
use crate::statistic::{Tally, rank_of};

/// What is told of the times of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    /// Percentiles by nearest rank; `None` of nothing.
    pub(crate) p50: Option<i64>,
    pub(crate) p90: Option<i64>,
    pub(crate) p99: Option<i64>,
    /// Of the sample (the sum of squares is divided by one less than the count); `None` of fewer than two.
    pub(crate) deviation: Option<f64>,
    /// Empty where nobody asked for it.
    pub(crate) buckets: Vec<DurationBucket>,
}

/// The distribution of the times of each row, which `tallies` count; `times` gives each with its row. Of the first
/// `with_buckets` rows it is also told how many are about how long.
///
/// The times of all rows are held together, with four bytes each: only those of rows that have one beyond 4.29 s need eight.
pub(crate) fn distributions(
    tallies: &[Tally],
    times: impl Iterator<Item = (usize, i64)>,
    with_buckets: usize,
) -> Vec<Distribution> {
    let mut columns: Vec<Column> = tallies.iter().map(Column::for_times).collect();
    for (row, time) in times {
        match columns.get_mut(row) {
            // The greatest of the row fits.
            Some(Column::Short(times)) => times.push(time as u32),
            Some(Column::Long(times)) => times.push(time),
            None => {}
        }
    }
    let rows = columns.into_iter().enumerate();
    rows.map(|(row, column)| {
        let with_buckets = row < with_buckets;
        match column {
            Column::Short(times) => distribution(times, with_buckets),
            Column::Long(times) => distribution(times, with_buckets),
        }
    })
    .collect()
}

/// The times of one row.
enum Column {
    Short(Vec<u32>),
    Long(Vec<i64>),
}

impl Column {
    fn for_times(tally: &Tally) -> Self {
        let count = usize::try_from(tally.count).unwrap_or(0);
        if tally.min >= 0 && tally.max <= i64::from(u32::MAX) {
            Self::Short(Vec::with_capacity(count))
        } else {
            Self::Long(Vec::with_capacity(count))
        }
    }
}

fn distribution<T: Copy + Ord + Into<i64>>(mut times: Vec<T>, with_buckets: bool) -> Distribution {
    let deviation = deviation(&times);
    let buckets = if with_buckets { buckets(&times) } else { Vec::new() };
    let count = times.len();
    let mut rest = times.as_mut_slice();
    // What lies above a percentile need not be looked at for the lower ones.
    let mut percentile = |percent| {
        let index = rank_of(count, percent)?;
        let value = *rest.select_nth_unstable(index).1;
        rest = std::mem::take(&mut rest).get_mut(..=index)?;
        Some(value.into())
    };
    let (p99, p90, p50) = (percentile(99), percentile(90), percentile(50));
    Distribution { p50, p90, p99, deviation, buckets }
}

/// The standard deviation. All sums are of integers, around a whole number next to the mean, so that nothing is lost where
/// times hardly differ.
fn deviation<T: Copy + Into<i64>>(times: &[T]) -> Option<f64> {
    let count = times.len() as i128;
    if count < 2 {
        return None;
    }
    let total: i128 = times.iter().map(|&time| i128::from(time.into())).sum();
    let middle = total / count;
    let mut squares = 0_i128;
    for &time in times {
        let beside = i128::from(time.into()) - middle;
        // Only times of centuries could be too much for it.
        squares = squares.saturating_add(beside * beside);
    }
    let beside = total - middle * count;
    let excess = beside as f64 * (beside as f64 / count as f64);
    Some(((squares as f64 - excess).max(0.0) / (count - 1) as f64).sqrt())
}

/// Into how many equal parts each power of two is cut, as a power of two.
const PARTS: u32 = 3;

/// The number of the bucket of a time, in order of time.
fn bucket_of(time: i64) -> usize {
    let time = time.max(0) as u64;
    let shift = (64 - time.leading_zeros()).saturating_sub(PARTS + 1);
    ((shift as usize) << PARTS) + (time >> shift) as usize
}

/// Where the bucket of this number begins and ends.
fn bounds(bucket: usize) -> (i64, i64) {
    let parts = 1_usize << PARTS;
    let (shift, leading) =
        if bucket < 2 * parts { (0, bucket) } else { (bucket / parts - 1, bucket % parts + parts) };
    let edge = |leading: usize| i64::try_from((leading as u128) << shift).unwrap_or(i64::MAX);
    (edge(leading), edge(leading + 1))
}

/// How many times are about how long; only what there is.
fn buckets<T: Copy + Into<i64>>(times: &[T]) -> Vec<DurationBucket> {
    let mut counts = vec![0_i64; bucket_of(i64::MAX) + 1];
    for &time in times {
        counts[bucket_of(time.into())] += 1;
    }
    let counted = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
    counted
        .map(|(bucket, count)| {
            let (from_ns, until_ns) = bounds(bucket);
            DurationBucket { from_ns, until_ns, count }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Distribution, bounds, bucket_of, distributions};
    use crate::statistic::{Tally, percentile};

    fn of(rows: &[Vec<i64>]) -> Vec<Distribution> {
        let tallies: Vec<Tally> = rows
            .iter()
            .map(|times| {
                let mut tally = Tally::default();
                for &time in times {
                    tally.add(time);
                }
                tally
            })
            .collect();
        let times = rows.iter().enumerate();
        let times = times.flat_map(|(row, times)| times.iter().map(move |&time| (row, time)));
        distributions(&tallies, times, rows.len())
    }

    #[test]
    fn the_deviation_is_that_of_the_sample() {
        let rows = of(&[vec![2, 4, 4, 4, 5, 5, 7, 9], vec![3], vec![], vec![8, 8, 8]]);
        let expected = (32.0_f64 / 7.0).sqrt();
        assert!((rows[0].deviation.unwrap() - expected).abs() < 1e-15);
        assert_eq!(
            (rows[1].deviation, rows[2].deviation, rows[3].deviation),
            (None, None, Some(0.0))
        );
        assert_eq!((rows[1].p50, rows[1].p99, rows[2].p50), (Some(3), Some(3), None));
        // Sums of squares in floating point would lose them.
        let far = 4_000_000_000_000_000_000;
        let [row] = &of(&[vec![far, far + 1, far + 2]])[..] else { panic!() };
        assert_eq!((row.deviation, row.p50), (Some(1.0), Some(far + 1)));
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        assert_eq!((bounds(0), bounds(15), bounds(16)), ((0, 1), (15, 16), (16, 18)));
        for bucket in 0..bucket_of(i64::MAX) {
            assert_eq!(bounds(bucket).1, bounds(bucket + 1).0, "{bucket}");
        }
    }

    proptest! {
        #[test]
        fn any_times_are_told_as_they_are(
            rows in prop::collection::vec(
                prop::collection::vec(prop_oneof![0_i64..40, 0_i64..5_000_000_000, 0..=i64::MAX / 4], 0..80), 1..4)
        ) {
            for (times, row) in rows.iter().zip(of(&rows)) {
                let at = |percent| percentile(&mut times.clone(), percent);
                prop_assert_eq!((row.p50, row.p90, row.p99), (at(50), at(90), at(99)));
                for bucket in &row.buckets {
                    let within = times.iter().filter(|&&time| (bucket.from_ns..bucket.until_ns).contains(&time));
                    prop_assert_eq!(within.count() as i64, bucket.count);
                    prop_assert!(bucket.until_ns - bucket.from_ns <= (bucket.from_ns / 8).max(1));
                }
                let counted: i64 = row.buckets.iter().map(|bucket| bucket.count).sum();
                prop_assert_eq!(counted, times.len() as i64);
            }
        }
    }
}
