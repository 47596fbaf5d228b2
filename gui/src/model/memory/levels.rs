//! Levels of memory over time: what the allocator handed out and holds, and what the device has in use.

use std::collections::BTreeMap;

use perfagent_recording::table::Counter;
use perfagent_recording::{DeviceId, Recording};

use crate::model::series::{Quantity, Series};
use crate::model::viewport::Viewport;

/// What a level is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Handed out by the framework's allocator.
    Allocated,
    /// Held by the framework's allocator.
    Reserved,
    /// That the driver accounts to the process, or that is in use of the device.
    Device,
    /// Pages of the process in main memory.
    Resident,
}

impl Level {
    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Allocated => "Allocated",
            Self::Reserved => "Reserved",
            Self::Device => "Device memory",
            Self::Resident => "Resident",
        }
    }

    /// What it means.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Allocated => "Bytes that the framework's allocator has handed out",
            Self::Reserved => "Bytes that the framework's allocator holds, used or not",
            Self::Device => "Bytes in use of the device, by the driver",
            Self::Resident => "Pages of the process that are in main memory",
        }
    }
}

/// One level of one device (or of the host).
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it is of.
    pub level: Level,
    /// Its name: with the device where the process has several.
    pub label: String,
    /// Its course, bytes.
    pub series: Series,
}

/// The memory of one process.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// In the order of [`Level`].
    pub curves: Vec<Curve>,
    /// Memory of its device, bytes; of several that it used, the least.
    pub device_bytes: Option<i64>,
    /// Events of the allocator that the curves are of.
    pub events: usize,
}

impl Levels {
    /// The stretch to look at: that of the recording's events and of the allocator's. Samples begin long
    /// before a program does anything.
    #[must_use]
    pub fn window(&self, whole: Viewport) -> Viewport {
        let of_allocator =
            |curve: &&Curve| matches!(curve.level, Level::Allocated | Level::Reserved);
        let spans = self.curves.iter().filter(of_allocator).filter_map(|curve| curve.series.span());
        let (start, end) = spans
            .fold((whole.start(), whole.end()), |sum, span| (sum.0.min(span.0), sum.1.max(span.1)));
        Viewport::new(start, end)
    }

    /// The greatest value of a level, bytes.
    #[must_use]
    pub fn peak(&self, level: Level) -> Option<f64> {
        let of_level = self.curves.iter().filter(|curve| curve.level == level);
        of_level.map(|curve| curve.series.peak()).reduce(f64::max)
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.curves.is_empty()
    }
}

type Samples = Vec<(i64, f64)>;

/// Collects the levels of a process.
#[must_use]
pub fn levels(recording: &Recording, process: i64) -> Levels {
    let mut samples: BTreeMap<(Level, Option<DeviceId>), Samples> = BTreeMap::new();
    let mut summed: BTreeMap<Option<DeviceId>, (i64, Samples)> = BTreeMap::new();
    let mut events = 0;
    // Memory of the host counts only where there is none of a device: it is no part of that.
    let of_device = recording
        .memory
        .iter()
        .any(|event| event.process_id.0 == process && event.device_id.is_some());
    for event in &recording.memory {
        let pool = event.kind_id.is_some_and(|kind| recording.strings.get(kind) == "pool");
        if event.process_id.0 != process || (of_device && event.device_id.is_none()) || pool {
            continue;
        }
        events += 1;
        let time = event.time_ns.unix_nanos();
        for (level, value) in [
            (Level::Allocated, event.allocated_bytes),
            (Level::Reserved, event.reserved_bytes),
            (Level::Device, event.device_bytes),
        ] {
            if let Some(value) = value {
                samples.entry((level, event.device_id)).or_default().push((time, value as f64));
            }
        }
        if let Some(bytes) = event.bytes {
            let (running, points) = summed.entry(event.device_id).or_default();
            *running = running.saturating_add(bytes);
            points.push((time, *running as f64));
        }
    }
    for (device, (_, points)) in summed {
        samples.entry((Level::Allocated, device)).or_insert(points);
    }
    counters(recording, process, &mut samples);
    let devices: std::collections::BTreeSet<_> =
        samples.keys().filter_map(|(_, device)| *device).collect();
    let several = devices.len() > 1;
    let curves = samples
        .into_iter()
        .map(|((level, device), points)| {
            let device = device.filter(|_| several).and_then(|id| recording.device(id));
            let label = device.map_or_else(
                || level.label().to_owned(),
                |device| format!("GPU {} {}", device.ordinal, level.label().to_lowercase()),
            );
            Curve { level, series: Series::new(label.clone(), Quantity::Memory, points), label }
        })
        .filter(|curve| !curve.series.is_empty())
        .collect();
    let used = devices.iter().filter_map(|&id| recording.device(id)?.total_bytes);
    let of_process = recording.devices.iter().filter(|device| device.process_id.0 == process);
    let device_bytes =
        used.min().or_else(|| of_process.filter_map(|device| device.total_bytes).min());
    Levels { curves, device_bytes, events }
}

/// Adds what was sampled of the process and of its devices, where nothing better is there.
fn counters(
    recording: &Recording,
    process: i64,
    samples: &mut BTreeMap<(Level, Option<DeviceId>), Samples>,
) {
    let mut wanted: BTreeMap<i64, (Level, Option<DeviceId>)> = BTreeMap::new();
    for (counter, id) in recording.counters.iter().zip(1..) {
        let Some(key) = of_counter(recording, process, counter) else { continue };
        if !samples.contains_key(&key) {
            wanted.insert(id, key);
        }
    }
    if wanted.is_empty() {
        return;
    }
    for sample in &recording.counter_samples {
        if let Some(&key) = wanted.get(&sample.counter_id.0) {
            samples.entry(key).or_default().push((sample.time_ns.unix_nanos(), sample.value));
        }
    }
}

fn of_counter(
    recording: &Recording,
    process: i64,
    counter: &Counter,
) -> Option<(Level, Option<DeviceId>)> {
    match counter.name.as_str() {
        "rss" => {
            let own = counter.process_id.is_some_and(|id| id.0 == process);
            own.then_some((Level::Resident, None))
        }
        "memory_used" => {
            let own = |id: &DeviceId| {
                recording.device(*id).is_some_and(|device| device.process_id.0 == process)
            };
            let device = counter.device_id.filter(own).or_else(|| {
                let uuid = recording
                    .gpus
                    .iter()
                    .find(|gpu| {
                        Some(gpu.gpu_index) == counter.gpu_index && gpu.host_id == counter.host_id
                    })?
                    .uuid
                    .as_ref()?;
                let position = recording.devices.iter().position(|device| {
                    device.process_id.0 == process && device.uuid.as_ref() == Some(uuid)
                })?;
                Some(DeviceId(position as i64 + 1))
            })?;
            Some((Level::Device, Some(device)))
        }
        _ => None,
    }
}
