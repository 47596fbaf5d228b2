//! Copies and memsets by kind, and at which rate they move bytes.

use std::collections::BTreeMap;

use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;

use crate::Intervals;
use crate::levels::{Levels, short};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::{CopyRow, TimeSeries};
use crate::statistic::{Tally, rate_gbps};

/// Rates are sums of many that begin and end: in units of 2^-32 bytes a nanosecond, and in integers, they add up to nothing
/// at the end.
const UNITS: i128 = 1 << 32;

/// The rate of all copies of one kind from an instant on, until the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CopyRate {
    /// The kind.
    pub kind: CopyKind,
    /// When it became so, ns since the Unix epoch.
    pub time_ns: i64,
    /// The sum over the copies that run, each at its mean rate, 1e9 bytes/s.
    pub gbps: f64,
}

/// When copies of one kind begin and end, with what each adds to the rate.
#[derive(Default)]
struct Changes(Vec<(i64, i128)>);

impl Changes {
    fn add(&mut self, start: i64, end: i64, bytes: i64) {
        let time = i128::from(end) - i128::from(start);
        // What takes no time has no rate.
        if time > 0 && bytes > 0 {
            let rate = i128::from(bytes) * UNITS / time;
            self.0.extend([(start, rate), (end, -rate)]);
        }
    }

    /// The rate after each instant at which it changes.
    fn rates(mut self) -> Vec<(i64, i128)> {
        self.0.sort_unstable_by_key(|&(time, _)| time);
        let mut now = 0;
        let mut rates: Vec<(i64, i128)> = Vec::new();
        for (time, change) in self.0 {
            now += change;
            match rates.last_mut() {
                Some(last) if last.0 == time => last.1 = now,
                _ => rates.push((time, now)),
            }
        }
        rates
    }
}

fn gbps(rate: i128) -> f64 {
    rate as f64 / UNITS as f64
}

/// What is known of the copies of one kind.
#[derive(Default)]
struct Kind {
    tally: Tally,
    bytes: i64,
    spans: Vec<(i64, i64)>,
    changes: Changes,
}

fn kinds(recording: &Recording, rows: &ProcessRows) -> BTreeMap<CopyKind, Kind> {
    let mut kinds: BTreeMap<CopyKind, Kind> = BTreeMap::new();
    for copy in pick(&recording.copies, &rows.copies) {
        let (start, end) = clean(copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos());
        let kind = kinds.entry(copy.kind).or_default();
        kind.tally.add(end.saturating_sub(start));
        kind.bytes = kind.bytes.saturating_add(copy.bytes);
        kind.spans.push((start, end));
        kind.changes.add(start, end, copy.bytes);
    }
    kinds
}

/// One row a kind, greatest total first.
pub(crate) fn copies(recording: &Recording, rows: &ProcessRows) -> Vec<CopyRow> {
    let kinds = kinds(recording, rows);
    let spans = || kinds.values().flat_map(|kind| &kind.spans);
    let first = spans().map(|span| span.0).min().unwrap_or(0);
    let last = spans().map(|span| span.1).max().unwrap_or(0);
    let mut table: Vec<CopyRow> = kinds
        .into_iter()
        .map(|(kind, Kind { tally, bytes, spans, changes })| {
            let rates = changes.rates();
            let busy_ns = Intervals::union_of(spans).length();
            CopyRow {
                kind: kind.as_str().to_owned(),
                count: tally.count,
                total_ns: tally.total,
                bytes,
                gbps: rate_gbps(bytes, tally.total),
                busy_ns,
                busy_gbps: rate_gbps(bytes, busy_ns),
                peak_gbps: rates.iter().map(|&(_, rate)| gbps(rate)).reduce(f64::max),
                gbps_over_time: over_time(&rates, first, last),
            }
        })
        .collect();
    table.sort_by_key(|row| -row.total_ns);
    table
}

/// The rates as stretches; `None` where nothing is moved.
fn over_time(rates: &[(i64, i128)], first: i64, last: i64) -> Option<TimeSeries<f64>> {
    let mut levels = Levels::new(first, last, rates.len()).filter(|_| !rates.is_empty())?;
    let mut now = 0;
    for &(time, rate) in rates {
        levels.hold(now, time);
        now = rate;
    }
    levels.hold(now, last);
    Some(levels.series(|rate| short(gbps(rate)), UNITS as f64))
}

/// How the rate of each kind changes over time, kind after kind.
pub(crate) fn rates(recording: &Recording, rows: &ProcessRows) -> Vec<CopyRate> {
    kinds(recording, rows)
        .into_iter()
        .flat_map(|(kind, of_kind)| {
            let rates = of_kind.changes.rates().into_iter();
            rates.map(move |(time_ns, rate)| CopyRate { kind, time_ns, gbps: gbps(rate) })
        })
        .collect()
}
