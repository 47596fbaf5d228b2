//! What the steps of two sides do differently, kernel by kernel and operator by operator.

use perfagent_analysis::{Difference, KernelDifference, OperatorDifference};

use crate::page::{Cell, Page, Table};
use crate::unit;

/// Rows of each table; `--json` has all of them.
const TOP: usize = 10;

/// Longest former name, in characters.
const WAS: usize = 40;

/// Changes below this are the clock's, ns a step.
const LEAST_NS: f64 = 1.0;

/// Writes the kernels and operators of which a step's time changed by more than the threshold, and those of one side only.
pub(super) fn write(page: &mut Page, difference: &Difference, threshold_pct: f64) {
    let differs = |base: f64, new: f64| {
        let change = (new - base).abs();
        change >= LEAST_NS && change * 100.0 > base * threshold_pct
    };
    let kernels: Vec<Changed> = changed(difference)
        .into_iter()
        .filter(|(row, was)| {
            was.is_some() || row.appeared() || row.vanished() || differs(row.base_ns, row.new_ns)
        })
        .collect();
    if !kernels.is_empty() {
        write_kernels(page, difference, &kernels);
    }
    let operators: Vec<&OperatorDifference> = difference
        .operators
        .iter()
        .filter(|row| {
            row.appeared()
                || row.vanished()
                || differs(row.base_gpu_ns, row.new_gpu_ns)
                || differs(row.base_host_ns, row.new_host_ns)
        })
        .collect();
    if !operators.is_empty() {
        write_operators(page, &operators);
    }
}

/// A kernel, and its name in the base runs where that is another one.
type Changed = (KernelDifference, Option<String>);

/// All kernels, those that only changed their name once.
fn changed(difference: &Difference) -> Vec<Changed> {
    let is_old = |at: &usize| difference.renames.iter().any(|(old, _)| old == at);
    let mut rows: Vec<Changed> = (0..difference.kernels.len())
        .filter(|at| !is_old(at))
        .filter_map(|at| {
            let row = difference.kernels.get(at)?;
            let old = difference.renames.iter().find(|(_, new)| *new == at);
            let Some(old) = old.and_then(|(old, _)| difference.kernels.get(*old)) else {
                return Some((row.clone(), None));
            };
            let (base_count, base_ns) = (old.base_count, old.base_ns);
            Some((KernelDifference { base_count, base_ns, ..row.clone() }, Some(old.name.clone())))
        })
        .collect();
    rows.sort_by(|a, b| b.0.change_ns().abs().total_cmp(&a.0.change_ns().abs()));
    rows
}

fn write_kernels(page: &mut Page, difference: &Difference, rows: &[Changed]) {
    page.section(heading("Kernels", rows.len()));
    let mut table = Table::new(["kernel", "runs a step", "time a step", "change", ""]);
    for (row, was) in rows.iter().take(TOP) {
        let side = match was {
            Some(was) => format!("was {}", crate::page::kernel(was, WAS)),
            None => side(row.appeared(), row.vanished()).to_owned(),
        };
        table.row([
            Cell::kernel(&row.name),
            Cell::figure(counts(row.base_count, row.new_count)),
            Cell::figure(times(row.base_ns, row.new_ns)),
            Cell::figure(change(row.base_ns, row.new_ns)),
            Cell::text(side),
        ]);
    }
    page.table(table);
    page.paragraph(format!(
        "Kernels of a step that are the same in the same order: {}. Places where the order differs: {}.",
        difference.common,
        difference.order.len()
    ));
}

fn write_operators(page: &mut Page, rows: &[&OperatorDifference]) {
    page.section(heading("Operators", rows.len()));
    let mut table = Table::new([
        "operator",
        "runs a step",
        "own time on the host",
        "change",
        "on the GPU",
        "change",
        "",
    ]);
    for row in rows.iter().take(TOP) {
        table.row([
            Cell::name(&row.name),
            Cell::figure(counts(row.base_count, row.new_count)),
            Cell::figure(times(row.base_host_ns, row.new_host_ns)),
            Cell::figure(change(row.base_host_ns, row.new_host_ns)),
            Cell::figure(times(row.base_gpu_ns, row.new_gpu_ns)),
            Cell::figure(change(row.base_gpu_ns, row.new_gpu_ns)),
            Cell::text(side(row.appeared(), row.vanished())),
        ]);
    }
    page.table(table);
}

fn heading(nouns: &str, rows: usize) -> String {
    if rows > TOP {
        format!("{nouns} that changed, the {TOP} that changed most of {rows}")
    } else {
        format!("{nouns} that changed")
    }
}

fn counts(base: f64, new: f64) -> String {
    let (base, new) = (unit::significant(base), unit::significant(new));
    if base == new { base } else { format!("{base} → {new}") }
}

fn times(base: f64, new: f64) -> String {
    format!("{} → {}", unit::mean_duration(base), unit::mean_duration(new))
}

fn change(base: f64, new: f64) -> String {
    unit::known((base > 0.0).then(|| (new - base) * 100.0 / base), unit::change)
}

fn side(appeared: bool, vanished: bool) -> &'static str {
    match (appeared, vanished) {
        (true, _) => "new",
        (_, true) => "gone",
        _ => "",
    }
}
