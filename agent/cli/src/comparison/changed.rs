//! What the steps of two sides do differently, kernel by kernel and operator by operator.

use perfagent_analysis::{Difference, KernelDifference, OperatorDifference, StepProfile};
use perfagent_regress::compare::Comparison;
use serde::Serialize;

use super::Run;
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Rows of each table; `--json` has all of them.
const TOP: usize = 10;

/// Changes below this are the clock's, ns a step.
const LEAST_NS: f64 = 1.0;

/// The answer of `compare`: the judgement, and what the steps do differently.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
    /// `None` where the environments forbid a comparison.
    pub(crate) difference: Option<Difference>,
}

/// Compares the steps of two sides.
pub(super) fn difference(base: Vec<Run>, new: Vec<Run>) -> Difference {
    let together = |side: Vec<Run>| {
        side.into_iter().fold(StepProfile::default(), |mut sum, run| {
            sum.add(run.profile);
            sum
        })
    };
    Difference::between(&together(base), &together(new))
}

/// Writes the kernels and operators of which a step's time changed by more than the threshold, and those of one side only.
pub(super) fn write(page: &mut Page, difference: &Difference, threshold_pct: f64) {
    let differs = |base: f64, new: f64| {
        let change = (new - base).abs();
        change >= LEAST_NS && change * 100.0 > base * threshold_pct
    };
    let kernels: Vec<&KernelDifference> = difference
        .kernels
        .iter()
        .filter(|row| row.appeared() || row.vanished() || differs(row.base_ns, row.new_ns))
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

fn write_kernels(page: &mut Page, difference: &Difference, rows: &[&KernelDifference]) {
    page.section(heading("Kernels", rows.len()));
    let mut table = Table::new(["kernel", "runs a step", "time a step", "change", ""]);
    for row in rows.iter().take(TOP) {
        table.row([
            Cell::kernel(&row.name),
            Cell::figure(counts(row.base_count, row.new_count)),
            Cell::figure(times(row.base_ns, row.new_ns)),
            Cell::figure(change(row.base_ns, row.new_ns)),
            Cell::text(side(row.appeared(), row.vanished())),
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
