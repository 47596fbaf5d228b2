//! From the host to the GPU: whose time the GPU's is, what held the end up, what operators achieved, how launches queued.

use std::collections::BTreeMap;

use perfagent_analysis::report::{
    CriticalKind, CriticalPathFigures, LaunchedRow, Rank, RooflineRow,
};
use perfagent_analysis::{brief_kernel_name, total};

use super::{TOP_OPERATIONS, TOP_RANGES, label_cell, of_ranks, picture, top_of};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes the operators and ranges by the time of what they launched.
pub(super) fn write_linked(page: &mut Page, ranks: &[Rank]) {
    let operators = total::launched(ranks, |rank| rank.operator_gpu.as_slice());
    write_launched(page, ranks, &operators, "operators by GPU time");
    let ranges = total::launched(ranks, |rank| rank.range_gpu.as_slice());
    write_launched(page, ranks, &ranges, "NVTX ranges by GPU time");
}

fn write_launched(page: &mut Page, ranks: &[Rank], rows: &[LaunchedRow], nouns: &str) {
    if rows.is_empty() {
        return;
    }
    let shown = rows.len().min(TOP_RANGES);
    page.section(format!("{}{}", top_of(shown, rows.len(), nouns), of_ranks(ranks)));
    let total = rows.iter().map(|row| row.own_gpu_ns).sum();
    let mut table =
        Table::new(["name", "count", "own", "with nested", "operations", "share", "most of it in"]);
    for row in &rows[..shown] {
        table.row([
            Cell::name(&row.name),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.own_gpu_ns)),
            Cell::figure(unit::duration(row.gpu_ns)),
            Cell::figure(unit::count(row.operations)),
            Cell::figure(unit::share(row.own_gpu_ns, total)),
            Cell::kernel(row.kernels.first().map_or("-", |kernel| &kernel.name)),
        ]);
    }
    page.table(table);
}

/// Writes the sequences of GPU operations that are launched again and again.
pub(super) fn write_sequences(page: &mut Page, ranks: &[Rank]) {
    let rows = total::sequences(ranks);
    if rows.is_empty() {
        return;
    }
    let shown = rows.len().min(TOP_RANGES);
    page.section(format!(
        "{}{}",
        top_of(shown, rows.len(), "repeated sequences of GPU operations"),
        of_ranks(ranks)
    ));
    let mut table = Table::new([
        "operator",
        "times",
        "on the GPU",
        "on the host",
        "operations",
        "in this order",
    ]);
    for row in &rows[..shown] {
        table.row([
            Cell::name(&row.operator),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.gpu_ns)),
            Cell::figure(unit::duration(row.host_ns)),
            Cell::figure(unit::count(row.kernels.len() as i64)),
            Cell::text(in_order(&row.kernels)),
        ]);
    }
    page.table(table);
}

/// The operations of a sequence in short, the same in a row once.
fn in_order(kernels: &[String]) -> String {
    let groups = kernels.chunk_by(|left, right| left == right).map(|same| {
        let name = same.first().map_or_else(String::new, |name| brief_kernel_name(name));
        if same.len() > 1 { format!("{} × {name}", same.len()) } else { name }
    });
    groups.collect::<Vec<_>>().join(", ")
}

/// Writes the critical path of each rank by kind, and of all together by name.
pub(super) fn write_critical_path(page: &mut Page, ranks: &[Rank]) {
    let paths: Vec<_> =
        ranks.iter().filter_map(|rank| Some((rank, rank.critical_path.as_ref()?))).collect();
    if paths.is_empty() {
        return;
    }
    // Long recordings have the path of a part.
    let is_part = paths.iter().any(|(rank, path)| {
        let whole = if rank.steps.is_empty() { rank.span_ns } else { rank.training.window_ns };
        path.window_ns < whole
    });
    page.section(if is_part {
        "Critical path of a part in the middle: what held up its end"
    } else {
        "Critical path: what held up the end"
    });
    // Of communication with ranks that are not in the report it is not known.
    let of_kind = |path: &CriticalPathFigures, kind: &str| {
        path.by_kind.iter().find(|row| row.kind == kind).cloned().unwrap_or_default()
    };
    let communication: Vec<CriticalKind> =
        paths.iter().map(|(_, path)| of_kind(path, "communication")).collect();
    let is_matched = communication.iter().any(|row| row.waiting_ns.is_some());
    let mut headings = vec!["", "time", "host", "launch delay", "kernels", "communication"];
    headings.extend(is_matched.then_some("waiting for ranks"));
    headings.extend(["copies", "waits", "idle"]);
    let mut table = Table::new(headings);
    for ((rank, path), communication) in paths.iter().zip(&communication) {
        let share = |time| unit::share(time, path.window_ns);
        let mut cells = vec![label_cell(rank), Cell::figure(unit::duration(path.window_ns))];
        for kind in ["host", "launch_delay", "kernel", "communication", "copy", "wait", "idle"] {
            cells.push(Cell::figure(share(of_kind(path, kind).total_ns)));
            if kind == "communication" && is_matched {
                cells.push(Cell::figure(unit::known(communication.waiting_ns, share)));
            }
        }
        table.row(cells);
    }
    page.table(table);
    let window: i64 = paths.iter().map(|(_, path)| path.window_ns).sum();
    let mut names: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for row in paths.iter().flat_map(|(_, path)| &path.by_name) {
        let sum = names.entry((&row.name, &row.kind)).or_default();
        *sum = (sum.0 + row.count, sum.1 + row.total_ns);
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, (_, time))| std::cmp::Reverse(*time));
    let mut table = Table::new(["on the path", "as", "pieces", "time", "share"]);
    for ((name, kind), (count, time)) in names.into_iter().take(TOP_OPERATIONS) {
        table.row([
            Cell::kernel(name),
            Cell::text(kind.replace('_', " ")),
            Cell::figure(unit::count(count)),
            Cell::figure(unit::duration(time)),
            Cell::figure(unit::share(time, window)),
        ]);
    }
    page.table(table);
    let sum = |time: fn(&CriticalKind) -> i64| communication.iter().map(time).sum::<i64>();
    let (all, matched) = (sum(|row| row.total_ns), sum(|row| row.matched_ns.unwrap_or(0)));
    if is_matched && matched < all {
        page.paragraph(format!(
            "How much of the communication was waiting for ranks that began later is known of {} of it: the rest was not \
             found on every rank of its group.",
            unit::share(matched, all)
        ));
    }
    page.paragraph("Making one of them free saves its time on the path at most; what is not on the path saves nothing.");
}

/// Writes what operators achieved, those with most time.
pub(super) fn write_roofline(page: &mut Page, ranks: &[Rank]) {
    let mut points: Vec<(&Rank, &RooflineRow)> =
        ranks.iter().flat_map(|rank| rank.roofline.iter().map(move |row| (rank, row))).collect();
    if points.is_empty() {
        return;
    }
    points.sort_by_key(|(_, row)| std::cmp::Reverse(row.time_ns));
    let shown = points.len().min(TOP_RANGES);
    page.section(top_of(shown, points.len(), "operators by what they achieved"));
    picture::write_roofline(page, &points[..shown], ranks.len() > 1);
    let mut table = Table::new([
        "",
        "name",
        "shapes",
        "type",
        "count",
        "time",
        "TFLOP/s",
        "traffic",
        "FLOP/byte",
    ]);
    for (rank, row) in &points[..shown] {
        table.row([
            label_cell(rank),
            Cell::name(&row.name),
            Cell::name(&row.shapes),
            Cell::text(unit::known(row.dtype.clone(), |dtype| dtype)),
            Cell::figure(unit::count(row.count)),
            Cell::figure(unit::duration(row.time_ns)),
            Cell::figure(unit::significant((row.tflops * 100.0).round() / 100.0)),
            Cell::figure(unit::known(row.gbps, unit::rate)),
            Cell::figure(unit::known(row.intensity, |intensity| {
                unit::significant((intensity * 10.0).round() / 10.0)
            })),
        ]);
    }
    page.table(table);
}

/// Writes how launches queued for each stream, and what launching cost.
pub(super) fn write_queues(page: &mut Page, ranks: &[Rank]) {
    if ranks.iter().all(|rank| rank.launch_statistics.launches == 0) {
        return;
    }
    page.section("Launches waiting for their stream");
    picture::write_queues(page, ranks);
    let mut table =
        Table::new(["", "device", "stream", "launches", "most", "mean", "none", "full"]);
    for rank in ranks {
        for row in rank.queue.iter().filter(|row| row.launches > 0) {
            table.row([
                label_cell(rank),
                Cell::figure(row.device.to_string()),
                Cell::figure(row.stream.to_string()),
                Cell::figure(unit::count(row.launches)),
                Cell::figure(unit::count(row.max)),
                Cell::figure(unit::known(row.mean, |mean| format!("{mean:.1}"))),
                Cell::figure(unit::share(row.empty_ns, row.window_ns)),
                Cell::figure(unit::share(row.blocked_ns, row.window_ns)),
            ]);
        }
    }
    page.table(table);
    page.section("What launching cost");
    let mut table = Table::new([
        "",
        "launches",
        "in calls",
        "work shorter than its call",
        "calls over 50 µs",
        "started over 100 µs late",
    ]);
    for rank in ranks {
        let row = &rank.launch_statistics;
        let count = |count, share| {
            let share = unit::known(share, unit::percent);
            Cell::figure(format!("{} ({share})", unit::count(count)))
        };
        table.row([
            label_cell(rank),
            Cell::figure(unit::count(row.launches)),
            Cell::figure(unit::duration(row.call_ns)),
            count(row.short, row.short_pct),
            count(row.slow, row.slow_pct),
            count(row.late, row.late_pct),
        ]);
    }
    page.table(table);
}

#[cfg(test)]
mod tests {
    use perfagent_analysis::report::{CriticalKind, CriticalPathFigures, Rank};

    use super::write_critical_path;
    use crate::page::{Form, Page};

    fn rank(number: i64, waiting: Option<(i64, i64)>) -> Rank {
        let communication = CriticalKind {
            kind: "communication".to_owned(),
            total_ns: 400,
            matched_ns: waiting.map(|(matched, _)| matched),
            waiting_ns: waiting.map(|(_, waiting)| waiting),
            ..CriticalKind::default()
        };
        let by_kind = vec![communication];
        let path = CriticalPathFigures { window_ns: 1000, by_kind, ..Default::default() };
        Rank { rank: Some(number), critical_path: Some(path), ..Rank::default() }
    }

    fn text(ranks: &[Rank]) -> String {
        let mut page = Page::default();
        write_critical_path(&mut page, ranks);
        page.render(Form::Text)
    }

    #[test]
    fn waiting_for_other_ranks_is_shown_where_it_is_known() {
        let page = text(&[rank(0, Some((400, 300))), rank(1, None)]);
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.contains("rank "))
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        let row = |waiting| {
            let (none, some) = ("0.0 %", "40.0 %");
            vec!["1.000 µs", none, none, none, some, waiting, none, none, none]
        };
        assert_eq!(rows[0][1..], row("30.0 %"), "{page}");
        assert_eq!(rows[1][1..], row("-"), "{page}");
        assert!(page.contains("communication  waiting for ranks  copies"), "{page}");
        assert!(page.contains("is known of 50.0 % of it"), "{page}");
    }

    #[test]
    fn a_rank_alone_says_nothing_of_waiting() {
        let page = text(&[rank(0, None)]);
        assert!(page.contains("communication  copies") && !page.contains("known of"), "{page}");
    }
}
