//! Records of what surrounds the work of a GPU: contexts, streams, memory, waits, overhead.

use perfagent_recording::table::{Kernel, MemoryEvent, Overhead, Synchronization, WaitKind};
use perfagent_recording::{DeviceId, WriteError};
use perfagent_spool::{MonotonicNs, NO_STREAM, Record};

use super::{Decoder, Tables};

/// What a run of a whole graph is called among the kernels.
const GRAPH: &str = "[CUDA graph]";

impl Decoder {
    /// Writes a record of a program's use of the driver; other records are none of its business.
    pub(super) fn apply_driver(
        &mut self,
        record: &Record<'_>,
        tables: &mut Tables,
    ) -> Result<(), WriteError> {
        let process_id = self.source.process;
        match *record {
            Record::Context { context, device, null_stream } => {
                tables.add_context(process_id, device, context, null_stream)
            }
            Record::Stream { context, stream, priority, flag } => {
                let attributes = (i64::from(priority), stream_kind(flag));
                tables.describe_stream(process_id, context, stream, attributes)
            }
            Record::Memory { time, device, correlation, address, bytes, freed, kind, .. } => {
                let device_id =
                    if on_device(kind) { Some(tables.device(process_id, device)?) } else { None };
                let bytes = if freed { -(bytes as i64) } else { bytes as i64 };
                let row = MemoryEvent {
                    bytes: Some(bytes),
                    address: Some(address as i64),
                    ..MemoryEvent::default()
                };
                self.memory_event(tables, time, device_id, memory_kind(kind), correlation, &row)
            }
            Record::MemoryPool { time, device, correlation, address, size, used, .. } => {
                let device_id = Some(tables.device(process_id, device)?);
                let row = MemoryEvent {
                    address: Some(address as i64),
                    reserved_bytes: Some(size as i64),
                    allocated_bytes: Some(used as i64),
                    ..MemoryEvent::default()
                };
                self.memory_event(tables, time, device_id, "pool", correlation, &row)
            }
            Record::Synchronization {
                start,
                end,
                kind,
                context,
                stream,
                event,
                correlation,
                recorded_by,
                recorded_on,
            } => {
                let (start_ns, end_ns) = self.interval(start, end);
                if !self.source.window.holds(start_ns) {
                    return Ok(());
                }
                let number = |stream| (stream != NO_STREAM).then_some(i64::from(stream));
                tables.writer.append(&Synchronization {
                    process_id,
                    start_ns,
                    end_ns,
                    kind: wait_kind(kind),
                    context: i64::from(context),
                    stream: number(stream),
                    event: (event != 0).then_some(i64::from(event)),
                    correlation: known(correlation),
                    recorded_by: known(recorded_by),
                    recorded_on: number(recorded_on),
                })
            }
            Record::Overhead { start, end, kind, tid, correlation } => {
                let (start_ns, end_ns) = self.interval(start, end);
                if !self.source.window.holds(start_ns) {
                    return Ok(());
                }
                let thread_id = match tid {
                    0 => None,
                    tid => Some(tables.thread(process_id, self.source.pid, tid)?),
                };
                let kind_id = tables.writer.string(&overhead_kind(kind))?;
                tables.writer.append(&Overhead {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    kind_id,
                    correlation: known(correlation),
                })
            }
            Record::GraphLaunch { start, end, device, context, stream, correlation, graph } => {
                let (start_ns, end_ns) = self.interval(start, end);
                if !self.source.window.holds(start_ns) {
                    return Ok(());
                }
                let (device_id, stream_id) = tables.stream(process_id, device, context, stream)?;
                let name_id = tables.writer.string(GRAPH)?;
                tables.writer.append(&Kernel {
                    process_id,
                    device_id,
                    stream_id,
                    start_ns,
                    end_ns,
                    name_id,
                    correlation: known(correlation),
                    graph: Some(i64::from(graph)),
                    ..Kernel::default()
                })
            }
            _ => Ok(()),
        }
    }

    fn memory_event(
        &mut self,
        tables: &mut Tables,
        time: MonotonicNs,
        device_id: Option<DeviceId>,
        kind: &str,
        correlation: u32,
        row: &MemoryEvent,
    ) -> Result<(), WriteError> {
        let time_ns = self.seen(time);
        if !self.source.window.holds(time_ns) {
            return Ok(());
        }
        let source_id = tables.writer.string("cupti")?;
        let kind_id = Some(tables.writer.string(kind)?);
        tables.writer.append(&MemoryEvent {
            process_id: self.source.process,
            device_id,
            time_ns,
            source_id,
            kind_id,
            correlation: known(correlation),
            ..row.clone()
        })
    }
}

/// In the records 0 stands for "none".
fn known(correlation: u32) -> Option<i64> {
    (correlation != 0).then_some(i64::from(correlation))
}

/// `CUpti_ActivityStreamFlag`.
fn stream_kind(flag: u32) -> Option<&'static str> {
    Some(match flag {
        1 => "default",
        2 => "non-blocking",
        3 => "null",
        _ => return None,
    })
}

/// `CUpti_ActivityMemoryKind`.
fn memory_kind(kind: u8) -> &'static str {
    match kind {
        1 => "pageable",
        2 => "pinned",
        3 => "device",
        4 => "array",
        5 => "managed",
        6 => "device-static",
        7 => "managed-static",
        _ => "unknown",
    }
}

/// Whether memory of this kind is a device's.
fn on_device(kind: u8) -> bool {
    (3..=7).contains(&kind)
}

/// `CUpti_ActivitySynchronizationType`.
fn wait_kind(kind: u8) -> WaitKind {
    match kind {
        1 => WaitKind::Event,
        2 => WaitKind::StreamEvent,
        3 => WaitKind::Stream,
        4 => WaitKind::Context,
        _ => WaitKind::Other,
    }
}

/// `CUpti_ActivityOverheadKind`.
fn overhead_kind(kind: u32) -> String {
    let known = match kind {
        1 => "driver-compiler",
        0x1_0000 => "buffer-flush",
        0x2_0000 => "instrumentation",
        0x3_0000 => "resource",
        0x4_0000 => "module-loading",
        0x5_0000 => "lazy-function-loading",
        0x6_0000 => "command-buffer-full",
        0x7_0000 => "buffer-request",
        0x8_0000 => "unified-memory-start",
        other => return format!("kind {other:#x}"),
    };
    known.to_owned()
}
