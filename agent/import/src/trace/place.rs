//! The processes, threads, GPUs and streams of a recording, and which of them the rows of a trace are of.

use std::collections::HashMap;

use perfagent_recording::table::{
    Counter, Device, Host, Loss, Note, Process, Severity, Stream, Thread,
};
use perfagent_recording::{
    CounterId, DeviceId, HostId, ProcessId, StreamId, ThreadId, Timestamp, WriteError, Writer,
};

use super::own::{Own, OwnProcess};
use super::{DeviceProperties, Times, Trace};
use crate::hosts::Hosts;

/// What a GPU is called that the trace does not describe.
const UNKNOWN_DEVICE: &str = "unknown GPU";

/// Where rows belong, by the numbers that they have in a trace.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// In the order in which the trace lists them; a trace of PyTorch is one.
    pub(crate) processes: Vec<ProcessId>,
    /// The process of each number of a `pid`, by its place in the list.
    of_pid: Vec<usize>,
    threads: Vec<(ProcessId, ThreadId)>,
    streams: Vec<(ProcessId, DeviceId, StreamId)>,
    devices: HashMap<(usize, i64), DeviceId>,
    counters: HashMap<(String, String), CounterId>,
}

impl Places {
    /// Writes the tables that events refer to.
    pub(crate) fn write(
        trace: &Trace,
        writer: &mut Writer,
        hosts: &mut Hosts,
    ) -> Result<Self, WriteError> {
        let mut places = Self::default();
        let nothing = Own::default();
        let own = trace.own.as_ref().filter(|own| !own.processes.is_empty()).unwrap_or(&nothing);
        let own_hosts = own_hosts(own, writer, hosts)?;
        if own.processes.is_empty() {
            let host = hosts.unknown(writer)?;
            places.processes.push(writer.insert(&process_of(trace, host))?);
        }
        for process in &own.processes {
            let host = match own_hosts.get(process.host) {
                Some(&known) => known,
                None => hosts.unknown(writer)?,
            };
            places.processes.push(writer.insert(&own_process(process, host))?);
        }
        let tracks = own.tracks();
        let place = |pid: &str| tracks.get(pid).copied().unwrap_or(0);
        places.of_pid = trace.pids.iter().map(|pid| place(pid)).collect();
        places.threads(trace, own, &place, writer)?;
        places.devices(trace, own, writer)?;
        places.streams(trace, own, writer)?;
        places.counters(own, &own_hosts, hosts, writer)?;
        places.remarks(own, writer)?;
        Ok(places)
    }

    /// The process of a `pid`.
    pub(crate) fn process(&self, pid: u32) -> ProcessId {
        // Formats that know one process number none.
        self.processes[self.of_pid.get(pid as usize).copied().unwrap_or(0)]
    }

    /// A thread and its process.
    pub(crate) fn thread(&self, number: u32) -> (ProcessId, ThreadId) {
        self.threads[number as usize]
    }

    /// A stream, its device and its process.
    pub(crate) fn stream(&self, number: u32) -> (ProcessId, DeviceId, StreamId) {
        self.streams[number as usize]
    }

    /// A device by its ordinal in the process of a `pid`.
    pub(crate) fn device(&self, pid: u32, ordinal: i32) -> Option<DeviceId> {
        self.devices.get(&(self.of_pid[pid as usize], i64::from(ordinal))).copied()
    }

    /// A counter by the `pid` and the name of its events.
    pub(crate) fn counter(&self, pid: &str, label: &str) -> Option<CounterId> {
        self.counters.get(&(pid.to_owned(), label.to_owned())).copied()
    }

    fn threads(
        &mut self,
        trace: &Trace,
        own: &Own,
        place: &dyn Fn(&str) -> usize,
        writer: &mut Writer,
    ) -> Result<(), WriteError> {
        let mut known = HashMap::new();
        for (process, &process_id) in own.processes.iter().zip(&self.processes) {
            for thread in &process.threads {
                let row = Thread { process_id, tid: thread.tid, name: thread.name.clone() };
                let id: ThreadId = writer.insert(&row)?;
                known.insert((process.track.to_string(), thread.track.to_string()), id);
            }
        }
        for thread in &trace.threads {
            let process_id = self.processes[place(&thread.pid)];
            let key = (thread.pid.to_string(), thread.tid.to_string());
            let id = match known.get(&key) {
                Some(&id) => id,
                None => writer.insert(&named_thread(trace, thread, process_id))?,
            };
            self.threads.push((process_id, id));
        }
        Ok(())
    }

    /// Writes the GPUs: those that the file lists as ours, else those that were used.
    fn devices(&mut self, trace: &Trace, own: &Own, writer: &mut Writer) -> Result<(), WriteError> {
        for (place, process) in own.processes.iter().enumerate() {
            for device in &process.devices {
                let id = writer.insert(&Device {
                    process_id: self.processes[place],
                    ordinal: device.ordinal,
                    uuid: device.uuid.clone(),
                    name: device.name.clone(),
                    total_bytes: device.total_bytes,
                    sm_count: device.sm_count,
                    cc_major: device.cc_major,
                    cc_minor: device.cc_minor,
                })?;
                self.devices.insert((place, device.ordinal), id);
            }
        }
        let place = |pid: u32| self.of_pid[pid as usize];
        let mut used: Vec<(usize, i64)> =
            trace.streams.iter().map(|stream| (place(stream.pid), stream.device)).collect();
        used.extend(trace.memory.iter().filter_map(|memory| {
            memory.device.map(|device| (place(memory.pid), i64::from(device)))
        }));
        used.extend(trace.measured.iter().filter_map(|measured| {
            measured.device.map(|device| (place(measured.pid), i64::from(device)))
        }));
        used.sort_unstable();
        used.dedup();
        let unknown = DeviceProperties::default();
        let mut described = HashMap::new();
        for device in &trace.devices {
            described.entry(device.id).or_insert(device);
        }
        for (place, ordinal) in used {
            if self.devices.contains_key(&(place, ordinal)) {
                continue;
            }
            let known = described.get(&ordinal).copied().unwrap_or(&unknown);
            let name = if known.name.is_empty() { UNKNOWN_DEVICE } else { &known.name };
            let id = writer.insert(&Device {
                process_id: self.processes[place],
                ordinal,
                uuid: None,
                name: name.to_owned(),
                total_bytes: known.total_global_mem,
                sm_count: known.num_sms,
                cc_major: known.compute_major,
                cc_minor: known.compute_minor,
            })?;
            self.devices.insert((place, ordinal), id);
        }
        Ok(())
    }

    /// Writes the streams. In traces of PyTorch a stream is told by its device and number, and its context is that
    /// of its first operation; in ours contexts tell streams apart too.
    fn streams(&mut self, trace: &Trace, own: &Own, writer: &mut Writer) -> Result<(), WriteError> {
        let is_own = !own.processes.is_empty();
        let mut known: HashMap<(usize, i64, i64, Option<i64>), StreamId> = HashMap::new();
        for (place, process) in own.processes.iter().enumerate() {
            for stream in &process.streams {
                let Some(&device_id) = self.devices.get(&(place, stream.device)) else { continue };
                let id = writer.insert(&Stream {
                    process_id: self.processes[place],
                    device_id,
                    stream: stream.stream,
                    context: stream.context,
                    name: stream.name.clone(),
                    priority: stream.priority,
                    kind: stream.kind.clone(),
                })?;
                known.insert((place, stream.device, stream.stream, stream.context), id);
            }
        }
        for stream in &trace.streams {
            let place = self.of_pid[stream.pid as usize];
            let process_id = self.processes[place];
            let device_id = self.devices[&(place, stream.device)];
            let context = stream.context.filter(|_| is_own);
            let key = (place, stream.device, stream.number, context);
            let id = match known.get(&key) {
                Some(&id) => id,
                None => writer.insert(&Stream {
                    process_id,
                    device_id,
                    stream: stream.number,
                    context: stream.context,
                    ..Stream::default()
                })?,
            };
            known.insert(key, id);
            self.streams.push((process_id, device_id, id));
        }
        Ok(())
    }

    fn counters(
        &mut self,
        own: &Own,
        own_hosts: &[HostId],
        hosts: &mut Hosts,
        writer: &mut Writer,
    ) -> Result<(), WriteError> {
        for counter in &own.counters {
            let host_id = match own_hosts.get(counter.host) {
                Some(&known) => known,
                None => hosts.unknown(writer)?,
            };
            let place = counter.process;
            let device =
                place.zip(counter.device).and_then(|device| self.devices.get(&device).copied());
            let id = writer.insert(&Counter {
                host_id,
                process_id: place.and_then(|place| self.processes.get(place).copied()),
                device_id: device,
                gpu_index: counter.gpu_index,
                name: counter.name.clone(),
                unit: counter.unit.clone(),
            })?;
            self.counters.insert((counter.track.to_string(), counter.label.clone()), id);
        }
        Ok(())
    }

    /// Writes what the recording that was exported has lost, and what its reader should know.
    fn remarks(&self, own: &Own, writer: &mut Writer) -> Result<(), WriteError> {
        let at = |nanos: Option<i64>| nanos.map(Timestamp::from_unix_nanos);
        let process = |place: Option<usize>| place.and_then(|at| self.processes.get(at).copied());
        for loss in &own.losses {
            writer.append(&Loss {
                process_id: process(loss.process),
                cause: loss.cause.clone(),
                count: loss.count,
                start_ns: at(loss.start_ns),
                end_ns: at(loss.end_ns),
            })?;
        }
        for note in &own.notes {
            let warns = note.severity == Severity::Warning.as_str();
            writer.append(&Note {
                process_id: process(note.process),
                time_ns: at(note.time_ns),
                severity: if warns { Severity::Warning } else { Severity::Info },
                text: note.text.clone(),
            })?;
        }
        Ok(())
    }
}

fn own_hosts(own: &Own, writer: &mut Writer, hosts: &mut Hosts) -> Result<Vec<HostId>, WriteError> {
    let rows = own.hosts.iter().map(|host| {
        let host = Host {
            name: host.name.clone(),
            cpu_model: host.cpu_model.clone(),
            logical_cores: host.logical_cores,
            memory_bytes: host.memory_bytes,
            system: host.system.clone(),
            driver_version: host.driver_version.clone(),
        };
        hosts.described(&host, writer)
    });
    rows.collect()
}

/// The one process of a trace of PyTorch.
fn process_of(trace: &Trace, host_id: HostId) -> Process {
    let at = |nanos: i64| Timestamp::from_unix_nanos(trace.base + nanos);
    let (start_ns, end_ns) = match trace.extent() {
        Some(Times { start, end }) => (at(start), Some(at(end))),
        None => (at(0), None),
    };
    let pid = trace.pid.or_else(|| labelled_pid(trace)).unwrap_or(0);
    let name = trace.names.get(&(pid.to_string().into(), "".into())).cloned().unwrap_or_default();
    Process {
        host_id,
        pid,
        rank: trace.rank,
        world_size: trace.world_size,
        name,
        start_ns,
        end_ns,
        ..Process::default()
    }
}

fn own_process(process: &OwnProcess, host_id: HostId) -> Process {
    Process {
        host_id,
        pid: process.pid,
        parent_pid: process.parent_pid,
        rank: process.rank,
        local_rank: process.local_rank,
        world_size: process.world_size,
        name: process.name.clone(),
        command: process.command.clone(),
        start_ns: Timestamp::from_unix_nanos(process.start_ns),
        end_ns: process.end_ns.map(Timestamp::from_unix_nanos),
        exit_code: process.exit_code,
        exit_signal: process.exit_signal,
    }
}

/// The process that the trace labels as the one on the host, when no event tells.
fn labelled_pid(trace: &Trace) -> Option<i64> {
    let processes = trace.names.keys().filter(|(_, tid)| tid.is_empty());
    // GPUs are processes too, with small numbers.
    processes.filter_map(|(pid, _)| pid.parse().ok()).max()
}

fn named_thread(trace: &Trace, thread: &super::Thread, process_id: ProcessId) -> Thread {
    let key = (thread.pid.clone(), thread.tid.clone());
    let number = thread.tid.parse().ok();
    let name = match trace.names.get(&key) {
        Some(name) => name.clone(),
        // A thread without a number still has its text.
        None if number.is_none() => thread.tid.to_string(),
        None => String::new(),
    };
    Thread { process_id, tid: number.unwrap_or(0), name }
}
