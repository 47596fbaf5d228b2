//! Collectives: bandwidth by size, and waiting against transfer.

use perfagent_analysis::report::{CollectiveRow, CollectiveTestRow};

use crate::page::Page;
use crate::picture::{Bars, Drawing, Fill, Group, Measure, Part, Picture, Point, Points, Row};
use crate::unit;

/// Operations that have a mark of their own or a bar.
const MOST: usize = 15;

/// Adds both pictures, as far as the figures are known.
pub(in super::super) fn write(page: &mut Page, rows: &[CollectiveRow]) {
    write_bandwidths(page, rows);
    write_waiting(page, rows);
}

/// Adds the picture of one benchmark.
pub(in super::super) fn write_tests(page: &mut Page, rows: &[CollectiveTestRow], what: &str) {
    let groups = [(false, "out of place"), (true, "in place")].map(|(in_place, name)| Group {
        name: name.to_owned(),
        points: rows
            .iter()
            .filter(|row| row.in_place == in_place)
            .map(|row| Point {
                name: format!("{name}, {}: {:.2} GB/s", unit::bytes(row.bytes), row.busbw_gbps),
                label: String::new(),
                x: row.bytes as f64,
                y: row.busbw_gbps,
            })
            .collect(),
    });
    let points = Points {
        x: (Measure::Bytes, "bytes"),
        y: (Measure::Gbps, "busbw, GB/s"),
        groups: groups.into_iter().filter(|group| !group.points.is_empty()).collect(),
        is_joined: true,
    };
    if points.is_empty() {
        return;
    }
    page.picture(Picture::new(
        format!("Bus bandwidth by size: {what}."),
        "Both axes go by powers.",
        Drawing::Points(points),
    ));
}

fn describe(row: &CollectiveRow) -> String {
    let known = [Some(row.op.clone()), row.dtype.clone(), row.group.clone()];
    let known: Vec<_> = known.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    known.join(" ")
}

/// The operation, with its type where that is known.
fn short(row: &CollectiveRow) -> String {
    row.dtype.as_ref().map_or_else(|| row.op.clone(), |dtype| format!("{} {dtype}", row.op))
}

fn write_bandwidths(page: &mut Page, rows: &[CollectiveRow]) {
    let groups = [
        ("whole call", false, (|row| row.busbw_gbps) as fn(&CollectiveRow) -> Option<f64>),
        ("transfer alone", true, |row| row.transfer_busbw_gbps),
    ]
    .map(|(name, is_transfer, rate)| Group {
        name: name.to_owned(),
        points: rows
            .iter()
            .take(MOST)
            .filter_map(|row| {
                let size = row.bytes? as f64 / row.count.max(1) as f64;
                let rate = rate(row)?;
                // The two points of a row stand one above the other; one label is enough.
                let label = if is_transfer { String::new() } else { short(row) };
                Some(Point { name: describe(row), label, x: size, y: rate })
            })
            .collect(),
    });
    let points = Points {
        x: (Measure::Bytes, "mean bytes a call"),
        y: (Measure::Gbps, "busbw, GB/s"),
        groups: groups.into_iter().filter(|group| !group.points.is_empty()).collect(),
        is_joined: false,
    };
    if points.is_empty() {
        return;
    }
    page.picture(Picture::new(
        "Bus bandwidth of collectives by size.",
        "A point a row of the table: over the whole time of the calls and, where calls could be matched on all ranks, over the \
         transfer without the waiting. Both axes go by powers.",
        Drawing::Points(points),
    ));
}

fn write_waiting(page: &mut Page, rows: &[CollectiveRow]) {
    let bars: Vec<Row> = rows
        .iter()
        .filter_map(|row| {
            let (wait, transfer) = (row.wait_ns?, row.transfer_ns?);
            (wait > 0 || transfer > 0).then(|| Row {
                label: describe(row),
                values: vec![wait, transfer],
                note: format!("{} waiting", unit::share(wait, wait.saturating_add(transfer))),
            })
        })
        .take(MOST)
        .collect();
    if bars.is_empty() {
        return;
    }
    let parts = [("waiting for other ranks", Fill::Hollow), ("transfer", Fill::Colour(0))];
    page.picture(Picture::new(
        "Collectives: waiting and transfer.",
        "Of the calls that were found on every rank of their group: the time until the last rank began, and from there to the \
         end, added up over ranks.",
        Drawing::Bars(Bars {
            parts: parts.map(|(name, fill)| Part { name: name.to_owned(), fill }).to_vec(),
            rows: bars,
            is_share: false,
        }),
    ));
}
