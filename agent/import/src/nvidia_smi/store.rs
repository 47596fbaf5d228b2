//! Rows to samples of counters.

use std::collections::HashMap;

use perfagent_recording::table::{Counter, CounterSample, Note, Severity};
use perfagent_recording::{CounterId, HostId, Timestamp, WriteError, Writer};

use super::row::Row;

/// Writes samples of the GPUs of a machine.
pub(super) struct Store<'a> {
    writer: &'a mut Writer,
    host: HostId,
    gpus: Vec<Gpu>,
    counters: HashMap<(i64, &'static str), CounterId>,
}

/// A GPU, as far as it is known.
#[derive(Debug, Default)]
struct Gpu {
    index: i64,
    identity: [String; 3],
    last: Row,
    /// Reasons that hold its clocks down.
    states: Vec<&'static str>,
}

impl<'a> Store<'a> {
    pub(super) fn new(writer: &'a mut Writer, host: HostId) -> Self {
        Self { writer, host, gpus: Vec::new(), counters: HashMap::new() }
    }

    /// Writes a row. False for one that is as the last of its GPU: the end of a file may stand there twice.
    pub(super) fn row(&mut self, row: Row) -> Result<bool, WriteError> {
        let position = self.gpu(&row)?;
        let Some(gpu) = self.gpus.get_mut(position) else { return Ok(false) };
        if gpu.last == row {
            return Ok(false);
        }
        let (index, time_ns) = (gpu.index, row.time_ns);
        let mut changes = Vec::new();
        for &(state, is_active) in &row.states {
            // A state is told when it changes.
            if gpu.states.contains(&state) != is_active {
                gpu.states.retain(|other| *other != state);
                gpu.states.extend(is_active.then_some(state));
                changes.push((state, if is_active { 1.0 } else { 0.0 }));
            }
        }
        for (metric, value) in &row.readings {
            self.sample(index, (metric.name, metric.unit), time_ns, *value)?;
        }
        for (state, value) in changes {
            self.sample(index, (state, "state"), time_ns, value)?;
        }
        if let Some(gpu) = self.gpus.get_mut(position) {
            gpu.last = row;
        }
        Ok(true)
    }

    /// Says up to when the reasons hold that still do.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        for gpu in std::mem::take(&mut self.gpus) {
            for state in gpu.states {
                self.sample(gpu.index, (state, "state"), gpu.last.time_ns, 1.0)?;
            }
        }
        Ok(())
    }

    /// The GPU of a row by position; of a new one a note says which it is.
    fn gpu(&mut self, row: &Row) -> Result<usize, WriteError> {
        let known = self.gpus.iter().position(|gpu| match row.index {
            Some(index) => gpu.index == index,
            None => gpu.identity == row.identity,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let index = row.index.unwrap_or(self.gpus.len() as i64);
        let identity = row.identity.clone();
        let [uuid, bus, name] = &identity;
        let known: Vec<_> =
            [name, uuid, bus].into_iter().filter(|text| !text.is_empty()).cloned().collect();
        if !known.is_empty() {
            self.writer.append(&Note {
                process_id: None,
                time_ns: None,
                severity: Severity::Info,
                text: format!("GPU {index}: {}", known.join(", ")),
            })?;
        }
        self.gpus.push(Gpu { index, identity, ..Gpu::default() });
        Ok(self.gpus.len() - 1)
    }

    fn sample(
        &mut self,
        index: i64,
        (name, unit): (&'static str, &str),
        time_ns: i64,
        value: f64,
    ) -> Result<(), WriteError> {
        let counter_id = if let Some(&known) = self.counters.get(&(index, name)) {
            known
        } else {
            let id = self.writer.insert(&Counter {
                host_id: self.host,
                process_id: None,
                device_id: None,
                gpu_index: Some(index),
                name: name.to_owned(),
                unit: unit.to_owned(),
            })?;
            self.counters.insert((index, name), id);
            id
        };
        let time_ns = Timestamp::from_unix_nanos(time_ns);
        self.writer.append(&CounterSample { counter_id, time_ns, value })
    }
}
