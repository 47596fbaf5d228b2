//! What the NVIDIA driver's management library (NVML) tells about the GPUs.
//!
//! Not everything is asked at every turn, because a turn of all takes the driver several milliseconds on real hardware:
//! utilisation, memory, power, clock, GPM and what holds clocks down at the rate that the user chose, temperature, energy
//! and the memory of processes four times a second, errors (of ECC, links and the bus) and the memory's temperature once.
//!
//! Three threads ask it, each call under [`watch`](super::watch): `sample-gpu` what answers at once, `sample-pcie` the
//! PCI Express traffic, which NVML measures for 20 ms a call, and `gpu-events` waits for XIDs. What a GPU does not offer is
//! asked once, named in one note, and left out.

mod device;
mod events;
mod gpm;
mod metric;
mod pcie;
mod refusal;
mod throttle;

use std::sync::Mutex;
use std::sync::mpsc::SyncSender;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use perfagent_recording::Timestamp;
use perfagent_recording::table::Severity;

use crate::nvml;

use super::pace::{self, Pace};
use super::watch::{Caller, STARTING, Watch};
use super::{Context, DeviceMemory, Keep, Reading, Sample, Subject};
use device::Gpu;

/// The slots of the threads that ask NVML.
pub(super) struct Callers {
    sample: Caller,
    pcie: Caller,
    events: Caller,
    alive: Alive,
}

/// Held by each of these threads; its last copy hangs up.
type Alive = SyncSender<()>;

impl Callers {
    /// Slots in `watch`; `alive` hangs up with the last thread.
    pub(super) fn new(watch: &mut Watch, alive: SyncSender<()>) -> Self {
        Self { sample: watch.caller(), pcie: watch.caller(), events: watch.caller(), alive }
    }
}

/// Samples until told to stop; at once over where there is no NVIDIA driver.
pub(super) fn run(context: &Context, callers: Callers, pace: &Mutex<Pace>) {
    let Callers { sample: caller, pcie, events, alive } = callers;
    let (nvml, count) = match start(&caller) {
        Ok(started) => started,
        // A machine without the driver: `perfagent doctor` says so, a recording of it need not.
        Err(
            NvmlError::LibloadingError(_) | NvmlError::DriverNotLoaded | NvmlError::LibraryNotFound,
        ) => return,
        Err(error) => {
            let text = format!("GPUs are not sampled: NVML cannot be started: {error}");
            return context.note(Severity::Warning, text);
        }
    };
    let mut gpus: Vec<Gpu<'_>> =
        (0..count).filter_map(|index| Gpu::open(index, nvml, &caller, context)).collect();
    let without_gpm: Vec<u32> =
        gpus.iter().filter(|gpu| !gpu.gpm_has_pcie()).map(|gpu| gpu.index).collect();
    let indices: Vec<u32> = gpus.iter().map(|gpu| gpu.index).collect();
    let spawned = [
        (!indices.is_empty()).then(|| {
            let alive = alive.clone();
            super::spawn("gpu-events", context, move |context| {
                let _alive = alive;
                events::run(context, &events, nvml, &indices);
            })
        }),
        (!without_gpm.is_empty()).then(|| {
            let alive = alive.clone();
            super::spawn("sample-pcie", context, move |context| {
                let _alive = alive;
                pcie::run(context, &pcie, nvml, &without_gpm);
            })
        }),
    ];
    for error in spawned.into_iter().flatten().filter_map(Result::err) {
        context.note(
            Severity::Warning,
            format!("XIDs or PCI Express traffic are not sampled: {error}"),
        );
    }
    pace::run(context.period, &context.stop, pace, || {
        let mut turn = Turn { context, caller: &caller, samples: Vec::new(), memory: Vec::new() };
        for gpu in &mut gpus {
            gpu.sample(&mut turn);
        }
        let Turn { samples, memory, .. } = turn;
        send(context, samples, memory);
    });
    let mut turn = Turn { context, caller: &caller, samples: Vec::new(), memory: Vec::new() };
    for gpu in &mut gpus {
        gpu.finish(&mut turn);
    }
    let Turn { samples, memory, .. } = turn;
    send(context, samples, memory);
    drop(alive);
}

fn start(caller: &Caller) -> Result<(&'static Nvml, u32), NvmlError> {
    let nvml = caller.call_within(STARTING, "nvmlInit_v2", None, nvml::start)?;
    let count = caller.call("nvmlDeviceGetCount_v2", None, || nvml.device_count())?;
    Ok((nvml, count))
}

fn send(context: &Context, samples: Vec<Sample>, memory: Vec<DeviceMemory>) {
    if !samples.is_empty() {
        context.send(Reading::Samples(samples));
    }
    if !memory.is_empty() {
        context.send(Reading::Memory(memory));
    }
}

/// One look at all GPUs.
struct Turn<'a> {
    context: &'a Context,
    caller: &'a Caller,
    samples: Vec<Sample>,
    memory: Vec<DeviceMemory>,
}

impl Turn<'_> {
    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    fn add(&mut self, gpu: u32, name: &'static str, unit: &'static str, value: f64, keep: Keep) {
        let time = self.now();
        self.samples.push(Sample { time, subject: Subject::Gpu(gpu), name, unit, value, keep });
    }
}
