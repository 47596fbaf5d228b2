//! Collectives by operation, element type and group, of all ranks together.

use std::collections::BTreeMap;

use perfagent_analysis::report::CollectiveRow;
use perfagent_analysis::{Report, bus_factor};

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// `all_reduce`, …
    pub op: String,
    /// Element type; empty when unknown.
    pub dtype: String,
    /// Ranks in the group; `None` when unknown.
    pub size: Option<i64>,
    /// The group's name; empty when unknown.
    pub name: String,
    /// Calls of all ranks.
    pub calls: i64,
    /// Their message sizes; `None` when one is unknown.
    pub bytes: Option<i64>,
    /// Their times, ns.
    pub total_ns: i64,
    /// Of calls that were found on every rank: waiting for the last one to start, ns; `None` where that is not known.
    pub wait_ns: Option<i64>,
    /// Of the same calls: from the last start to the last end, ns.
    pub transfer_ns: Option<i64>,
    /// 1e9 bytes/s on the bus, waiting included.
    pub busbw_gbps: Option<f64>,
    /// The same without the waiting.
    pub transfer_busbw_gbps: Option<f64>,
}

impl Group {
    /// Waiting by waiting and transfer, 0 to 1.
    #[must_use]
    pub fn wait_share(&self) -> Option<f64> {
        let (wait, transfer) = self.wait_ns.zip(self.transfer_ns)?;
        (wait + transfer > 0).then(|| wait as f64 / (wait + transfer) as f64)
    }
}

/// The rows of all ranks put together, greatest time first.
#[must_use]
pub fn groups(report: &Report) -> Vec<Group> {
    let mut found: BTreeMap<_, Vec<&CollectiveRow>> = BTreeMap::new();
    for row in report.ranks.iter().flat_map(|rank| &rank.collectives) {
        let key = (&row.op, &row.dtype, row.group_size, &row.group);
        found.entry(key).or_default().push(row);
    }
    let mut groups: Vec<Group> = found.into_values().map(|rows| group(&rows)).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.total_ns));
    groups
}

fn group(rows: &[&CollectiveRow]) -> Group {
    let sum = |of: fn(&CollectiveRow) -> i64| rows.iter().map(|row| of(row)).sum::<i64>();
    let all = |of: fn(&CollectiveRow) -> Option<i64>| -> Option<i64> {
        rows.iter().map(|row| of(row)).sum()
    };
    let known = |of: fn(&CollectiveRow) -> Option<i64>| -> Option<i64> {
        let found: Vec<i64> = rows.iter().filter_map(|row| of(row)).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    };
    let first = rows.first().copied().cloned().unwrap_or_default();
    let factor = bus_factor(&first.op, first.group_size);
    let rate = |bytes: Option<i64>, time: Option<i64>| {
        let (bytes, time) = bytes.zip(time.filter(|&time| time > 0))?;
        Some(factor? * bytes as f64 / time as f64)
    };
    let timed = all(|row| row.bytes.map(|bytes| bytes - row.untimed_bytes));
    let (total_ns, transfer_ns) = (sum(|row| row.total_ns), known(|row| row.transfer_ns));
    Group {
        op: first.op,
        dtype: first.dtype.unwrap_or_default(),
        size: first.group_size,
        name: first.group.unwrap_or_default(),
        calls: sum(|row| row.count),
        bytes: all(|row| row.bytes),
        total_ns,
        wait_ns: known(|row| row.wait_ns),
        transfer_ns,
        busbw_gbps: rate(timed, Some(total_ns)),
        transfer_busbw_gbps: rate(known(|row| row.matched_bytes), transfer_ns),
    }
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{CollectiveRow, Rank};

    use super::groups;

    #[test]
    fn rows_of_ranks_are_put_together() {
        let row = |wait_ns, bytes| CollectiveRow {
            op: "all_reduce".to_owned(),
            group_size: Some(2),
            count: 3,
            bytes: Some(bytes),
            total_ns: 1000,
            matched: 3,
            matched_bytes: Some(bytes),
            wait_ns: Some(wait_ns),
            transfer_ns: Some(400),
            ..CollectiveRow::default()
        };
        let mut report = perfagent_analysis::report_many(&[]);
        report.ranks = [600, 0]
            .map(|wait| Rank { collectives: vec![row(wait, 8000)], ..Rank::default() })
            .into();
        let [group] = &groups(&report)[..] else { panic!() };
        assert_eq!((group.calls, group.bytes, group.total_ns), (6, Some(16_000), 2000));
        assert_eq!(group.wait_share(), Some(600.0 / 1400.0));
        // Of two ranks the bus carries what the algorithm does.
        assert_eq!((group.busbw_gbps, group.transfer_busbw_gbps), (Some(8.0), Some(20.0)));
    }
}
