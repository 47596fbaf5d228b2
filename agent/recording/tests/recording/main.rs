//! The recording as a file: what is written comes back, and what is damaged says so.

mod damage;
mod round_trip;

use std::path::Path;

use perfagent_recording::table::{Host, Kernel, Mark, Payload, Process, Range, Thread};
use perfagent_recording::{HostId, ProcessId, ThreadId, Timestamp, WriteError, Writer};

/// A recording with something in it.
pub(crate) fn small_recording(path: &Path) -> Result<(), WriteError> {
    let mut writer = Writer::create(path)?;
    fill(&mut writer)?;
    writer.finish()
}

/// One process with ranges, marks and kernels.
pub(crate) fn fill(writer: &mut Writer) -> Result<ProcessId, WriteError> {
    writer.set_meta("source", "record")?;
    let host: HostId = writer.insert(&Host { name: "node-1".into(), ..Default::default() })?;
    let process: ProcessId = writer.insert(&Process {
        host_id: host,
        pid: 41,
        rank: Some(0),
        world_size: Some(2),
        name: "train".into(),
        command: "train --steps 3".into(),
        start_ns: Timestamp::from_unix_nanos(1_700_000_000_000_000_000),
        ..Default::default()
    })?;
    let thread: ThreadId =
        writer.insert(&Thread { process_id: process, tid: 41, name: "main".into() })?;
    let step = writer.string("step")?;
    let kernel = writer.string("sgemm")?;
    for index in 0..500 {
        let start = Timestamp::from_unix_nanos(1_700_000_000_000_000_000 + index * 1_000_003);
        let end = Timestamp::from_unix_nanos(start.unix_nanos() + 999_999);
        writer.append(&Range {
            process_id: process,
            thread_id: thread,
            start_ns: start,
            end_ns: end,
            depth: Some(0),
            name_id: step,
            payload: Payload::Integer(index),
            ..Default::default()
        })?;
        writer.append(&Mark {
            process_id: process,
            thread_id: thread,
            time_ns: end,
            name_id: step,
            payload: Payload::Real(0.1 * index as f64),
            ..Default::default()
        })?;
        writer.append(&Kernel {
            process_id: process,
            start_ns: start,
            end_ns: end,
            name_id: kernel,
            correlation: Some(index),
            ..Default::default()
        })?;
    }
    Ok(process)
}
