//! What only a CUDA device has.

use perfagent_kernels::cuda::{Accelerator, BySize, Peak, Peers};

use super::shared;
use super::tables::{latencies, rates, spread, tflops, watts};
use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes all of it.
pub(super) fn write(page: &mut Page, cuda: &Accelerator) {
    by_size(page, &cuda.bandwidth_by_size);
    arithmetic(page, &cuda.multiply_add);
    shared::products(page, &cuda.matrix_products);
    page.section("Copies through page-locked memory");
    page.table(rates("copy", &cuda.copies));
    page.section("Copies through ordinary memory");
    page.table(rates("copy", &cuda.pageable_copies));
    peers(page, &cuda.peer_copies);
    page.section("Launches of a kernel that does nothing");
    page.table(latencies(&cuda.launch));
    shared::collectives(page, &cuda.collectives);
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
