//! Rows of several ranks added up by name: what a table of the whole run shows. Times are sums over the ranks, in ns.

use rustc_hash::FxHashMap;
use std::hash::Hash;

use crate::report::{
    Breakdown, CategoryShare, CollectiveRow, CopyRow, DurationBucket, KernelRow, LaunchedRow,
    OperatorRow, RangeRow, Rank, SequenceRow,
};

/// The parts of breakdowns, added up; parts that are inside others are left out.
#[must_use]
pub fn breakdowns<'a>(parts: impl Iterator<Item = &'a Breakdown> + Clone) -> Breakdown {
    let mut sum = Breakdown::default();
    for part in parts.clone() {
        sum.window_ns += part.window_ns;
        sum.compute_ns += part.compute_ns;
        sum.exposed_comm_ns += part.exposed_comm_ns;
        sum.exposed_copy_ns += part.exposed_copy_ns;
        sum.data_ns += part.data_ns;
        sum.idle_ns += part.idle_ns;
    }
    sum.categories = by_key(
        parts.flat_map(|part| &part.categories),
        |share| share.category.clone(),
        |sum: &mut CategoryShare, share| sum.total_ns += share.total_ns,
        |share| share.total_ns,
    );
    sum
}

/// Kernels of all ranks by name, greatest total first. Percentiles are those of the rank where they are greatest; those of all
/// runs together do not follow from those of the ranks.
#[must_use]
pub fn kernels(ranks: &[Rank]) -> Vec<KernelRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.kernels),
        |row| row.name.clone(),
        |sum: &mut KernelRow, row| {
            sum.std_ns = deviation(sum, row);
            (sum.p50_ns, sum.p90_ns, sum.p99_ns) = (
                sum.p50_ns.max(row.p50_ns),
                sum.p90_ns.max(row.p90_ns),
                sum.p99_ns.max(row.p99_ns),
            );
            sum.histogram = histogram(&sum.histogram, &row.histogram);
            sum.count += row.count;
            sum.total_ns += row.total_ns;
            sum.mean_ns = mean(sum.total_ns, sum.count);
            sum.min_ns = sum.min_ns.min(row.min_ns);
            sum.max_ns = sum.max_ns.max(row.max_ns);
        },
        |row| row.total_ns,
    )
}

/// The standard deviation of the runs of two rows together.
fn deviation(left: &KernelRow, right: &KernelRow) -> Option<f64> {
    let squares = |row: &KernelRow| match row.count {
        ..=1 => Some(0.0),
        count => row.std_ns.map(|deviation| deviation * deviation * (count - 1) as f64),
    };
    let (of_left, of_right) = (left.count as f64, right.count as f64);
    let count = of_left + of_right;
    let apart = left.mean_ns - right.mean_ns;
    let between = apart * apart * of_left * of_right / count;
    let squares = squares(left)? + squares(right)? + between;
    (count > 1.0).then(|| (squares / (count - 1.0)).sqrt())
}

/// The buckets of both; empty where one of them was not told.
fn histogram(left: &[DurationBucket], right: &[DurationBucket]) -> Vec<DurationBucket> {
    if left.is_empty() || right.is_empty() {
        return Vec::new();
    }
    let mut buckets: Vec<DurationBucket> = left.iter().chain(right).copied().collect();
    buckets.sort_by_key(|bucket| bucket.from_ns);
    buckets.dedup_by(|next, kept| {
        let is_same = next.from_ns == kept.from_ns;
        kept.count += if is_same { next.count } else { 0 };
        is_same
    });
    buckets
}

/// Operators of all ranks by name, greatest own time first.
#[must_use]
pub fn operators(ranks: &[Rank]) -> Vec<OperatorRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.operators),
        |row| row.name.clone(),
        |sum: &mut OperatorRow, row| {
            sum.count += row.count;
            sum.self_ns += row.self_ns;
            sum.inclusive_ns += row.inclusive_ns;
            sum.mean_ns = mean(sum.inclusive_ns, sum.count);
        },
        |row| row.self_ns,
    )
}

/// Operators or ranges of all ranks by domain and name, greatest own time of the GPU first. The kernels are those that a
/// rank names.
#[must_use]
pub fn launched<'a>(
    ranks: &'a [Rank],
    of: impl Fn(&'a Rank) -> &'a [LaunchedRow],
) -> Vec<LaunchedRow> {
    let mut rows = by_key(
        ranks.iter().flat_map(of),
        |row| (row.domain.clone(), row.name.clone()),
        |sum: &mut LaunchedRow, row| {
            sum.count += row.count;
            sum.own_gpu_ns += row.own_gpu_ns;
            sum.gpu_ns += row.gpu_ns;
            sum.own_operations += row.own_operations;
            sum.operations += row.operations;
            for kernel in &row.kernels {
                match sum.kernels.iter_mut().find(|of_sum| of_sum.name == kernel.name) {
                    Some(of_sum) => {
                        of_sum.count += kernel.count;
                        of_sum.total_ns += kernel.total_ns;
                    }
                    None => sum.kernels.push(kernel.clone()),
                }
            }
        },
        |row| row.own_gpu_ns,
    );
    for row in &mut rows {
        row.kernels.sort_by_key(|kernel| -kernel.total_ns);
    }
    rows
}

/// Ranges of all ranks by domain and name, greatest total first.
#[must_use]
pub fn ranges(ranks: &[Rank]) -> Vec<RangeRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.ranges),
        |row| (row.domain.clone(), row.name.clone()),
        |sum: &mut RangeRow, row| {
            sum.count += row.count;
            sum.total_ns += row.total_ns;
            sum.mean_ns = mean(sum.total_ns, sum.count);
            sum.min_ns = sum.min_ns.min(row.min_ns);
            sum.max_ns = sum.max_ns.max(row.max_ns);
        },
        |row| row.total_ns,
    )
}

/// Copies of all ranks by kind, greatest total first.
#[must_use]
pub fn copies(ranks: &[Rank]) -> Vec<CopyRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.copies),
        |row| row.kind.clone(),
        |sum: &mut CopyRow, row| {
            sum.count += row.count;
            sum.total_ns += row.total_ns;
            sum.bytes += row.bytes;
            sum.gbps = rate(sum.bytes, sum.total_ns);
            sum.busy_ns += row.busy_ns;
            sum.busy_gbps = rate(sum.bytes, sum.busy_ns);
            sum.gbps_over_time = None;
            // Ranks copy at the same time or not: what one of them reached is sure.
            sum.peak_gbps = sum.peak_gbps.into_iter().chain(row.peak_gbps).reduce(f64::max);
        },
        |row| row.total_ns,
    )
}

/// Sequences of GPU operations of all ranks, greatest time first.
#[must_use]
pub fn sequences(ranks: &[Rank]) -> Vec<SequenceRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.kernel_sequences),
        |row| (row.operator.clone(), row.kernels.clone()),
        |sum: &mut SequenceRow, row| {
            sum.count += row.count;
            sum.gpu_ns += row.gpu_ns;
            sum.host_ns += row.host_ns;
        },
        |row| row.gpu_ns,
    )
}

/// Collectives of all ranks by operation, element type and group, greatest total first. The bandwidths
/// are those of an average rank: all bytes over all times.
#[must_use]
pub fn collectives(ranks: &[Rank]) -> Vec<CollectiveRow> {
    by_key(
        ranks.iter().flat_map(|rank| &rank.collectives),
        |row| (row.op.clone(), row.dtype.clone(), row.group.clone(), row.group_size),
        |sum: &mut CollectiveRow, row| {
            let factor = bus_factor(sum).or_else(|| bus_factor(row));
            sum.count += row.count;
            sum.total_ns += row.total_ns;
            sum.untimed += row.untimed;
            sum.untimed_bytes += row.untimed_bytes;
            sum.bytes = sum.bytes.zip(row.bytes).map(|(left, right)| left + right);
            let timed = sum.bytes.map(|bytes| bytes - sum.untimed_bytes);
            sum.algbw_gbps = timed.and_then(|bytes| rate(bytes, sum.total_ns));
            sum.busbw_gbps = sum.algbw_gbps.zip(factor).map(|(rate, factor)| rate * factor);
            add_transfers(sum, row, factor);
        },
        |row| row.total_ns,
    )
}

/// From algbw to busbw: the same for every rank, as it depends on the operation and the group's size alone. Unknown
/// where nothing was moved.
fn bus_factor(row: &CollectiveRow) -> Option<f64> {
    let algorithm = row.algbw_gbps.filter(|rate| *rate > 0.0)?;
    Some(row.busbw_gbps? / algorithm)
}

/// Adds the split into waiting and transfer; a rank without one adds nothing.
fn add_transfers(sum: &mut CollectiveRow, row: &CollectiveRow, factor: Option<f64>) {
    if row.matched == 0 {
        return;
    }
    if sum.matched == 0 {
        (sum.matched_bytes, sum.wait_ns, sum.transfer_ns) = (Some(0), Some(0), Some(0));
    }
    let add = |sum: Option<i64>, row: Option<i64>| sum.zip(row).map(|(left, right)| left + right);
    sum.matched += row.matched;
    sum.matched_bytes = add(sum.matched_bytes, row.matched_bytes);
    sum.wait_ns = add(sum.wait_ns, row.wait_ns);
    sum.transfer_ns = add(sum.transfer_ns, row.transfer_ns);
    let rate = sum.matched_bytes.zip(sum.transfer_ns).and_then(|(bytes, time)| rate(bytes, time));
    sum.transfer_busbw_gbps = rate.zip(factor).map(|(rate, factor)| rate * factor);
}

/// Adds up the rows that share a key, and sorts them by `size`, greatest first; equals keep the order in
/// which they were first seen.
fn by_key<'a, R: Clone + 'a, K: Eq + Hash>(
    rows: impl Iterator<Item = &'a R>,
    key: impl Fn(&R) -> K,
    add: impl Fn(&mut R, &R),
    size: impl Fn(&R) -> i64,
) -> Vec<R> {
    let mut positions: FxHashMap<K, usize> = FxHashMap::default();
    let mut sums: Vec<R> = Vec::new();
    for row in rows {
        let position = *positions.entry(key(row)).or_insert(sums.len());
        match sums.get_mut(position) {
            Some(sum) => add(sum, row),
            None => sums.push(row.clone()),
        }
    }
    sums.sort_by_key(|row| std::cmp::Reverse(size(row)));
    sums
}

fn mean(total: i64, count: i64) -> f64 {
    total as f64 / count.max(1) as f64
}

fn rate(bytes: i64, nanos: i64) -> Option<f64> {
    (nanos > 0).then(|| bytes as f64 / nanos as f64)
}

#[cfg(test)]
mod tests {
    use crate::report::{CollectiveRow, DurationBucket, KernelRow, RangeRow, Rank};

    use super::{collectives, kernels, ranges};

    #[test]
    fn kernels_of_two_ranks_add_up_by_name() {
        let row = |name: &str, count, total_ns, min_ns, max_ns| KernelRow {
            name: name.into(),
            count,
            total_ns,
            min_ns,
            max_ns,
            mean_ns: total_ns as f64 / count as f64,
            ..Default::default()
        };
        let first = Rank {
            kernels: vec![row("a", 2, 20, 5, 15), row("b", 1, 12, 12, 12)],
            ..Default::default()
        };
        let second = Rank { kernels: vec![row("b", 1, 28, 28, 28)], ..Default::default() };
        let std_ns = Some(128.0_f64.sqrt());
        let both = KernelRow { std_ns, ..row("b", 2, 40, 12, 28) };
        assert_eq!(kernels(&[first, second]), [both, row("a", 2, 20, 5, 15)]);
    }

    /// Both were those of the first rank, and the mean could lie outside.
    #[test]
    fn the_shortest_and_the_longest_range_are_those_of_all_ranks() {
        let rank = |count, total_ns, min_ns, max_ns| {
            let mean_ns = total_ns as f64 / count as f64;
            let row = RangeRow { count, total_ns, mean_ns, min_ns, max_ns, ..Default::default() };
            Rank { ranges: vec![row], ..Default::default() }
        };
        let both = ranges(&[rank(1, 420, 420, 420), rank(3, 480, 60, 364), rank(1, 500, 500, 500)]);
        assert_eq!(both, rank(5, 1400, 60, 500).ranges);
    }

    #[test]
    fn distributions_of_two_ranks_are_one() {
        let bucket = |from_ns, count| DurationBucket { from_ns, until_ns: from_ns + 1, count };
        let row = |count, mean_ns, std_ns, p99_ns, histogram: &[DurationBucket]| Rank {
            kernels: vec![KernelRow {
                count,
                mean_ns,
                std_ns: Some(std_ns),
                p99_ns: Some(p99_ns),
                histogram: histogram.to_vec(),
                ..Default::default()
            }],
            ..Default::default()
        };
        // 1, 3 and 2, 2, 5: their mean is 2.6, the squares of the distances from it 9.2 together.
        let first = row(2, 2.0, 2.0_f64.sqrt(), 3, &[bucket(1, 1), bucket(3, 1)]);
        let second = row(3, 3.0, 3.0_f64.sqrt(), 5, &[bucket(1, 2), bucket(5, 1)]);
        let [both] = &kernels(&[first.clone(), second])[..] else { panic!() };
        assert!((both.std_ns.unwrap() - (9.2_f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!((both.count, both.p99_ns), (5, Some(5)));
        assert_eq!(both.histogram, [bucket(1, 3), bucket(3, 1), bucket(5, 1)]);
        let [both] = &kernels(&[first, row(1, 9.0, 0.0, 9, &[])])[..] else { panic!() };
        assert_eq!(both.histogram, []);
    }

    #[test]
    fn bandwidth_of_two_ranks_is_that_of_an_average_rank() {
        let row = |total_ns: i64, algbw| CollectiveRow {
            op: "all_reduce".into(),
            group_size: Some(4),
            count: 1,
            bytes: Some(400),
            total_ns,
            algbw_gbps: Some(algbw),
            busbw_gbps: Some(algbw * 1.5),
            ..Default::default()
        };
        let ranks = [(100, 4.0), (300, 4.0 / 3.0)].map(|(total, rate)| Rank {
            collectives: vec![row(total, rate)],
            ..Default::default()
        });
        let merged = collectives(&ranks);
        assert_eq!((merged[0].bytes, merged[0].algbw_gbps), (Some(800), Some(2.0)));
        assert!((merged[0].busbw_gbps.unwrap() - 3.0).abs() < 1e-12);
    }

    /// A barrier of two ranks was shown with "NaN kB/s".
    #[test]
    fn what_moves_no_bytes_has_no_bus_bandwidth() {
        let row = CollectiveRow {
            op: "barrier".into(),
            group_size: Some(2),
            count: 1,
            bytes: Some(0),
            total_ns: 100,
            algbw_gbps: Some(0.0),
            busbw_gbps: Some(0.0),
            matched: 1,
            matched_bytes: Some(0),
            wait_ns: Some(10),
            transfer_ns: Some(90),
            ..Default::default()
        };
        let rank = || Rank { collectives: vec![row.clone()], ..Default::default() };
        let merged = collectives(&[rank(), rank()]);
        assert_eq!((merged[0].busbw_gbps, merged[0].transfer_busbw_gbps), (None, None));
    }
}
