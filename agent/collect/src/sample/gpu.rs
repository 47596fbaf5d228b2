//! What the NVIDIA driver's management library tells about the GPUs.

use std::collections::BTreeSet;
use std::sync::mpsc::Receiver;

use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::{Context, DeviceMemory, Reading, Sample, Subject};

/// Samples until told to stop; at once over where there is no NVIDIA driver.
pub(super) fn run(context: &Context, stop: &Receiver<()>) {
    let nvml = match Nvml::init() {
        Ok(nvml) => nvml,
        // A machine without the driver: `perfagent doctor` says so, a recording of it need not.
        Err(
            NvmlError::LibloadingError(_) | NvmlError::DriverNotLoaded | NvmlError::LibraryNotFound,
        ) => return,
        Err(error) => {
            return context.send(Reading::Trouble(format!(
                "GPUs are not sampled: NVML cannot be started: {error}"
            )));
        }
    };
    let count = match nvml.device_count() {
        Ok(count) => count,
        Err(error) => {
            return context.send(Reading::Trouble(format!("GPUs are not sampled: NVML: {error}")));
        }
    };
    let mut troubles = BTreeSet::new();
    context.run(stop, || {
        let mut sampler =
            Turn { context, samples: Vec::new(), memory: Vec::new(), troubles: &mut troubles };
        for index in 0..count {
            match nvml.device_by_index(index) {
                Ok(device) => sampler.sample(index, &device),
                Err(error) => sampler.trouble(index, "it", &error),
            }
        }
        let Turn { samples, memory, .. } = sampler;
        context.send(Reading::Samples(samples));
        if !memory.is_empty() {
            context.send(Reading::Memory(memory));
        }
    });
}

/// One look at all GPUs.
struct Turn<'a> {
    context: &'a Context,
    samples: Vec<Sample>,
    memory: Vec<DeviceMemory>,
    /// What has been complained about.
    troubles: &'a mut BTreeSet<(u32, &'static str)>,
}

impl Turn<'_> {
    fn sample(&mut self, gpu: u32, device: &Device<'_>) {
        let busy = device.utilization_rates();
        self.add(
            gpu,
            "gpu_utilization",
            "pct",
            busy.as_ref().map(|busy| f64::from(busy.gpu)).map_err(ToString::to_string),
        );
        self.add(gpu, "memory_utilization", "pct", busy.map(|busy| f64::from(busy.memory)));
        self.add(
            gpu,
            "memory_used",
            "bytes",
            device.memory_info().map(|memory| memory.used as f64),
        );
        self.add(
            gpu,
            "power",
            "W",
            device.power_usage().map(|milliwatts| f64::from(milliwatts) / 1000.0),
        );
        self.add(gpu, "sm_clock", "MHz", device.clock_info(Clock::SM).map(f64::from));
        self.add(
            gpu,
            "temperature",
            "C",
            device.temperature(TemperatureSensor::Gpu).map(f64::from),
        );
        let kib_a_second =
            |counter| device.pcie_throughput(counter).map(|kib| f64::from(kib) * 1024.0);
        self.add(gpu, "pcie_rx", "bytes/s", kib_a_second(PcieUtilCounter::Receive));
        self.add(gpu, "pcie_tx", "bytes/s", kib_a_second(PcieUtilCounter::Send));
        let (Ok(uuid), Ok(processes)) = (device.uuid(), device.running_compute_processes()) else {
            return;
        };
        let watched = self.context.watched();
        for process in processes {
            if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory
                && watched.iter().any(|known| known.pid == process.pid)
            {
                let time = self.context.clock.now();
                self.memory.push(DeviceMemory {
                    time,
                    pid: process.pid,
                    uuid: uuid.clone(),
                    bytes,
                });
            }
        }
    }

    fn add<E: std::fmt::Display>(
        &mut self,
        gpu: u32,
        name: &'static str,
        unit: &'static str,
        value: Result<f64, E>,
    ) {
        match value {
            Ok(value) => {
                let time = self.context.clock.now();
                self.samples.push(Sample { time, subject: Subject::Gpu(gpu), name, unit, value });
            }
            Err(error) => self.trouble(gpu, name, &error),
        }
    }

    fn trouble(&mut self, gpu: u32, name: &'static str, error: &impl std::fmt::Display) {
        if self.troubles.insert((gpu, name)) {
            self.context.send(Reading::Trouble(format!(
                "{name} of GPU {gpu} is not sampled: NVML: {error}"
            )));
        }
    }
}
