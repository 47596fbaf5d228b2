//! A snapshot to rows of a recording.

use perfagent_recording::table::{
    Device, MemoryEvent, Note, Payload, Process, Range, Severity, Thread,
};
use perfagent_recording::{
    DeviceId, HostId, ProcessId, StringId, ThreadId, Timestamp, WriteError, Writer,
};

use super::Reading;
use crate::texts::{StoredTexts, Text};

/// Writes it as one process of `host`, and returns that.
pub(super) fn write(
    reading: &Reading,
    writer: &mut Writer,
    host: HostId,
) -> Result<ProcessId, WriteError> {
    let snapshot = &reading.snapshot;
    let process_id: ProcessId = writer.insert(&Process {
        host_id: host,
        start_ns: at(snapshot.start()),
        end_ns: Some(at(snapshot.end())),
        ..Process::default()
    })?;
    let texts = reading.texts.store(writer)?;
    let source_id = writer.string("torch")?;
    for (&ordinal, replay) in &reading.replays {
        let device_id: DeviceId = writer.insert(&Device {
            process_id,
            ordinal,
            name: "unknown GPU".to_owned(),
            ..Device::default()
        })?;
        for row in &replay.rows {
            writer.append(&MemoryEvent {
                process_id,
                device_id: Some(device_id),
                time_ns: at(row.time),
                bytes: row.bytes,
                address: Some(row.address),
                allocated_bytes: Some(row.allocated),
                reserved_bytes: Some(row.reserved),
                source_id,
                kind_id: known(&texts, row.kind),
                site_id: known(&texts, row.site),
                ..MemoryEvent::default()
            })?;
        }
    }
    notes(reading, writer, process_id)?;
    annotations(reading, &texts, writer, process_id)?;
    Ok(process_id)
}

fn notes(reading: &Reading, writer: &mut Writer, process: ProcessId) -> Result<(), WriteError> {
    for event in &reading.snapshot.out_of_memory {
        let site = reading.texts.get(event.site);
        let left = event.free.map_or_else(String::new, |free| format!(", {free} bytes were left"));
        let place = if site.is_empty() { String::new() } else { format!(", at {site}") };
        writer.append(&Note {
            process_id: Some(process),
            time_ns: Some(at(event.time)),
            severity: Severity::Warning,
            text: format!(
                "out of memory on GPU {}: {} bytes were asked for{left}{place}",
                event.device, event.size
            ),
        })?;
    }
    for (ordinal, trace) in &reading.snapshot.devices {
        let asked_for =
            trace.blocks.iter().fold(0_i64, |sum, block| sum.saturating_add(block.size));
        if trace.rounded > asked_for {
            writer.append(&Note {
                process_id: Some(process),
                time_ns: Some(at(reading.snapshot.end())),
                severity: Severity::Info,
                text: format!(
                    "GPU {ordinal}, at the snapshot: {asked_for} bytes that the program asked for are in {} bytes of \
                     the allocator's blocks, in {} reserved bytes; allocated bytes are those that were asked for",
                    trace.rounded, trace.reserved
                ),
            })?;
        }
    }
    Ok(())
}

/// The ranges that PyTorch marked. It does not say on which thread.
fn annotations(
    reading: &Reading,
    texts: &StoredTexts,
    writer: &mut Writer,
    process_id: ProcessId,
) -> Result<(), WriteError> {
    if reading.snapshot.annotations.is_empty() {
        return Ok(());
    }
    let name = "annotations".to_owned();
    let thread_id: ThreadId = writer.insert(&Thread { process_id, tid: 0, name })?;
    for annotation in &reading.snapshot.annotations {
        writer.append(&Range {
            process_id,
            thread_id,
            start_ns: at(annotation.start),
            end_ns: at(annotation.end.unwrap_or(reading.snapshot.end())),
            depth: None,
            domain_id: StringId(0),
            category_id: StringId(0),
            name_id: texts.id(annotation.name),
            color: None,
            payload: Payload::None,
            open: annotation.end.is_none(),
        })?;
    }
    Ok(())
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn known(texts: &StoredTexts, text: Text) -> Option<StringId> {
    (text != Text::default()).then(|| texts.id(text))
}
