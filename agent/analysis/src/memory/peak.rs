//! Peaks of memory.

use std::collections::BTreeMap;

use perfagent_recording::table::MemoryEvent;
use perfagent_recording::{CounterId, DeviceId, Recording};

use crate::process::{ProcessRows, pick};
use crate::report::{Basis, Memory};

/// Name of the sampled memory use of a device.
const DEVICE_MEMORY_COUNTER: &str = "memory_used";

/// What readings of one of CUDA's memory pools are called.
pub(super) const POOL: &str = "pool";

/// The greatest reading of each device, summed over devices. Host memory (no device) counts only on
/// runs without a GPU, where it is what the model lives in.
pub(super) fn peaks(recording: &Recording, rows: &ProcessRows) -> Memory {
    let host_counts = rows.basis != Basis::Gpu;
    let events: Vec<MemoryEvent> = pick(&recording.memory, &rows.memory)
        .filter(|event| host_counts || event.device_id.is_some())
        // One pool of CUDA is not what the program's allocator has in all.
        .filter(|event| event.kind_id.is_none_or(|kind| recording.strings.get(kind) != POOL))
        .collect();
    Memory {
        peak_allocated_bytes: peak(&events, |event| event.allocated_bytes),
        peak_reserved_bytes: peak(&events, |event| event.reserved_bytes),
        peak_device_bytes: peak(&events, |event| event.device_bytes)
            .or_else(|| sampled(recording, rows))
            .or_else(|| accumulated(&events)),
        ..Memory::default()
    }
}

fn sum_of_peaks<Device>(peaks: &BTreeMap<Device, i64>) -> Option<i64> {
    (!peaks.is_empty()).then(|| peaks.values().copied().fold(0, i64::saturating_add))
}

fn peak(events: &[MemoryEvent], reading: fn(&MemoryEvent) -> Option<i64>) -> Option<i64> {
    let mut peaks = BTreeMap::new();
    for event in events {
        if let Some(bytes) = reading(event) {
            let peak = peaks.entry(event.device_id).or_insert(bytes);
            *peak = bytes.max(*peak);
        }
    }
    sum_of_peaks(&peaks)
}

/// From samples of the process's use of its devices, which are known by their row or by their index on the machine.
fn sampled(recording: &Recording, rows: &ProcessRows) -> Option<i64> {
    let device_of: BTreeMap<CounterId, (Option<DeviceId>, Option<i64>)> = recording
        .counters
        .iter()
        .enumerate()
        .filter(|(_, counter)| {
            counter.process_id == Some(rows.process) && counter.name == DEVICE_MEMORY_COUNTER
        })
        .map(|(index, counter)| {
            (CounterId(index as i64 + 1), (counter.device_id, counter.gpu_index))
        })
        .filter(|(_, device)| *device != (None, None))
        .collect();
    if device_of.is_empty() {
        return None;
    }
    let mut peaks = BTreeMap::new();
    for sample in &recording.counter_samples {
        if let Some(&device) = device_of.get(&sample.counter_id) {
            let peak = peaks.entry(device).or_insert(0);
            *peak = (sample.value as i64).max(*peak);
        }
    }
    sum_of_peaks(&peaks)
}

/// From the driver's own allocations and frees, where nothing reports a level.
fn accumulated(events: &[MemoryEvent]) -> Option<i64> {
    let mut changes: Vec<&MemoryEvent> = events
        .iter()
        .filter(|event| {
            event.device_id.is_some() && event.bytes.is_some() && event.allocated_bytes.is_none()
        })
        .collect();
    changes.sort_by_key(|event| event.time_ns);
    let mut levels: BTreeMap<Option<DeviceId>, i64> = BTreeMap::new();
    let mut peaks = BTreeMap::new();
    for event in changes {
        let level = levels.entry(event.device_id).or_insert(0);
        *level = level.saturating_add(event.bytes.unwrap_or(0));
        let peak = peaks.entry(event.device_id).or_insert(0);
        *peak = (*level).max(*peak);
    }
    sum_of_peaks(&peaks)
}
