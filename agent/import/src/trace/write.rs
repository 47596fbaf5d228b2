//! Rows of a trace to rows of a recording.

use perfagent_recording::table::{
    self, ApiCall, CounterSample, KernelCounter, Mark, MemoryEvent, Payload, Range, Synchronization,
};
use perfagent_recording::{ProcessId, StringId, Timestamp, WriteError, Writer};

use super::place::Places;
use super::{Small, Times, Trace};
use crate::depth::{Place, depths};
use crate::hosts::Hosts;
use crate::texts::Text;

/// Writes a trace, and returns its first process. Most traces are of one.
pub(crate) fn write(
    trace: &Trace,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<ProcessId, WriteError> {
    let at = |nanos: i64| Timestamp::from_unix_nanos(trace.base + nanos);
    let places = Places::write(trace, writer, hosts)?;
    let texts = trace.texts.store(writer)?;
    let kineto = writer.string("kineto")?;
    let some = |text: Text| (text != Text::default()).then(|| texts.id(text));

    for kernel in &trace.kernels {
        let (process_id, device_id, stream_id) = places.stream(kernel.stream);
        let [grid_x, grid_y, grid_z] = kernel.grid.map(Small::get);
        let [block_x, block_y, block_z] = kernel.block.map(Small::get);
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
            registers: kernel.registers.get(),
            // PyTorch tells only the sum of both kinds of shared memory.
            static_shared_bytes: kernel.static_shared.get(),
            dynamic_shared_bytes: kernel.dynamic_shared.get(),
            graph: kernel.graph,
            graph_node: kernel.graph_node,
        })?;
    }
    for copy in &trace.copies {
        let (process_id, device_id, stream_id) = places.stream(copy.stream);
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
    for (row, call) in trace.calls.iter().enumerate() {
        let (process_id, thread_id) = places.thread(call.thread);
        writer.append(&ApiCall {
            process_id,
            thread_id,
            start_ns: at(call.times.start),
            end_ns: at(call.times.end),
            name_id: texts.id(call.name),
            correlation: call.correlation,
            result: trace.results.get(row).copied(),
        })?;
    }
    for wait in &trace.waits {
        writer.append(&Synchronization {
            process_id: places.process(wait.pid),
            start_ns: at(wait.times.start),
            end_ns: at(wait.times.end),
            kind: wait.kind,
            context: wait.context,
            stream: wait.stream,
            event: wait.event,
            correlation: wait.correlation,
            recorded_by: wait.recorded_by,
            recorded_on: wait.recorded_on,
        })?;
    }
    let nesting = depths_of(trace.operators.iter().map(|row| (row.thread, row.times)));
    for (row, (operator, nested)) in trace.operators.iter().zip(nesting).enumerate() {
        let (process_id, thread_id) = places.thread(operator.thread);
        let extra = trace.operator_extras.get(row).copied().unwrap_or_default();
        writer.append(&table::Operator {
            process_id,
            thread_id,
            start_ns: at(operator.times.start),
            end_ns: at(operator.times.end),
            depth: operator.depth.get().unwrap_or(i64::from(nested)),
            name_id: texts.id(operator.name),
            shapes_id: texts.id(operator.shapes),
            types_id: some(operator.types),
            flops: extra.flops,
            sequence: Some(operator.sequence).filter(|&sequence| sequence >= 0),
            open: extra.open,
        })?;
    }
    let nesting = depths_of(trace.annotations.iter().map(|row| (row.thread, row.times)));
    for (row, (annotation, nested)) in trace.annotations.iter().zip(nesting).enumerate() {
        let (process_id, thread_id) = places.thread(annotation.thread);
        let extra = trace.annotation_extras.get(row);
        writer.append(&Range {
            process_id,
            thread_id,
            start_ns: at(annotation.times.start),
            end_ns: at(annotation.times.end),
            depth: extra.map_or(Some(i64::from(nested)), |extra| extra.depth),
            domain_id: extra.map_or(StringId(0), |extra| texts.id(extra.domain)),
            category_id: extra.map_or(StringId(0), |extra| texts.id(extra.category)),
            name_id: texts.id(annotation.name),
            color: extra.and_then(|extra| extra.color),
            payload: extra.map_or(Payload::None, |extra| extra.payload),
            open: extra.is_some_and(|extra| extra.open),
        })?;
    }
    for mark in &trace.marks {
        let (process_id, thread_id) = places.thread(mark.thread);
        writer.append(&Mark {
            process_id,
            thread_id,
            time_ns: at(mark.time),
            domain_id: texts.id(mark.domain),
            category_id: texts.id(mark.category),
            name_id: texts.id(mark.name),
            payload: mark.payload,
        })?;
    }
    for collective in &trace.collectives {
        writer.append(&table::Collective {
            process_id: places.process(collective.pid),
            thread_id: collective.thread.map(|thread| places.thread(thread).1),
            stream_id: collective.stream.map(|stream| places.stream(stream).2),
            start_ns: at(collective.times.start),
            end_ns: at(collective.times.end),
            op_id: texts.id(collective.op),
            dtype_id: texts.id(collective.dtype),
            bytes: collective.bytes,
            group_id: texts.id(collective.group),
            group_size: collective.group_size,
            sequence: collective.sequence,
            source_id: texts.id(collective.source),
            open: collective.open,
            timing: collective.timing,
            enqueued_ns: collective.enqueued.map(at),
            correlation: collective.correlation,
        })?;
    }
    for (row, memory) in trace.memory.iter().enumerate() {
        let extra = trace.memory_extras.get(row).copied().unwrap_or_default();
        writer.append(&MemoryEvent {
            process_id: places.process(memory.pid),
            device_id: memory.device.and_then(|device| places.device(memory.pid, device)),
            time_ns: at(memory.time),
            bytes: memory.bytes,
            address: memory.address,
            allocated_bytes: memory.allocated,
            reserved_bytes: memory.reserved,
            device_bytes: extra.device_bytes,
            source_id: some(extra.source).unwrap_or(kineto),
            kind_id: some(extra.kind),
            site_id: some(extra.site),
            correlation: extra.correlation,
        })?;
    }
    for sample in &trace.samples {
        let pid = &trace.pids[sample.pid as usize];
        let Some(counter_id) = places.counter(pid, trace.texts.get(sample.label)) else { continue };
        let (time_ns, value) = (at(sample.time), sample.value);
        writer.append(&CounterSample { counter_id, time_ns, value })?;
    }
    let mut metrics = trace.metrics.iter();
    for (row, measured) in trace.measured.iter().enumerate() {
        for &(metric, value) in metrics.by_ref().take(measured.metrics as usize) {
            writer.append(&KernelCounter {
                process_id: places.process(measured.pid),
                device_id: measured.device.and_then(|device| places.device(measured.pid, device)),
                range_index: measured.index.unwrap_or(row as i64),
                start_ns: at(measured.times.start),
                end_ns: at(measured.times.end),
                name_id: texts.id(measured.name),
                metric_id: texts.id(metric),
                value,
                correlation: measured.correlation,
            })?;
        }
    }
    Ok(places.processes[0])
}

fn depths_of(spans: impl Iterator<Item = (u32, Times)>) -> Vec<u32> {
    let places: Vec<Place> =
        spans.map(|(thread, Times { start, end })| Place { thread, start, end }).collect();
    depths(&places)
}
