//! Memory over time.

use perfagent_analysis::report::Rank;

use super::super::label;
use crate::page::Page;
use crate::picture::{Drawing, Level, Picture};
use crate::unit;

/// Adds the picture of the rank whose peak is the greatest, the first of equal ones.
pub(in super::super) fn write(page: &mut Page, ranks: &[Rank]) {
    let peaks = ranks.iter().filter_map(|rank| {
        // Of the points of equal level the first.
        let highest = |points: &mut dyn DoubleEndedIterator<Item = (i64, i64)>| {
            points.rev().max_by_key(|(_, bytes)| *bytes)
        };
        let mut points =
            rank.memory.curve.iter().map(|point| (point.time_ns, point.allocated_bytes));
        Some((rank, highest(&mut points)?))
    });
    let Some((rank, peak)) = peaks.rev().max_by_key(|(_, (_, bytes))| *bytes) else { return };
    if rank.memory.curve.len() < 2 {
        return;
    }
    let of = if ranks.len() > 1 { format!(" of {}", label(rank)) } else { String::new() };
    let points = rank.memory.curve.iter();
    page.picture(Picture::new(
        format!("Memory over time{of}."),
        format!(
            "Bytes allocated over all devices, and where it is known what the allocator holds. The peak is {}. Of each of 64 \
             stretches of time the first, least, greatest and last level are drawn.",
            unit::bytes(peak.1)
        ),
        Drawing::Level(Level {
            points: points
                .map(|point| (point.time_ns, point.allocated_bytes, point.reserved_bytes))
                .collect(),
            peak,
        }),
    ));
}
