//! What processors and GPUs have both: matrix products and collectives.

use perfagent_kernels::{Collectives, OfDtype, OfShape, Operators, Product, Products};

use super::tables::{spread, tflops, watts};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Matrix products.
pub(super) fn products(page: &mut Page, products: &Products) {
    page.section("Matrix products");
    if let Some(reason) = &products.reason {
        page.paragraph(format!("Not measured: {reason}."));
        return;
    }
    let mut table =
        Table::new(["numbers", "best median", "of m × n × k", "±", "sustained", "power", "shapes"]);
    for row in &products.dtypes {
        if let Some(best) = &row.best {
            table.row(of_dtype(row, best));
        }
    }
    page.table(table);
    let missing = products.dtypes.iter().filter_map(|row| row.reason.clone()).collect::<Vec<_>>();
    if !missing.is_empty() {
        page.items(missing);
    }
    let library = products.library.as_deref().unwrap_or("unnamed");
    let threads = products.threads.map_or_else(String::new, |count| format!(", {count} threads"));
    page.paragraph(format!(
        "{library}{threads}; {}. All shapes are in the answer as JSON.",
        products.convention
    ));
}

fn of_dtype(row: &OfDtype, best: &Product) -> Vec<Cell> {
    let compute = &best.compute;
    let sustained = row.sustained.as_ref().map(|product| &product.compute);
    let left_out = match row.left_out {
        0 => String::new(),
        left_out => format!(", {left_out} left out"),
    };
    vec![
        Cell::text(row.dtype.as_ref()),
        Cell::Figure(tflops(compute.median_tflops)),
        Cell::Figure(format!("{} × {} × {}", best.shape.m, best.shape.n, best.shape.k)),
        Cell::Figure(spread(compute.interval_tflops, compute.median_tflops)),
        Cell::Figure(unit::known(sustained, |compute| tflops(compute.median_tflops))),
        Cell::Figure(watts(sustained.and_then(|compute| compute.mean_watts))),
        Cell::Figure(format!("{}{left_out}", row.shapes.len())),
    ]
}

/// What training is made of beside products: the largest shape of each operator.
pub(super) fn operators(page: &mut Page, operators: &Operators) {
    if operators.reason.is_none() && operators.rows.is_empty() {
        return;
    }
    page.section("Operators");
    if let Some(reason) = &operators.reason {
        page.paragraph(format!("Not measured: {reason}."));
        return;
    }
    let mut table = Table::new(["operator", "numbers", "of", "forward", "backward"]);
    let size = |row: &OfShape| row.shape.iter().product::<u64>();
    let is_same = |a: &OfShape, b: &OfShape| a.operator == b.operator && a.dtype == b.dtype;
    for row in &operators.rows {
        let mut others = operators.rows.iter().filter(|other| is_same(row, other));
        if others.any(|other| size(other) > size(row)) {
            continue;
        }
        let sides = row.shape.iter().map(u64::to_string).collect::<Vec<_>>();
        let backward = row.backward.as_ref();
        table.row([
            Cell::text(row.operator.as_ref()),
            Cell::text(row.dtype.as_ref()),
            Cell::Figure(sides.join(" × ")),
            Cell::Figure(unit::mean_duration(row.forward.median_ns)),
            Cell::Figure(unit::known(backward, |time| unit::mean_duration(time.median_ns))),
        ]);
    }
    page.table(table);
    page.paragraph(format!(
        "Medians; {}. All shapes are in the answer as JSON.",
        operators.convention
    ));
}

/// Collectives.
pub(super) fn collectives(page: &mut Page, collectives: &Collectives) {
    page.section("Collectives");
    if let Some(reason) = &collectives.reason {
        page.paragraph(format!("Not measured: {reason}."));
        return;
    }
    let mut table =
        Table::new(["collective", "ranks", "alpha", "beta", "error", "largest", "bus bandwidth"]);
    for curve in &collectives.curves {
        let fit = curve.fit.as_ref();
        let largest = curve.points.last();
        table.row([
            Cell::text(curve.collective.as_ref()),
            Cell::Figure(curve.ranks.to_string()),
            Cell::Figure(unit::known(fit, |fit| unit::mean_duration(fit.alpha_us * 1e3))),
            Cell::Figure(unit::known(fit, |fit| unit::rate(fit.gbps))),
            Cell::Figure(unit::known(fit, |fit| unit::percent(fit.relative_error * 100.0))),
            Cell::Figure(unit::known(largest, |point| unit::bytes(point.bytes as i64))),
            Cell::Figure(unit::known(largest, |point| unit::rate(point.bus_gbps))),
        ]);
    }
    page.table(table);
    let library = collectives.library.as_deref().unwrap_or("unnamed");
    page.paragraph(format!(
        "{library}; {}. alpha + bytes / beta is the line with the least squares of relative errors through the medians; error is the root of their mean.",
        collectives.convention
    ));
}
