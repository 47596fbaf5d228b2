//! Writes readings into the recording.

use std::collections::HashMap;

use perfagent_recording::table::{Counter, CounterSample, MemoryEvent, Severity};
use perfagent_recording::{CounterId, HostId, WriteError};

use super::{DeviceMemory, Reading, Sample, Subject};
use crate::drain::Drain;
use crate::window::Window;

/// The counters written so far.
#[derive(Debug)]
pub(crate) struct Store {
    host: HostId,
    window: Window,
    counters: HashMap<(Subject, &'static str), CounterId>,
}

impl Store {
    /// For readings taken on `host`, of which those within `window` are kept.
    pub(crate) fn new(host: HostId, window: Window) -> Self {
        Self { host, window, counters: HashMap::new() }
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
            Reading::Trouble(text) => drain.note(None, Severity::Warning, text),
        }
    }

    fn sample(&mut self, sample: &Sample, drain: &mut Drain) -> Result<(), WriteError> {
        if !self.window.holds(sample.time) {
            return Ok(());
        }
        let key = (sample.subject, sample.name);
        let counter_id = if let Some(id) = self.counters.get(&key) {
            *id
        } else {
            let (process_id, gpu_index) = match sample.subject {
                Subject::Host => (None, None),
                Subject::Process(process) => (Some(process), None),
                Subject::Gpu(index) => (None, Some(i64::from(index))),
            };
            let id = drain.tables.writer.insert(&Counter {
                host_id: self.host,
                process_id,
                device_id: None,
                gpu_index,
                name: sample.name.to_owned(),
                unit: sample.unit.to_owned(),
            })?;
            self.counters.insert(key, id);
            id
        };
        drain.tables.writer.append(&CounterSample {
            counter_id,
            time_ns: sample.time,
            value: sample.value,
        })
    }

    fn memory(&self, memory: &DeviceMemory, drain: &mut Drain) -> Result<(), WriteError> {
        let known = drain.processes().iter().rev().find(|known| known.pid == memory.pid).copied();
        // Without a row of the device the figure could not be told from host memory.
        let Some((known, device)) = known.and_then(|known| {
            Some((known, drain.tables.device_with_uuid(known.row, &memory.uuid)?))
        }) else {
            return Ok(());
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
