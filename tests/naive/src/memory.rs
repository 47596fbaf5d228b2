//! Peaks of memory: the greatest reading of each device, summed over the devices.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::file::{File, Memory};

/// The peaks of a process. Memory of the host counts only where there is no GPU.
pub(crate) fn peaks(file: &File, process: i64, on_gpu: bool) -> Value {
    let mut rows = file.memory(process);
    // A pool of CUDA is not what the allocator has in all.
    rows.retain(|row| (row.device.is_some() || !on_gpu) && row.kind.as_deref() != Some("pool"));
    let device_bytes = peak(&rows, |row| row.device_bytes)
        .or_else(|| file.sampled_memory(process))
        .or_else(|| of_changes(&rows));
    json!({
        "peak_allocated_bytes": peak(&rows, |row| row.allocated),
        "peak_reserved_bytes": peak(&rows, |row| row.reserved),
        "peak_device_bytes": device_bytes,
    })
}

fn peak(rows: &[Memory], reading: impl Fn(&Memory) -> Option<i64>) -> Option<i64> {
    let mut readings: BTreeMap<Option<i64>, Vec<i64>> = BTreeMap::new();
    for row in rows {
        if let Some(bytes) = reading(row) {
            readings.entry(row.device).or_default().push(bytes);
        }
    }
    let peaks = readings.values().filter_map(|readings| readings.iter().max());
    (!readings.is_empty()).then(|| peaks.sum())
}

/// Of what the driver allocated and freed, where nothing tells a level.
fn of_changes(rows: &[Memory]) -> Option<i64> {
    let mut levels: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.allocated.is_none()) {
        if let (Some(device), Some(bytes)) = (row.device, row.bytes) {
            let levels = levels.entry(device).or_insert_with(|| vec![0]);
            let level = levels.last().unwrap_or(&0) + bytes;
            levels.push(level);
        }
    }
    let peaks = levels.values().filter_map(|levels| levels.iter().max());
    (!levels.is_empty()).then(|| peaks.sum())
}
