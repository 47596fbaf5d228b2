//! Why streams waited, a bar a stream.

use perfagent_analysis::report::{IdleRow, Rank};

use super::super::label;
use crate::page::Page;
use crate::picture::{Bars, Drawing, Fill, Part, Picture, Row};
use crate::unit;

/// Streams that have a bar.
const MOST: usize = 24;

/// Adds the picture of the streams that waited longest.
pub(in super::super) fn write(page: &mut Page, ranks: &[Rank]) {
    let whole = |row: &IdleRow| {
        row.host_wait_ns.saturating_add(row.kernel_wait_ns).saturating_add(row.other_ns)
    };
    let mut streams: Vec<(&Rank, &IdleRow)> = ranks
        .iter()
        .flat_map(|rank| rank.idle_causes.iter().map(move |row| (rank, row)))
        .filter(|(_, row)| whole(row) > 0)
        .collect();
    if streams.is_empty() {
        return;
    }
    let all = streams.len();
    streams.sort_by_key(|(_, row)| std::cmp::Reverse(whole(row)));
    streams.truncate(MOST);
    let rows = streams
        .iter()
        .map(|(rank, row)| {
            let stream = format!("device {}, stream {}", row.device, row.stream);
            Row {
                label: if ranks.len() > 1 { format!("{}, {stream}", label(rank)) } else { stream },
                values: vec![row.host_wait_ns, row.kernel_wait_ns, row.other_ns],
                note: unit::duration(whole(row)),
            }
        })
        .collect();
    let parts = [
        ("for the host", Fill::Colour(1)),
        ("between kernels", Fill::Colour(4)),
        ("other", Fill::Hollow),
    ];
    let parts = parts.map(|(name, fill)| Part { name: name.to_owned(), fill }).to_vec();
    let which = if all > MOST {
        format!(" The {MOST} of {all} streams that waited longest.")
    } else {
        String::new()
    };
    page.picture(Picture::new(
        "Why streams waited.",
        format!("A bar a stream: the time in which it ran nothing, between its operations.{which}"),
        Drawing::Bars(Bars { parts, rows, is_share: false }),
    ));
}
