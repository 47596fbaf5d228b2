//! Bandwidth by message size: of the run, of nccl-tests, of the ceilings.

use std::collections::BTreeMap;

use perfagent_analysis::MessageSize;
use perfagent_analysis::report::CollectiveTestRow;

use crate::model::ceilings::Curve;

/// What a run's messages of one size reached.
pub type Measured = MessageSize;

/// Rows that came from several recordings, in order; those of one operation, type, group size and message size become one.
#[must_use]
pub fn measured(rows: Vec<MessageSize>) -> Vec<Measured> {
    let mut found: BTreeMap<_, MessageSize> = BTreeMap::new();
    for row in rows {
        let key = (row.op.clone(), row.ranks, row.dtype.clone(), row.bytes);
        let Some(sum) = found.get_mut(&key) else {
            found.insert(key, row);
            continue;
        };
        // Each rank's median is of the same messages, seen from elsewhere: the weighted mean is between them.
        let weight = row.count as f64 / (row.count + sum.count).max(1) as f64;
        let further = weight * (row.median_ns - sum.median_ns) as f64;
        sum.median_ns += further.round() as i64;
        sum.count += row.count;
        sum.total_ns += row.total_ns;
        if row.least_ns < sum.least_ns {
            (sum.least_ns, sum.best_busbw_gbps) = (row.least_ns, row.best_busbw_gbps);
        }
        let length = |(start, end): (i64, i64)| end - start;
        if length(row.slowest_ns) > length(sum.slowest_ns) {
            sum.slowest_ns = row.slowest_ns;
        }
        let factor = perfagent_analysis::bus_factor(&sum.op, sum.ranks);
        sum.busbw_gbps = factor
            .filter(|_| sum.median_ns > 0)
            .map(|factor| factor * sum.bytes as f64 / sum.median_ns as f64);
    }
    found.into_values().collect()
}

/// The operations of which there is anything, those of the run by their time, then those of nccl-tests alone.
#[must_use]
pub fn operations(sizes: &[Measured], tests: &[Curve]) -> Vec<String> {
    let mut times: BTreeMap<&str, i64> = BTreeMap::new();
    for row in sizes.iter().filter(|row| row.busbw_gbps.is_some()) {
        *times.entry(&row.op).or_default() += row.total_ns;
    }
    let mut of_run: Vec<(&str, i64)> = times.into_iter().collect();
    of_run.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let mut found: Vec<String> = of_run.into_iter().map(|(op, _)| op.to_owned()).collect();
    for curve in tests {
        if !found.contains(&curve.op) {
            found.push(curve.op.clone());
        }
    }
    found
}

/// The curves of nccl-tests, one a benchmark, operation and number of ranks: of each size what was fastest.
#[must_use]
pub fn test_curves(rows: &[CollectiveTestRow]) -> Vec<Curve> {
    let mut curves: BTreeMap<(&str, Option<i64>, i64), BTreeMap<i64, f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.bytes > 0 && row.busbw_gbps > 0.0) {
        let curve = curves.entry((&row.op, row.ranks, row.run)).or_default();
        let best = curve.entry(row.bytes).or_insert(row.busbw_gbps);
        *best = best.max(row.busbw_gbps);
    }
    curves
        .into_iter()
        .map(|((op, ranks, _), points)| Curve {
            op: op.to_owned(),
            ranks,
            points: points.into_iter().map(|(bytes, rate)| (bytes as f64, rate)).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::MessageSize;
    use perfagent_analysis::report::CollectiveTestRow;

    use super::{measured, operations, test_curves};

    fn size(op: &str, bytes: i64, median_ns: i64, count: i64) -> MessageSize {
        MessageSize {
            op: op.to_owned(),
            ranks: Some(2),
            bytes,
            count,
            total_ns: median_ns * count,
            median_ns,
            least_ns: median_ns,
            busbw_gbps: Some(bytes as f64 / median_ns as f64),
            best_busbw_gbps: Some(bytes as f64 / median_ns as f64),
            slowest_ns: (0, median_ns),
            ..MessageSize::default()
        }
    }

    #[test]
    fn recordings_of_several_ranks_become_one_row_a_size() {
        let rows = measured(vec![
            size("all_reduce", 4000, 1000, 3),
            size("all_reduce", 4000, 2000, 1),
            size("all_gather", 8, 1, 1),
        ]);
        let [gather, reduce] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(gather.op, "all_gather");
        assert_eq!((reduce.count, reduce.median_ns, reduce.slowest_ns), (4, 1250, (0, 2000)));
        assert_eq!((reduce.busbw_gbps, reduce.best_busbw_gbps), (Some(3.2), Some(4.0)));
        assert_eq!(operations(&rows, &[]), ["all_reduce", "all_gather"]);
    }

    #[test]
    fn nccl_tests_give_a_curve_an_operation_and_number_of_ranks() {
        let row = |op: &str, bytes, busbw_gbps, in_place| CollectiveTestRow {
            op: op.to_owned(),
            ranks: Some(8),
            bytes,
            busbw_gbps,
            in_place,
            run: 1,
            ..CollectiveTestRow::default()
        };
        let curves = test_curves(&[
            row("all_reduce", 1024, 0.5, false),
            row("all_reduce", 1024, 0.6, true),
            row("all_reduce", 512, 0.1, false),
            row("broadcast", 0, 0.0, false),
        ]);
        assert_eq!(curves.len(), 1);
        assert_eq!(curves[0].points, [(512.0, 0.1), (1024.0, 0.6)]);
        assert_eq!(operations(&[], &curves), ["all_reduce"]);
    }
}
