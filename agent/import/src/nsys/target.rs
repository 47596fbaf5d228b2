//! The recording that grows: processes, and the threads, GPUs and streams that events refer to, each made at its first use.

use std::collections::BTreeMap;

use perfagent_recording::table::{Context, Process, Stream, Thread};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, StreamId, StringId, ThreadId, Timestamp, WriteError, Writer,
};
use rustc_hash::FxHashMap;

use super::facts::Facts;
use super::global_id::GlobalId;
use super::names::Names;
use super::problem::{Problem, Problems};
use super::survey::{Extent, Survey};
use crate::decimal::is_time;

/// Where an event is from: its table and its row.
pub(crate) type Place<'a> = (&'a str, i64);

/// A process and what it has so far.
#[derive(Debug)]
struct Known {
    id: ProcessId,
    pid: i64,
    end: i64,
    threads: FxHashMap<i64, ThreadId>,
    devices: FxHashMap<i64, DeviceId>,
    streams: FxHashMap<(i64, i64), (DeviceId, StreamId)>,
}

/// Where and when something ran on a GPU.
pub(crate) struct Ran {
    pub(crate) process_id: ProcessId,
    pub(crate) device_id: DeviceId,
    pub(crate) stream_id: StreamId,
    pub(crate) start_ns: Timestamp,
    pub(crate) end_ns: Timestamp,
}

/// The recording, and what has been counted.
pub(crate) struct Target<'a> {
    pub(crate) writer: &'a mut Writer,
    pub(crate) names: Names,
    facts: &'a Facts,
    survey: &'a Survey,
    processes: BTreeMap<Option<GlobalId>, Known>,
    base: i64,
    /// Events that were read, kept or not.
    pub(crate) events: u64,
    /// Events of which the recording has a row.
    pub(crate) kept: u64,
    /// Events that it has no place for, by table.
    pub(crate) left_out: BTreeMap<String, u64>,
}

impl<'a> Target<'a> {
    /// Writes the processes that `survey` saw.
    pub(crate) fn new(
        writer: &'a mut Writer,
        host: HostId,
        facts: &'a Facts,
        survey: &'a Survey,
        names: Names,
    ) -> Result<Self, WriteError> {
        let base = facts.start.unwrap_or(0);
        let mut target = Self {
            writer,
            names,
            facts,
            survey,
            processes: BTreeMap::new(),
            base,
            events: 0,
            kept: 0,
            left_out: BTreeMap::new(),
        };
        let mut rows: Vec<_> = survey.processes.iter().collect();
        let rank = |id: &Option<GlobalId>| id.and_then(|id| facts.ranks.get(&id)).copied();
        // Ranks in their order, then the others.
        rows.sort_by_key(|(id, _)| (rank(id).unwrap_or(i64::MAX), **id));
        let alone = rows.len() == 1;
        for (&id, &extent) in rows {
            // Of several processes the environment does not say which one it means.
            let told = if alone { facts.environment } else { (None, None) };
            target.add_process(host, id, extent, (rank(&id).or(told.0), told.1))?;
        }
        if target.processes.is_empty() {
            target.add_process(host, None, Extent { start: 0, end: 0 }, (None, None))?;
        }
        target.add_contexts()?;
        Ok(target)
    }

    fn add_process(
        &mut self,
        host_id: HostId,
        global: Option<GlobalId>,
        extent: Extent,
        (rank, world_size): (Option<i64>, Option<i64>),
    ) -> Result<(), WriteError> {
        let program = global.and_then(|global| self.facts.programs.get(&global));
        let name = program.and_then(|path| path.rsplit(['/', '\\']).next()).unwrap_or("");
        let pid = global.map_or(0, GlobalId::pid);
        let id = self.writer.insert(&Process {
            host_id,
            pid,
            rank,
            world_size,
            name: name.to_owned(),
            start_ns: self.at(extent.start),
            end_ns: Some(self.at(extent.end)),
            ..Process::default()
        })?;
        let known = Known {
            id,
            pid,
            end: extent.end,
            threads: FxHashMap::default(),
            devices: FxHashMap::default(),
            streams: FxHashMap::default(),
        };
        self.processes.insert(global, known);
        Ok(())
    }

    fn add_contexts(&mut self) -> Result<(), WriteError> {
        for context in &self.facts.contexts {
            let ours = |(_, known): &(&Option<GlobalId>, &Known)| known.pid == context.pid;
            let Some(process) = self.processes.iter().find(ours).map(|(id, _)| *id) else {
                continue;
            };
            let Some((process_id, device_id)) = self.device(process, context.device)? else {
                continue;
            };
            self.writer.append(&Context {
                process_id,
                device_id,
                context: context.number,
                null_stream: context.null_stream,
            })?;
        }
        Ok(())
    }

    /// The first process.
    pub(crate) fn first(&self) -> ProcessId {
        self.processes.values().map(|known| known.id).min().unwrap_or_default()
    }

    /// Rank and world size, when there is but one process.
    pub(crate) fn rank(&self) -> (Option<i64>, Option<i64>) {
        let mut processes = self.survey.processes.keys();
        match (processes.next(), processes.next()) {
            (Some(Some(only)), None) => {
                let (rank, size) = self.facts.environment;
                (self.facts.ranks.get(only).copied().or(rank), size)
            }
            _ => (None, None),
        }
    }

    /// Of which process something with the global number of a process or a thread is.
    pub(crate) fn owner(&self, id: Option<i64>) -> Option<GlobalId> {
        match id {
            Some(id) => Some(GlobalId(id).process()),
            None if self.processes.contains_key(&None) => None,
            // The only one.
            None => self.processes.keys().next().copied().flatten(),
        }
    }

    /// A time relative to the session's start, on the recording's clock. It is one that [`is_time`] admits.
    pub(crate) fn at(&self, nanos: i64) -> Timestamp {
        Timestamp::from_unix_nanos(self.base + nanos)
    }

    /// A point in time; `None`, and counted, when it is none.
    pub(crate) fn point(
        &self,
        problems: &mut Problems,
        (table, row): Place<'_>,
        time: Option<i64>,
    ) -> Option<Timestamp> {
        match time {
            Some(time) if is_time(time) => Some(self.at(time)),
            _ => {
                problems.add(table, Problem::NoTime, row, || match time {
                    Some(time) => format!("{time} is out of range"),
                    None => "it has no start".to_owned(),
                });
                None
            }
        }
    }

    /// Start and end; `None`, and counted, when there is no start.
    pub(crate) fn interval(
        &self,
        problems: &mut Problems,
        place: Place<'_>,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Option<(Timestamp, Timestamp)> {
        let from = self.point(problems, place, start)?;
        let Some(end) = self.end(problems, place, from, end) else {
            problems.add(place.0, Problem::NoEnd, place.1, String::new);
            return Some((from, from));
        };
        Some((from, end))
    }

    /// The end of what began at `from`; counted when it is before that. `None` when there is none.
    pub(crate) fn end(
        &self,
        problems: &mut Problems,
        (table, row): Place<'_>,
        from: Timestamp,
        end: Option<i64>,
    ) -> Option<Timestamp> {
        let end = end.filter(|&end| is_time(end)).map(|end| self.at(end))?;
        if end < from {
            problems.add(table, Problem::Backwards, row, || {
                format!("by {} ns", from.unix_nanos().saturating_sub(end.unix_nanos()))
            });
        }
        Some(end.max(from))
    }

    /// The last sign of life of a process, relative to the session's start.
    pub(crate) fn last_of(&self, process: Option<GlobalId>) -> i64 {
        self.processes.get(&process).map_or(0, |known| known.end)
    }

    /// The row of a process; `None` for one without events.
    pub(crate) fn process(&self, process: Option<GlobalId>) -> Option<ProcessId> {
        self.processes.get(&process).map(|known| known.id)
    }

    /// The row of a thread; `None` when its process has no events.
    pub(crate) fn thread(
        &mut self,
        id: Option<i64>,
    ) -> Result<Option<(ProcessId, ThreadId)>, WriteError> {
        let owner = self.owner(id);
        let Some(known) = self.processes.get_mut(&owner) else { return Ok(None) };
        let global = GlobalId(id.unwrap_or(0));
        if let Some(&thread) = known.threads.get(&global.tid()) {
            return Ok(Some((known.id, thread)));
        }
        // The program's own name, else the operating system's.
        let name = self.survey.threads.get(&global).or_else(|| self.facts.threads.get(&global));
        let thread = self.writer.insert(&Thread {
            process_id: known.id,
            tid: global.tid(),
            name: name.cloned().unwrap_or_default(),
        })?;
        known.threads.insert(global.tid(), thread);
        Ok(Some((known.id, thread)))
    }

    /// The row of a GPU; `None` when the process has no events.
    pub(crate) fn device(
        &mut self,
        process: Option<GlobalId>,
        ordinal: i64,
    ) -> Result<Option<(ProcessId, DeviceId)>, WriteError> {
        let Some(known) = self.processes.get_mut(&process) else { return Ok(None) };
        if let Some(&device) = known.devices.get(&ordinal) {
            return Ok(Some((known.id, device)));
        }
        let mut row = self.facts.devices.describe(known.pid, ordinal);
        row.process_id = known.id;
        let device = self.writer.insert(&row)?;
        known.devices.insert(ordinal, device);
        Ok(Some((known.id, device)))
    }

    /// The rows of a stream and its GPU; `None` when the process has no events.
    fn stream(
        &mut self,
        process: Option<GlobalId>,
        device: Option<i64>,
        context: Option<i64>,
        stream: Option<i64>,
    ) -> Result<Option<(ProcessId, DeviceId, StreamId)>, WriteError> {
        let (ordinal, stream) = (device.unwrap_or(0), stream.unwrap_or(0));
        let Some(known) = self.processes.get(&process) else { return Ok(None) };
        if let Some(&(device, stream)) = known.streams.get(&(ordinal, stream)) {
            return Ok(Some((known.id, device, stream)));
        }
        let pid = known.pid;
        let Some((process_id, device_id)) = self.device(process, ordinal)? else {
            return Ok(None);
        };
        let info = self.facts.streams.get(&(pid, context.unwrap_or(0), stream));
        let name = self.facts.stream_names.get(&(pid, ordinal, stream));
        let id = self.writer.insert(&Stream {
            process_id,
            device_id,
            stream,
            context,
            name: name.cloned().unwrap_or_default(),
            priority: info.and_then(|info| info.priority),
            kind: info.and_then(|info| info.kind).map(str::to_owned),
        })?;
        if let Some(known) = self.processes.get_mut(&process) {
            known.streams.insert((ordinal, stream), (device_id, id));
        }
        Ok(Some((process_id, device_id, id)))
    }

    /// Where and when an operation of `process` ran, by its device, context and stream; `None`, and counted, when it cannot be
    /// kept.
    pub(crate) fn operation(
        &mut self,
        problems: &mut Problems,
        place: Place<'_>,
        process: Option<i64>,
        (start, end): (Option<i64>, Option<i64>),
        [device, context, stream]: [Option<i64>; 3],
    ) -> Result<Option<Ran>, WriteError> {
        self.events += 1;
        let Some((start_ns, end_ns)) = self.interval(problems, place, start, end) else {
            return Ok(None);
        };
        let found = self.stream(self.owner(process), device, context, stream)?;
        let Some((process_id, device_id, stream_id)) = found else {
            self.leave_out(place.0, 1);
            return Ok(None);
        };
        self.kept += 1;
        Ok(Some(Ran { process_id, device_id, stream_id, start_ns, end_ns }))
    }

    /// The text under `number` in the recording.
    pub(crate) fn name(
        &mut self,
        problems: &mut Problems,
        place: Place<'_>,
        number: Option<i64>,
    ) -> Result<StringId, WriteError> {
        self.names.id(self.writer, problems, place, number)
    }

    /// Counts an event that the recording has no place for.
    pub(crate) fn leave_out(&mut self, table: &str, count: u64) {
        if count > 0 {
            *self.left_out.entry(table.to_owned()).or_insert(0) += count;
        }
    }
}
