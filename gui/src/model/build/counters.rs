//! From counter samples and memory events to curves.

use std::collections::BTreeMap;

use perfagent_recording::table::Counter;
use perfagent_recording::{DeviceId, ProcessId, Recording};

use super::tracks::process_label;
use crate::model::series::{Quantity, Series};

/// All curves of a recording: one a counter, and those of the allocators.
pub(super) fn series(recording: &Recording) -> Vec<Series> {
    let mut samples = vec![Vec::new(); recording.counters.len()];
    for sample in &recording.counter_samples {
        let counter =
            usize::try_from(sample.counter_id.0 - 1).ok().and_then(|at| samples.get_mut(at));
        if let Some(samples) = counter {
            samples.push((sample.time_ns.unix_nanos(), sample.value));
        }
    }
    let counters = recording.counters.iter().zip(samples).map(|(counter, samples)| {
        Series::new(counter_label(recording, counter), Quantity::of_unit(&counter.unit), samples)
    });
    let mut found: Vec<_> = counters.collect();
    found.extend(memory(recording));
    found
}

fn counter_label(recording: &Recording, counter: &Counter) -> String {
    let what = match counter.name.as_str() {
        "rss" => "resident",
        "cpu" => "CPU",
        "gpu_utilization" => "GPU busy",
        "memory_used" => "device memory",
        other => other,
    };
    let owner = match (counter.process_id, counter.device_id, counter.gpu_index) {
        (Some(process), ..) => process_label(recording.process(process), process),
        (None, Some(device), _) => device_label(recording, device),
        (None, None, Some(index)) => format!("GPU {index}"),
        (None, None, None) => usize::try_from(counter.host_id.0 - 1)
            .ok()
            .and_then(|at| recording.hosts.get(at))
            .map_or_else(|| "host".to_owned(), |host| host.name.clone()),
    };
    format!("{owner} {what}")
}

fn device_label(recording: &Recording, device: DeviceId) -> String {
    recording
        .device(device)
        .map_or_else(|| "GPU".to_owned(), |device| format!("GPU {}", device.ordinal))
}

type Samples = Vec<(i64, f64)>;

/// What the allocators said: their own totals where they give them, else the sum of what they handed out.
#[derive(Default)]
struct Allocator {
    allocated: Samples,
    reserved: Samples,
    device: Samples,
    running: i64,
    summed: Samples,
}

fn memory(recording: &Recording) -> Vec<Series> {
    let mut allocators: BTreeMap<(ProcessId, Option<DeviceId>), Allocator> = BTreeMap::new();
    for event in &recording.memory {
        let allocator = allocators.entry((event.process_id, event.device_id)).or_default();
        let time = event.time_ns.unix_nanos();
        let columns = [
            (event.allocated_bytes, &mut allocator.allocated),
            (event.reserved_bytes, &mut allocator.reserved),
            (event.device_bytes, &mut allocator.device),
        ];
        for (value, samples) in columns {
            samples.extend(value.map(|value| (time, value as f64)));
        }
        if let Some(bytes) = event.bytes {
            allocator.running = allocator.running.saturating_add(bytes);
            allocator.summed.push((time, allocator.running as f64));
        }
    }
    let mut found = Vec::new();
    let mut devices: BTreeMap<ProcessId, usize> = BTreeMap::new();
    for (process, _) in allocators.keys() {
        *devices.entry(*process).or_default() += 1;
    }
    for ((process, device), mut allocator) in allocators {
        let mut owner = process_label(recording.process(process), process);
        // One process, one GPU is the rule: naming the GPU then says nothing.
        if let Some(device) =
            device.filter(|_| devices.get(&process).is_some_and(|&count| count > 1))
        {
            owner = format!("{owner} {}", device_label(recording, device));
        }
        if allocator.allocated.is_empty() {
            allocator.allocated = allocator.summed;
        }
        for (samples, what) in [
            (allocator.allocated, "allocated"),
            (allocator.reserved, "reserved"),
            (allocator.device, "device memory"),
        ] {
            found.push(Series::new(format!("{owner} {what}"), Quantity::Memory, samples));
        }
    }
    found
}
