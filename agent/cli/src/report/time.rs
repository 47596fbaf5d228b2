//! Where the time went: the steps and the whole span, divided into parts that add up.

use perfagent_analysis::report::{Basis, Breakdown, Rank};
use perfagent_analysis::total;

use super::{label_cell, of_ranks, picture};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes the parts of all ranks together and, when there are several, one row a rank.
pub(super) fn write(page: &mut Page, ranks: &[Rank]) {
    page.section(format!("Where the time goes{}", of_ranks(ranks)));
    let whole = total::breakdowns(ranks.iter().map(|rank| &rank.breakdown));
    // Start-up and what follows the last step hide what a step is made of: where there are steps, they
    // come first.
    let stepped = ranks.iter().all(|rank| rank.training.window_ns > 0);
    let steps = stepped.then(|| total::breakdowns(ranks.iter().map(|rank| &rank.training)));
    let divided: fn(&Rank) -> &Breakdown =
        if stepped { |rank| &rank.training } else { |rank| &rank.breakdown };
    let what = if stepped { "first step to last" } else { "whole span" };
    picture::write_time(page, ranks, divided, what);
    page.table(parts(&whole, steps.as_ref(), ranks.iter().any(|rank| rank.basis == Basis::Gpu)));
    if let [rank] = ranks {
        if let Some(overlap) = rank.overlap_pct {
            page.paragraph(format!(
                "{} of the communication ({}) ran beside computation.",
                unit::percent(overlap),
                unit::duration(rank.comm_ns)
            ));
        }
    } else {
        page.section(if stepped { "By rank, first step to last" } else { "By rank" });
        page.table(by_rank(ranks, divided));
    }
}

fn parts(whole: &Breakdown, steps: Option<&Breakdown>, on_gpu: bool) -> Table {
    let mut table = if steps.is_some() {
        Table::new(["", "first to last step", "share", "", "whole span", "share"])
    } else {
        Table::new(["", "whole span", "share", ""])
    };
    let mut row = |name: &str, part: &dyn Fn(&Breakdown) -> i64| {
        let figures = |of: &Breakdown| {
            let part = part(of);
            [Cell::figure(unit::duration(part)), Cell::figure(unit::share(part, of.window_ns))]
        };
        let first = steps.unwrap_or(whole);
        let mut cells = vec![Cell::text(name)];
        cells.extend(figures(first));
        cells.push(Cell::bar(part(first), first.window_ns));
        if steps.is_some() {
            cells.extend(figures(whole));
        }
        table.row(cells);
    };
    row("computation", &|of| of.compute_ns);
    let mut categories: Vec<&str> =
        whole.categories.iter().map(|category| category.category.as_str()).collect();
    let time_of = |of: &Breakdown, name: &str| {
        let share = of.categories.iter().find(|category| category.category == name);
        share.map_or(0, |category| category.total_ns)
    };
    categories.sort_by_key(|name| std::cmp::Reverse(time_of(steps.unwrap_or(whole), name)));
    for name in categories {
        row(&format!("· {name}"), &|of| time_of(of, name));
    }
    row("exposed communication", &|of| of.exposed_comm_ns);
    if on_gpu || whole.exposed_copy_ns > 0 {
        row("exposed copies", &|of| of.exposed_copy_ns);
    }
    if whole.data_ns > 0 {
        row("loading data", &|of| of.data_ns);
    }
    row("idle", &|of| of.idle_ns);
    table
}

fn by_rank(ranks: &[Rank], parts: impl Fn(&Rank) -> &Breakdown) -> Table {
    let mut table = Table::new([
        "",
        "host",
        "time",
        "computation",
        "exposed comm.",
        "exposed copies",
        "loading data",
        "idle",
        "comm. overlapped",
    ]);
    for rank in ranks {
        let parts = parts(rank);
        let share = |part: i64| Cell::figure(unit::share(part, parts.window_ns));
        table.row([
            label_cell(rank),
            Cell::text(&rank.host),
            Cell::figure(unit::duration(parts.window_ns)),
            share(parts.compute_ns),
            share(parts.exposed_comm_ns),
            share(parts.exposed_copy_ns),
            share(parts.data_ns),
            share(parts.idle_ns),
            Cell::figure(unit::known(rank.overlap_pct, unit::percent)),
        ]);
    }
    table
}
