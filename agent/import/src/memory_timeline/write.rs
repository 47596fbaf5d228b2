//! A timeline to rows of a recording.

use perfagent_recording::table::{Device, MemoryEvent, Note, Process, Severity};
use perfagent_recording::{DeviceId, HostId, ProcessId, StringId, Timestamp, WriteError, Writer};

use super::timeline::{CATEGORIES, Timeline};

/// Writes it as one process of `host`, and returns that.
pub(super) fn write(
    timeline: &Timeline,
    writer: &mut Writer,
    host: HostId,
) -> Result<ProcessId, WriteError> {
    let at = |nanos: Option<i64>| Timestamp::from_unix_nanos(nanos.unwrap_or(0));
    let process_id: ProcessId = writer.insert(&Process {
        host_id: host,
        start_ns: at(timeline.rows.first().map(|row| row.time)),
        end_ns: Some(at(timeline.rows.last().map(|row| row.time))),
        ..Process::default()
    })?;
    let device_id: DeviceId = writer.insert(&Device {
        process_id,
        ordinal: 0,
        name: "unknown GPU".to_owned(),
        ..Device::default()
    })?;
    let source_id = writer.string("torch")?;
    let kinds = CATEGORIES.iter().map(|name| writer.string(name));
    let kinds: Vec<StringId> = kinds.collect::<Result<_, _>>()?;
    for row in &timeline.rows {
        let kind_id = kinds.get(usize::from(row.category)).copied();
        writer.append(&MemoryEvent {
            process_id,
            device_id: Some(device_id),
            time_ns: at(Some(row.time)),
            bytes: Some(row.bytes),
            allocated_bytes: Some(row.allocated),
            source_id,
            kind_id: kind_id.filter(|kind| *kind != StringId(0)),
            ..MemoryEvent::default()
        })?;
    }
    writer.append(&Note {
        process_id: Some(process_id),
        time_ns: None,
        severity: Severity::Info,
        text: "a memory timeline does not say of which device it is; it is taken for that of GPU 0"
            .to_owned(),
    })?;
    Ok(process_id)
}
