//! Writes readings into the recording.

use std::collections::HashMap;

use perfagent_recording::table::{Counter, CounterSample, Gpu, Loss, MemoryEvent};
use perfagent_recording::{CounterId, HostId, Timestamp, WriteError};

use super::{DeviceMemory, Keep, Reading, Sample, Subject};
use crate::drain::Drain;
use crate::window::Window;

/// A counter that has been written to.
#[derive(Clone, Copy, Debug)]
struct Written {
    id: CounterId,
    value: f64,
    /// The last of the readings equal to `value` that were not written.
    pending: Option<Timestamp>,
}

/// The counters written so far.
#[derive(Debug)]
pub(crate) struct Store {
    host: HostId,
    window: Window,
    counters: HashMap<(Subject, &'static str), Written>,
    /// GPUs that cannot be read any more, and since when.
    lost: Vec<(u32, Timestamp)>,
}

impl Store {
    /// For readings taken on `host`, of which those within `window` are kept.
    pub(crate) fn new(host: HostId, window: Window) -> Self {
        Self { host, window, counters: HashMap::new(), lost: Vec::new() }
    }

    /// Writes a reading.
    pub(crate) fn write(&mut self, reading: Reading, drain: &mut Drain) -> Result<(), WriteError> {
        match reading {
            Reading::Samples(samples) => {
                samples.iter().try_for_each(|sample| self.sample(sample, drain))
            }
            Reading::Memory(readings) => {
                readings.iter().try_for_each(|memory| self.memory(memory, drain))
            }
            Reading::Note { time, severity, text } => drain.note_at(time, None, severity, text),
            Reading::Gap { cause, count, start, end } => drain.tables.writer.append(&Loss {
                process_id: None,
                cause: cause.to_owned(),
                count,
                start_ns: Some(start),
                end_ns: Some(end),
            }),
            Reading::Gpu(gpu) => drain.tables.writer.append(&Gpu { host_id: self.host, ..gpu }),
            Reading::Library(library) => drain.tables.writer.append(&library),
            Reading::Lost { gpu, time } => {
                self.lost.push((gpu, time));
                Ok(())
            }
        }
    }

    /// Writes what was held back, and what was missed of lost GPUs, which were to be sampled `rate` times a second.
    pub(crate) fn finish(
        &mut self,
        now: Timestamp,
        rate: f64,
        drain: &mut Drain,
    ) -> Result<(), WriteError> {
        for counter in self.counters.values_mut() {
            if let Some(time_ns) = counter.pending.take() {
                drain.tables.writer.append(&CounterSample {
                    counter_id: counter.id,
                    time_ns,
                    value: counter.value,
                })?;
            }
        }
        for (_, since) in std::mem::take(&mut self.lost) {
            let missed = (now - since).seconds() * rate;
            drain.tables.writer.append(&Loss {
                process_id: None,
                cause: "gpu_lost".to_owned(),
                count: (missed as i64).max(1),
                start_ns: Some(since),
                end_ns: Some(now),
            })?;
        }
        Ok(())
    }

    fn sample(&mut self, sample: &Sample, drain: &mut Drain) -> Result<(), WriteError> {
        if !self.window.holds(sample.time) {
            return Ok(());
        }
        let key = (sample.subject, sample.name);
        let row = |counter_id, time_ns, value| CounterSample { counter_id, time_ns, value };
        let Some(written) = self.counters.get_mut(&key) else {
            let id = self.counter(sample, drain)?;
            self.counters.insert(key, Written { id, value: sample.value, pending: None });
            return drain.tables.writer.append(&row(id, sample.time, sample.value));
        };
        if sample.keep == Keep::Changes && written.value.to_bits() == sample.value.to_bits() {
            written.pending = Some(sample.time);
            return Ok(());
        }
        if let Some(time) = written.pending.take() {
            drain.tables.writer.append(&row(written.id, time, written.value))?;
        }
        written.value = sample.value;
        drain.tables.writer.append(&row(written.id, sample.time, sample.value))
    }

    fn counter(&self, sample: &Sample, drain: &mut Drain) -> Result<CounterId, WriteError> {
        let (process_id, gpu_index) = match sample.subject {
            Subject::Host => (None, None),
            Subject::Process(process) => (Some(process), None),
            Subject::Gpu(index) => (None, Some(i64::from(index))),
            Subject::ProcessGpu(process, index) => (Some(process), Some(i64::from(index))),
        };
        drain.tables.writer.insert(&Counter {
            host_id: self.host,
            process_id,
            device_id: None,
            gpu_index,
            name: sample.name.to_owned(),
            unit: sample.unit.to_owned(),
        })
    }

    fn memory(&mut self, memory: &DeviceMemory, drain: &mut Drain) -> Result<(), WriteError> {
        let known = drain.processes().iter().rev().find(|known| known.pid == memory.pid).copied();
        let Some(known) = known else { return Ok(()) };
        let Some(device) = drain.tables.device_with_uuid(known.row, &memory.uuid) else {
            // The process has not described its devices: it may do without CUPTI.
            return self.sample(
                &Sample {
                    time: memory.time,
                    subject: Subject::ProcessGpu(known.row, memory.gpu),
                    name: "memory_used",
                    unit: "bytes",
                    value: memory.bytes as f64,
                    keep: Keep::Changes,
                },
                drain,
            );
        };
        if !self.window.holds(memory.time) {
            return Ok(());
        }
        let source_id = drain.tables.writer.string("nvml")?;
        drain.tables.writer.append(&MemoryEvent {
            process_id: known.row,
            device_id: Some(device),
            time_ns: memory.time,
            device_bytes: Some(memory.bytes as i64),
            source_id,
            ..MemoryEvent::default()
        })
    }
}
