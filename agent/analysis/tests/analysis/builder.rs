//! Recordings made in memory.

use std::collections::HashMap;

use perfagent_recording::table::{
    ApiCall, Collective, Copy, CopyKind, Device, Host, Kernel, KernelCounter, MemoryEvent, Meta,
    Operator, Payload, Process, Range, Stream, Thread,
};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, Recording, StreamId, StringId, ThreadId, Timestamp,
};

/// A recording under construction, with everything that is interned looked up once.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) recording: Recording,
    strings: HashMap<String, StringId>,
    devices: HashMap<(ProcessId, i64), DeviceId>,
    streams: HashMap<(ProcessId, i64, i64), StreamId>,
    threads: HashMap<(ProcessId, String), ThreadId>,
}

pub(crate) fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

impl Builder {
    pub(crate) fn new(source: &str) -> Self {
        let mut builder = Self::default();
        builder.recording.meta.push(Meta { key: "source".into(), value: source.into() });
        builder.recording.hosts.push(Host { name: "node-1".into(), ..Host::default() });
        builder
    }

    pub(crate) fn text(&mut self, text: &str) -> StringId {
        if let Some(&id) = self.strings.get(text) {
            return id;
        }
        let id = self.recording.strings.intern(text);
        self.strings.insert(text.to_owned(), id);
        id
    }

    pub(crate) fn process(
        &mut self,
        pid: i64,
        rank: Option<i64>,
        world_size: Option<i64>,
    ) -> ProcessId {
        self.recording.processes.push(Process {
            host_id: HostId(1),
            pid,
            rank,
            world_size,
            name: "train".into(),
            ..Process::default()
        });
        ProcessId(self.recording.processes.len() as i64)
    }

    pub(crate) fn device(&mut self, process: ProcessId, ordinal: i64) -> DeviceId {
        let devices = &mut self.recording.devices;
        *self.devices.entry((process, ordinal)).or_insert_with(|| {
            let name = "GPU".into();
            devices.push(Device { process_id: process, ordinal, name, ..Device::default() });
            DeviceId(devices.len() as i64)
        })
    }

    pub(crate) fn stream(&mut self, process: ProcessId, ordinal: i64, stream: i64) -> StreamId {
        let device_id = self.device(process, ordinal);
        let streams = &mut self.recording.streams;
        *self.streams.entry((process, ordinal, stream)).or_insert_with(|| {
            streams.push(Stream { process_id: process, device_id, stream, ..Stream::default() });
            StreamId(streams.len() as i64)
        })
    }

    pub(crate) fn thread(&mut self, process: ProcessId, tid: &str) -> ThreadId {
        let threads = &mut self.recording.threads;
        *self.threads.entry((process, tid.to_owned())).or_insert_with(|| {
            threads.push(Thread { process_id: process, tid: 0, name: tid.to_owned() });
            ThreadId(threads.len() as i64)
        })
    }

    pub(crate) fn kernel(
        &mut self,
        process: ProcessId,
        (ordinal, stream): (i64, i64),
        name: &str,
        (start, end): (i64, i64),
        correlation: Option<i64>,
    ) {
        let kernel = Kernel {
            process_id: process,
            device_id: self.device(process, ordinal),
            stream_id: self.stream(process, ordinal, stream),
            start_ns: at(start),
            end_ns: at(end),
            name_id: self.text(name),
            correlation,
            ..Kernel::default()
        };
        self.recording.kernels.push(kernel);
    }

    pub(crate) fn copy(
        &mut self,
        process: ProcessId,
        (ordinal, stream): (i64, i64),
        (kind, bytes): (CopyKind, i64),
        (start, end): (i64, i64),
        correlation: Option<i64>,
    ) {
        let copy = Copy {
            process_id: process,
            device_id: self.device(process, ordinal),
            stream_id: self.stream(process, ordinal, stream),
            start_ns: at(start),
            end_ns: at(end),
            kind,
            bytes,
            correlation,
            ..Copy::default()
        };
        self.recording.copies.push(copy);
    }

    pub(crate) fn api_call(&mut self, process: ProcessId, start: i64, end: i64, correlation: i64) {
        let call = ApiCall {
            process_id: process,
            start_ns: at(start),
            end_ns: at(end),
            correlation: Some(correlation),
            ..ApiCall::default()
        };
        self.recording.api_calls.push(call);
    }

    /// A call with its thread and name; a correlation below 0 is none.
    pub(crate) fn call(
        &mut self,
        process: ProcessId,
        tid: &str,
        name: &str,
        (start, end): (i64, i64),
        correlation: i64,
    ) {
        let call = ApiCall {
            process_id: process,
            thread_id: self.thread(process, tid),
            start_ns: at(start),
            end_ns: at(end),
            name_id: self.text(name),
            correlation: (correlation >= 0).then_some(correlation),
            ..ApiCall::default()
        };
        self.recording.api_calls.push(call);
    }

    /// What a metric showed of the range with a number.
    pub(crate) fn kernel_counter(
        &mut self,
        process: ProcessId,
        (range_index, name): (i64, &str),
        (metric, value): (&str, f64),
        correlation: Option<i64>,
    ) {
        let row = KernelCounter {
            process_id: process,
            range_index,
            name_id: self.text(name),
            metric_id: self.text(metric),
            value,
            correlation,
            ..KernelCounter::default()
        };
        self.recording.kernel_counters.push(row);
    }

    pub(crate) fn operator(
        &mut self,
        process: ProcessId,
        tid: &str,
        name: &str,
        (start, end): (i64, i64),
    ) {
        let operator = Operator {
            process_id: process,
            thread_id: self.thread(process, tid),
            start_ns: at(start),
            end_ns: at(end),
            name_id: self.text(name),
            ..Operator::default()
        };
        self.recording.operators.push(operator);
    }

    /// A change of memory on a device, or on the host.
    pub(crate) fn memory(
        &mut self,
        process: ProcessId,
        device: Option<i64>,
        (time, bytes, address): (i64, i64, Option<i64>),
        level: Option<i64>,
        [kind, site]: [&str; 2],
    ) {
        let known = |text: &str, id: StringId| (!text.is_empty()).then_some(id);
        let row = MemoryEvent {
            process_id: process,
            device_id: device.map(|ordinal| self.device(process, ordinal)),
            time_ns: at(time),
            bytes: Some(bytes),
            address,
            allocated_bytes: level,
            kind_id: known(kind, self.text(kind)),
            site_id: known(site, self.text(site)),
            ..MemoryEvent::default()
        };
        self.recording.memory.push(row);
    }

    pub(crate) fn range(
        &mut self,
        process: ProcessId,
        tid: &str,
        (domain, name, payload): (&str, &str, Option<i64>),
        (start, end): (i64, i64),
        depth: Option<i64>,
    ) {
        let range = Range {
            process_id: process,
            thread_id: self.thread(process, tid),
            start_ns: at(start),
            end_ns: at(end),
            depth,
            domain_id: if domain.is_empty() { StringId(0) } else { self.text(domain) },
            name_id: self.text(name),
            payload: payload.map_or(Payload::None, Payload::Integer),
            ..Range::default()
        };
        self.recording.ranges.push(range);
    }

    pub(crate) fn collective(
        &mut self,
        process: ProcessId,
        tid: Option<&str>,
        (op, dtype, group_size, bytes): (&str, &str, Option<i64>, Option<i64>),
        (start, end): (i64, i64),
    ) {
        let collective = Collective {
            process_id: process,
            thread_id: tid.map(|tid| self.thread(process, tid)),
            start_ns: at(start),
            end_ns: at(end),
            op_id: self.text(op),
            dtype_id: self.text(dtype),
            group_size,
            bytes,
            ..Collective::default()
        };
        self.recording.collectives.push(collective);
    }
}
