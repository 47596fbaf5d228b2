//! Queues of launches and rates of copies over time.

use perfagent_analysis::report::{CopyRow, QueueRow, Rank, TimeSeries};

use super::super::label;
use crate::page::Page;
use crate::picture::{Curve, Curves, Drawing, MOST_CURVES, Measure, Picture, Stretch};

/// Adds the picture of the longest queues of the rank on which launches waited most.
pub(in super::super) fn write_queues(page: &mut Page, ranks: &[Rank]) {
    let waited =
        |row: &QueueRow| row.mean.unwrap_or(0.0) * row.window_ns as f64 * f64::from(row.max > 0);
    let of_rank = |rank: &Rank| rank.queue.iter().map(waited).fold(0.0, f64::max);
    let Some(rank) = most(ranks, of_rank) else { return };
    let mut rows: Vec<&QueueRow> = rank.queue.iter().filter(|row| waited(row) > 0.0).collect();
    rows.sort_by(|left, right| waited(right).total_cmp(&waited(left)));
    let is_one_device = rows.iter().all(|row| row.device == rows[0].device);
    let curves = curves(rows.iter().map(|row| {
        let of = if is_one_device { String::new() } else { format!("GPU {}, ", row.device) };
        let name = format!("{of}stream {}", row.stream);
        (name, row.length_over_time.as_ref().map(|series| stretches(series, |most| most as f64)))
    }));
    write(
        page,
        format!("Launches waiting{}.", of(ranks, rank)),
        "How many launches there were whose operation had not begun: the mean of each stretch of time, of the streams on which \
         most waited. Where it is next to nothing the GPU waits for the host.",
        Curves { y: (Measure::Number, "launches"), lines: curves, shows_most: true },
    );
}

/// Adds the picture of the kinds of copies that moved most, of the rank that moved most.
pub(in super::super) fn write_copy_rates(page: &mut Page, ranks: &[Rank]) {
    let bytes = |rank: &Rank| rank.copies.iter().map(|row| row.bytes as f64).sum();
    let Some(rank) = most(ranks, bytes) else { return };
    let mut rows: Vec<&CopyRow> = rank.copies.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
    let curves = curves(rows.iter().map(|row| {
        let series = row.gbps_over_time.as_ref();
        (row.kind.clone(), series.map(|series| stretches(series, |most| most)))
    }));
    write(
        page,
        format!("Rate of copies{}.", of(ranks, rank)),
        "Bytes over time, the mean of each stretch of time, of the kinds that moved most. While they ran they were faster: the \
         table and the exact figures say what they reached.",
        Curves { y: (Measure::Gbps, "mean rate"), lines: curves, shows_most: false },
    );
}

/// The rank of which `figure` is the greatest, the first of equal ones; none where all are nothing.
fn most(ranks: &[Rank], figure: impl Fn(&Rank) -> f64) -> Option<&Rank> {
    let above_zero = ranks.iter().map(|rank| (rank, figure(rank))).filter(|(_, of)| *of > 0.0);
    let greatest = above_zero.rev().max_by(|left, right| left.1.total_cmp(&right.1));
    greatest.map(|(rank, _)| rank)
}

/// `" of rank 3"`, where there are several.
fn of(ranks: &[Rank], rank: &Rank) -> String {
    if ranks.len() > 1 { format!(" of {}", label(rank)) } else { String::new() }
}

fn curves(rows: impl Iterator<Item = (String, Option<Vec<Stretch>>)>) -> Vec<Curve> {
    let known = rows.filter_map(|(label, stretches)| Some(Curve { label, stretches: stretches? }));
    known.filter(|curve| !curve.stretches.is_empty()).take(MOST_CURVES).collect()
}

/// The stretches of a series; neighbours with the same level are one.
fn stretches<T: Copy>(series: &TimeSeries<T>, level: impl Fn(T) -> f64) -> Vec<Stretch> {
    let levels = |stretch: &Stretch| (stretch.mean.to_bits(), stretch.most.to_bits());
    let mut stretches: Vec<Stretch> = Vec::new();
    for (from, until, mean, most) in series.stretches() {
        let next = Stretch { from, until, mean, most: level(most) };
        match stretches.last_mut() {
            Some(last) if levels(last) == levels(&next) => last.until = until,
            _ => stretches.push(next),
        }
    }
    stretches
}

fn write(page: &mut Page, title: String, description: &str, curves: Curves) {
    if !curves.lines.is_empty() {
        page.picture(Picture::new(title, description, Drawing::Curves(curves)));
    }
}
