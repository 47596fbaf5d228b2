//! One GPU and what is read of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};
use perfagent_recording::table::{self, Severity};

use super::gpm::Gpm;
use super::metric::{ECC_UNCORRECTED, FAST, FIELDS, Metric, RARE, SLOW, fields};
use super::refusal::Refusals;
use super::throttle::Throttle;
use super::{DeviceMemory, Turn};
use crate::sample::watch::{Caller, STARTING};
use crate::sample::{Context, Keep, Reading};

/// How often slow quantities and the memory of processes are read, and how often errors and their like.
const SLOW_PERIOD: Duration = Duration::from_millis(250);
const RARE_PERIOD: Duration = Duration::from_secs(1);
const REASONS: &str = "throttle_reasons";
const PROCESSES: &str = "process_memory";

/// A GPU that is sampled.
pub(super) struct Gpu<'nvml> {
    pub(super) index: u32,
    device: Device<'nvml>,
    uuid: Arc<str>,
    refusals: Refusals,
    throttle: Throttle,
    gpm: Option<Gpm<'nvml>>,
    uncorrected: Option<f64>,
    slow: Due,
    rare: Due,
}

/// When something that is not read at every turn is read next; at once the first time.
#[derive(Debug, Default)]
struct Due(Option<Instant>);

impl Due {
    /// Whether it is due now; then it is due again after `period`.
    fn is_now(&mut self, period: Duration) -> bool {
        let now = Instant::now();
        let due = self.0.is_none_or(|due| now >= due);
        if due {
            self.0 = Some(now + period);
        }
        due
    }
}

impl<'nvml> Gpu<'nvml> {
    /// Gets hold of the GPU and says in a note which it is; `None`, after saying why, where NVML refuses.
    pub(super) fn open(
        index: u32,
        nvml: &'nvml Nvml,
        caller: &Caller,
        context: &Context,
    ) -> Option<Self> {
        let mut refusals = Refusals::new(index);
        let gpu = Some(index);
        // The first touch: without persistence mode the driver wakes the GPU now.
        let device = caller.call_within(STARTING, "nvmlDeviceGetHandleByIndex_v2", gpu, || {
            nvml.device_by_index(index)
        });
        if let Err(error) = &device {
            let text = format!("GPU {index} is not sampled: NVML gives no access to it: {error}");
            context.note(Severity::Warning, text);
        }
        let device = device.ok()?;
        let name = caller.call("nvmlDeviceGetName", gpu, || device.name());
        let uuid = caller.call("nvmlDeviceGetUUID", gpu, || device.uuid()).unwrap_or_default();
        let memory = caller.call("nvmlDeviceGetMemoryInfo_v2", gpu, || device.memory_info());
        let pci = caller.call("nvmlDeviceGetPciInfo_v3", gpu, || device.pci_info());
        let limit =
            caller.call("nvmlDeviceGetEnforcedPowerLimit", gpu, || device.enforced_power_limit());
        let most = |clock| {
            let most =
                caller.call("nvmlDeviceGetMaxClockInfo", gpu, || device.max_clock_info(clock));
            most.ok().map(i64::from)
        };
        context.send(Reading::Gpu(table::Gpu {
            gpu_index: index.into(),
            uuid: (!uuid.is_empty()).then(|| uuid.clone()),
            name: name.as_ref().ok().cloned(),
            pci: pci.ok().map(|pci| pci.bus_id),
            power_limit_watts: limit.ok().map(|milliwatts| f64::from(milliwatts) / 1000.0),
            most_sm_clock_mhz: most(Clock::SM),
            most_memory_clock_mhz: most(Clock::Memory),
            ..table::Gpu::default()
        }));
        let mut text = format!("GPU {index}: {}", name.unwrap_or_else(|_| "unnamed".to_owned()));
        if let Ok(memory) = memory {
            text = format!("{text}, {:.1} GB", memory.total as f64 / 1e9);
        }
        context.note(Severity::Info, format!("{text}, {uuid}"));
        let gpm = caller.call("nvmlGpmQueryDeviceSupport", gpu, || device.gpm_support());
        let gpm = if matches!(gpm, Ok(true)) {
            Some(Gpm::new(nvml))
        } else {
            refusals.leave_out("gpm");
            None
        };
        Some(Self {
            index,
            device,
            uuid: uuid.into(),
            refusals,
            throttle: Throttle::default(),
            gpm,
            uncorrected: None,
            slow: Due::default(),
            rare: Due::default(),
        })
    }

    /// Whether GPM tells the PCI Express traffic, which costs 20 ms a call otherwise.
    pub(super) fn gpm_has_pcie(&self) -> bool {
        self.gpm.is_some()
    }

    /// Reads what is due.
    pub(super) fn sample(&mut self, turn: &mut Turn<'_>) {
        if self.refusals.is_lost() {
            return;
        }
        for metric in FAST {
            self.metric(metric, turn);
        }
        self.reasons(turn);
        if let Some(gpm) = &mut self.gpm {
            gpm.sample(self.index, &self.device, &mut self.refusals, turn);
        }
        if self.slow.is_now(SLOW_PERIOD) {
            for metric in SLOW {
                self.metric(metric, turn);
            }
            self.processes(turn);
        }
        if self.rare.is_now(RARE_PERIOD) {
            self.rare(turn);
        }
        self.refusals.say(turn.context);
    }

    fn rare(&mut self, turn: &mut Turn<'_>) {
        for metric in RARE {
            self.metric(metric, turn);
        }
        self.fields(turn);
    }

    fn metric(&mut self, metric: &Metric, turn: &mut Turn<'_>) {
        // One answer holds all the series of a call, so the first stands for all.
        if metric.names.first().is_none_or(|name| !self.refusals.allows(name)) {
            return;
        }
        let answer =
            turn.caller.call(metric.call, Some(self.index), || (metric.read)(&self.device));
        let Some(values) = self.refusals.note(turn.context, metric.names, answer) else { return };
        for (name, value) in metric.names.iter().zip(values) {
            turn.add(self.index, name, metric.unit, value, metric.keep);
            if *name == ECC_UNCORRECTED {
                self.uncorrected(value, turn);
            }
        }
    }

    /// Tells when memory errors that ECC could not correct have come.
    fn uncorrected(&mut self, count: f64, turn: &Turn<'_>) {
        let before = self.uncorrected.replace(count).unwrap_or(count);
        if count > before {
            let text = format!(
                "GPU {}: {} memory errors that ECC could not correct; check it with `perfagent health`",
                self.index,
                count - before
            );
            turn.context.note(Severity::Warning, text);
        }
    }

    fn reasons(&mut self, turn: &mut Turn<'_>) {
        if !self.refusals.allows(REASONS) {
            return;
        }
        let name = "nvmlDeviceGetCurrentClocksThrottleReasons";
        let bits = turn
            .caller
            .call(name, Some(self.index), || self.device.current_throttle_reasons())
            .map(|reasons| reasons.bits());
        let Some(bits) = self.refusals.note(turn.context, &[REASONS], bits) else { return };
        for (name, state) in self.throttle.read(turn.now(), bits) {
            turn.add(self.index, name, "state", state, Keep::Every);
        }
    }

    fn fields(&mut self, turn: &mut Turn<'_>) {
        let wanted: Vec<_> =
            FIELDS.iter().filter(|(_, name, _)| self.refusals.allows(name)).collect();
        if wanted.is_empty() {
            return;
        }
        let ids: Vec<_> = wanted.iter().map(|(id, ..)| FieldId(*id)).collect();
        let names: Vec<_> = wanted.iter().map(|(_, name, _)| *name).collect();
        let values = turn
            .caller
            .call("nvmlDeviceGetFieldValues", Some(self.index), || fields(&self.device, &ids));
        let Some(values) = self.refusals.note(turn.context, &names, values) else { return };
        for ((_, name, unit), value) in wanted.into_iter().zip(values) {
            let Some(value) = self.refusals.note(turn.context, &[name], value) else { continue };
            if *unit == "C" && value <= 0.0 {
                // A GPU without that sensor answers so.
                self.refusals.leave_out(name);
                continue;
            }
            turn.add(self.index, name, unit, value, Keep::Changes);
        }
    }

    fn processes(&mut self, turn: &mut Turn<'_>) {
        if !self.refusals.allows(PROCESSES) {
            return;
        }
        let name = "nvmlDeviceGetComputeRunningProcesses_v3";
        let processes =
            turn.caller.call(name, Some(self.index), || self.device.running_compute_processes());
        let Some(processes) = self.refusals.note(turn.context, &[PROCESSES], processes) else {
            return;
        };
        let watched = turn.context.watched();
        for process in processes {
            if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory
                && watched.iter().any(|known| known.pid == process.pid)
            {
                turn.memory.push(DeviceMemory {
                    time: turn.now(),
                    pid: process.pid,
                    gpu: self.index,
                    uuid: Arc::clone(&self.uuid),
                    bytes,
                });
            }
        }
    }

    /// Closes what is open and sums up.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        // What came since the last look is not to be missed.
        if !self.refusals.is_lost() {
            self.rare(turn);
        }
        for (name, _) in self.throttle.open() {
            turn.add(self.index, name, "state", 1.0, Keep::Every);
        }
        for (severity, text) in self.throttle.sentences(self.index) {
            turn.context.note(severity, text);
        }
    }
}
