//! What only a CUDA device has.

use perfagent_kernels::cuda::{
    Accelerator, BySize, Collectives, OfDtype, Peak, Peers, Product, Products,
};

use super::tables::{latencies, rates, spread, tflops, watts};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes all of it.
pub(super) fn write(page: &mut Page, cuda: &Accelerator) {
    by_size(page, &cuda.bandwidth_by_size);
    arithmetic(page, &cuda.multiply_add);
    products(page, &cuda.matrix_products);
    page.section("Copies through page-locked memory");
    page.table(rates("copy", &cuda.copies));
    page.section("Copies through ordinary memory");
    page.table(rates("copy", &cuda.pageable_copies));
    peers(page, &cuda.peer_copies);
    page.section("Launches of a kernel that does nothing");
    page.table(latencies(&cuda.launch));
    collectives(page, &cuda.collectives);
}

fn by_size(page: &mut Page, by_size: &BySize) {
    page.section("Bandwidth by working set");
    let mut headings = vec!["working set"];
    headings.extend(by_size.kernels.iter().map(|curve| curve.name));
    let mut table = Table::new(headings);
    let sizes = by_size.kernels.first().map_or(&[][..], |curve| &curve.points);
    for (place, point) in sizes.iter().enumerate() {
        let mut row = vec![Cell::Figure(unit::bytes(point.working_set_bytes as i64))];
        row.extend(by_size.kernels.iter().map(|curve| {
            let rate = curve.points.get(place).map(|point| point.rate.median_gbps);
            Cell::Figure(unit::known(rate, unit::rate))
        }));
        table.row(row);
    }
    page.table(table);
    page.paragraph(format!("Medians; {}.", by_size.convention));
}

fn arithmetic(page: &mut Page, peaks: &[Peak]) {
    page.section("Fused multiply-adds");
    let mut table = Table::new(["numbers", "best", "median", "±", "power"]);
    for Peak { dtype, compute } in peaks {
        table.row([
            Cell::text(*dtype),
            Cell::Figure(tflops(compute.best_tflops)),
            Cell::Figure(tflops(compute.median_tflops)),
            Cell::Figure(spread(compute.interval_tflops, compute.median_tflops)),
            Cell::Figure(watts(compute.mean_watts)),
        ]);
    }
    page.table(table);
}

fn products(page: &mut Page, products: &Products) {
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
    page.paragraph(format!(
        "{library}; {}. All shapes are in the answer as JSON.",
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
        Cell::text(row.dtype),
        Cell::Figure(tflops(compute.median_tflops)),
        Cell::Figure(format!("{} × {} × {}", best.shape.m, best.shape.n, best.shape.k)),
        Cell::Figure(spread(compute.interval_tflops, compute.median_tflops)),
        Cell::Figure(unit::known(sustained, |compute| tflops(compute.median_tflops))),
        Cell::Figure(watts(sustained.and_then(|compute| compute.mean_watts))),
        Cell::Figure(format!("{}{left_out}", row.shapes.len())),
    ]
}

fn peers(page: &mut Page, peers: &Peers) {
    page.section("Copies between devices");
    if let Some(reason) = &peers.reason {
        page.paragraph(format!("Not measured: {reason}."));
        return;
    }
    let mut table = Table::new(["device", "way", "copy", "median", "±"]);
    for peer in &peers.peers {
        for copy in &peer.copies {
            table.row([
                Cell::text(&peer.device),
                Cell::text(if peer.direct { "direct" } else { "through the host" }),
                Cell::text(copy.name),
                Cell::Figure(unit::rate(copy.median_gbps)),
                Cell::Figure(spread(copy.interval_gbps, copy.median_gbps)),
            ]);
        }
    }
    page.table(table);
}

fn collectives(page: &mut Page, collectives: &Collectives) {
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
            Cell::text(curve.collective),
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
