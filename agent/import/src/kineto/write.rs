//! Rows of a trace to rows of a recording.

use std::collections::HashMap;

use perfagent_recording::table::{self, ApiCall, MemoryEvent, Payload, Process, Range};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, StreamId, StringId, ThreadId, Timestamp, WriteError, Writer,
};

use super::trace::{DeviceProperties, Times, Trace};
use crate::depth::{Place, depths};

/// What a GPU is called that the trace does not describe.
const UNKNOWN_DEVICE: &str = "unknown GPU";

/// Writes a trace as one process of `host`, and returns that.
pub(crate) fn write(
    trace: &Trace,
    writer: &mut Writer,
    host: HostId,
) -> Result<ProcessId, WriteError> {
    let base = trace.base;
    let at = |nanos: i64| Timestamp::from_unix_nanos(base + nanos);
    let (start_ns, end_ns) = match trace.extent() {
        Some(Times { start, end }) => (at(start), Some(at(end))),
        None => (at(0), None),
    };
    let pid = trace.pid.or_else(|| labelled_pid(trace)).unwrap_or(0);
    let name = trace.names.get(&(pid.to_string().into(), "".into())).cloned().unwrap_or_default();
    let process_id: ProcessId = writer.insert(&Process {
        host_id: host,
        pid,
        rank: trace.rank,
        world_size: trace.world_size,
        name,
        start_ns,
        end_ns,
        ..Process::default()
    })?;
    let texts = trace.texts.store(writer)?;
    let threads = threads(trace, writer, process_id)?;
    let (devices, streams) = devices(trace, writer, process_id)?;
    let source_id = writer.string("kineto")?;
    let thread = |number: u32| threads[number as usize];
    let stream = |number: u32| streams[number as usize];

    for kernel in &trace.kernels {
        let (device_id, stream_id) = stream(kernel.stream);
        let [grid_x, grid_y, grid_z] = kernel.grid.map(|size| size.map(i64::from));
        let [block_x, block_y, block_z] = kernel.block.map(|size| size.map(i64::from));
        writer.append(&table::Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns: at(kernel.times.start),
            end_ns: at(kernel.times.end),
            name_id: texts.id(kernel.name),
            correlation: kernel.correlation,
            grid_x,
            grid_y,
            grid_z,
            block_x,
            block_y,
            block_z,
            registers: kernel.registers.map(i64::from),
            // The trace tells only the sum of both kinds of shared memory.
            static_shared_bytes: None,
            dynamic_shared_bytes: None,
            graph: kernel.graph,
            graph_node: kernel.graph_node,
        })?;
    }
    for copy in &trace.copies {
        let (device_id, stream_id) = stream(copy.stream);
        writer.append(&table::Copy {
            process_id,
            device_id,
            stream_id,
            start_ns: at(copy.times.start),
            end_ns: at(copy.times.end),
            kind: copy.kind,
            bytes: copy.bytes,
            correlation: copy.correlation,
            graph: copy.graph,
            graph_node: copy.graph_node,
        })?;
    }
    for call in &trace.calls {
        writer.append(&ApiCall {
            process_id,
            thread_id: thread(call.thread),
            start_ns: at(call.times.start),
            end_ns: at(call.times.end),
            name_id: texts.id(call.name),
            correlation: call.correlation,
            result: None,
        })?;
    }
    let nesting = depths_of(trace.operators.iter().map(|row| (row.thread, row.times)));
    for (operator, depth) in trace.operators.iter().zip(nesting) {
        writer.append(&table::Operator {
            process_id,
            thread_id: thread(operator.thread),
            start_ns: at(operator.times.start),
            end_ns: at(operator.times.end),
            depth: i64::from(depth),
            name_id: texts.id(operator.name),
            shapes_id: texts.id(operator.shapes),
            sequence: operator.sequence,
            open: false,
            ..table::Operator::default()
        })?;
    }
    let nesting = depths_of(trace.annotations.iter().map(|row| (row.thread, row.times)));
    for (annotation, depth) in trace.annotations.iter().zip(nesting) {
        writer.append(&Range {
            process_id,
            thread_id: thread(annotation.thread),
            start_ns: at(annotation.times.start),
            end_ns: at(annotation.times.end),
            depth: Some(i64::from(depth)),
            domain_id: StringId(0),
            category_id: StringId(0),
            name_id: texts.id(annotation.name),
            color: None,
            payload: Payload::None,
            open: false,
        })?;
    }
    for collective in &trace.collectives {
        let (_, stream_id) = stream(collective.stream);
        writer.append(&table::Collective {
            process_id,
            thread_id: None,
            stream_id: Some(stream_id),
            start_ns: at(collective.times.start),
            end_ns: at(collective.times.end),
            op_id: texts.id(collective.op),
            dtype_id: texts.id(collective.dtype),
            bytes: collective.bytes,
            group_id: texts.id(collective.group),
            group_size: collective.group_size,
            sequence: collective.sequence,
            source_id,
            open: false,
            timing: table::Timing::Kernel,
            enqueued_ns: None,
            // All kernels of one graph launch share a number, which would make one call of them.
            correlation: None,
        })?;
    }
    for memory in &trace.memory {
        writer.append(&MemoryEvent {
            process_id,
            device_id: memory.device.and_then(|device| devices.get(&device).copied()),
            time_ns: at(memory.time),
            bytes: memory.bytes,
            address: memory.address,
            allocated_bytes: memory.allocated,
            reserved_bytes: memory.reserved,
            source_id,
            ..MemoryEvent::default()
        })?;
    }
    Ok(process_id)
}

/// The process that the trace labels as the one on the host, when no event tells.
fn labelled_pid(trace: &Trace) -> Option<i64> {
    let processes = trace.names.keys().filter(|(_, tid)| tid.is_empty());
    // GPUs are processes too, with small numbers.
    processes.filter_map(|(pid, _)| pid.parse().ok()).max()
}

fn depths_of(spans: impl Iterator<Item = (u32, Times)>) -> Vec<u32> {
    let places: Vec<Place> =
        spans.map(|(thread, Times { start, end })| Place { thread, start, end }).collect();
    depths(&places)
}

fn threads(
    trace: &Trace,
    writer: &mut Writer,
    process_id: ProcessId,
) -> Result<Vec<ThreadId>, WriteError> {
    let rows = trace.threads.iter().map(|thread| {
        let key = (thread.pid.clone(), thread.tid.clone());
        let number = thread.tid.parse().ok();
        let name = match trace.names.get(&key) {
            Some(name) => name.clone(),
            // A thread without a number still has its text.
            None if number.is_none() => thread.tid.to_string(),
            None => String::new(),
        };
        writer.insert(&table::Thread { process_id, tid: number.unwrap_or(0), name })
    });
    rows.collect()
}

type Devices = HashMap<i64, DeviceId>;

/// Writes the GPUs that were used, and their streams.
fn devices(
    trace: &Trace,
    writer: &mut Writer,
    process_id: ProcessId,
) -> Result<(Devices, Vec<(DeviceId, StreamId)>), WriteError> {
    let mut used: Vec<i64> = trace.streams.iter().map(|stream| stream.device).collect();
    used.extend(trace.memory.iter().filter_map(|memory| memory.device));
    used.sort_unstable();
    used.dedup();
    let mut devices = HashMap::new();
    for ordinal in used {
        let unknown = DeviceProperties::default();
        let known = trace.devices.iter().find(|device| device.id == ordinal).unwrap_or(&unknown);
        let name = if known.name.is_empty() { UNKNOWN_DEVICE } else { &known.name };
        let id = writer.insert(&table::Device {
            process_id,
            ordinal,
            uuid: None,
            name: name.to_owned(),
            total_bytes: known.total_global_mem,
            sm_count: known.num_sms,
            cc_major: known.compute_major,
            cc_minor: known.compute_minor,
        })?;
        devices.insert(ordinal, id);
    }
    let mut streams = Vec::with_capacity(trace.streams.len());
    for stream in &trace.streams {
        let device_id = devices[&stream.device];
        let row = table::Stream {
            process_id,
            device_id,
            stream: stream.number,
            context: stream.context,
            ..table::Stream::default()
        };
        streams.push((device_id, writer.insert(&row)?));
    }
    Ok((devices, streams))
}
