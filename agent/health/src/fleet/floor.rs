//! Figures against what datasheets state, for kinds that are too few to be judged against each other.

use std::sync::LazyLock;

use perfagent_kernels::Datasheets;

use super::family::Family;
use super::finding::{Finding, Kind};
use super::group::Group;
use super::merge::Node;
use super::metric::{Better, Column, Table};
use super::outlier::figure;
use super::settings::Settings;
use crate::{Severity, Status};

static SHEETS: LazyLock<Option<Datasheets>> = LazyLock::new(|| Datasheets::load(None).ok());

/// Shares of the stated peak that a healthy GPU exceeds: copies reach 80 to 84 % on A100, H200 and B200, large products 80 to 87 %
/// where power allows (both published by several parties), rings of eight GPUs 78 % of their links.
const MEMORY: f64 = 0.7;
const COMPUTE: f64 = 0.5;
const RING: f64 = 0.7;

/// Holds the figures of a small kind against their floors.
pub(super) fn judge(group: &Group, table: &Table, nodes: &mut [Node], settings: &Settings) {
    if !group.is_small(settings) {
        return;
    }
    for column in &table.columns {
        let Some((floor, of)) = floor(group, column) else { continue };
        for &(number, device, value) in &column.cells {
            if value >= floor || !group.has(number) {
                continue;
            }
            let gpu = device.filter(|_| column.of_gpus);
            let unit = column.unit.clone().unwrap_or_default();
            let finding = Finding {
                value: Some(value.into()),
                expected: Some(floor.into()),
                unit: column.unit.clone(),
                ..Finding::new(
                    Kind::Floor,
                    gpu.map_or("host".to_owned(), |gpu| format!("GPU {gpu}")),
                    &column.name,
                    Status::Critical,
                    Severity::Isolate,
                    format!(
                        "{} is {} {unit}, below {} {unit}, {of}",
                        column.name,
                        figure(value),
                        figure(floor)
                    ),
                    Family::of(&column.name).action(gpu),
                )
            };
            nodes[number].findings.push(finding);
        }
    }
}

/// Whether a metric of this kind has a floor.
pub(super) fn has(group: &Group, column: &Column) -> bool {
    floor(group, column).is_some()
}

/// The least figure of a healthy GPU in the metric's own unit, and what share of what it is.
fn floor(group: &Group, column: &Column) -> Option<(f64, String)> {
    if column.better != Better::Higher {
        return None;
    }
    let product = group.product.as_deref()?;
    let sheet = SHEETS.as_ref()?.of(product)?;
    let name = column.name.to_ascii_lowercase();
    let unit = column.unit.as_deref()?;
    let (peak, share, what) = match (Family::of(&column.name), unit) {
        (Family::Memory, "GB/s") => {
            (sheet.memory_bandwidth_gbps.as_ref()?.value, MEMORY, "memory bandwidth")
        }
        (Family::Compute, "TFLOP/s") => {
            let formats = ["bf16", "fp16", "tf32", "fp8", "fp64", "fp32"];
            let format = formats.iter().find(|format| name.contains(**format))?;
            let key = if *format == "fp8" { "fp8_e4m3" } else { format };
            (sheet.tflops(key)?, COMPUTE, "dense rate")
        }
        (Family::Interconnect, "GB/s")
            if name.contains("reduce") && name.contains("busbw") && name.contains("8 gpus") =>
        {
            // Stated for both directions together.
            (sheet.nvlink_gbps.as_ref()?.value / 2.0, RING, "bandwidth of its links")
        }
        _ => return None,
    };
    Some((share * peak, format!("{:.0} % of the stated {what} of the {product}", 100.0 * share)))
}
