//! What surrounds the work of a GPU: waits, memory, overhead.

use perfagent_recording::WriteError;
use perfagent_recording::table::{MemoryEvent, Overhead, Synchronization};
use rustc_hash::FxHashMap;

use super::PROFILER;
use super::database::Database;
use super::global_id::GlobalId;
use super::gpu::{not_zero, size};
use super::problem::Problems;
use super::row::row;
use super::target::Target;
use super::vocabulary::{Place, Vocabulary};

/// Events that were recorded into streams.
const CUDA_EVENTS: &str = "CUPTI_ACTIVITY_KIND_CUDA_EVENT";

row! {
    /// Of `CUPTI_ACTIVITY_KIND_CUDA_EVENT`.
    EventRow { process: i64 = "globalPid", correlation: i64 = "correlationId", stream: i64 = "streamId", sync: i64 = "eventSyncId", }
}

row! {
    /// Of `CUPTI_ACTIVITY_KIND_SYNCHRONIZATION`.
    WaitRow {
        start: i64 = "start",
        end: i64 = "end",
        context: i64 = "contextId",
        stream: i64 = "streamId",
        correlation: i64 = "correlationId",
        process: i64 = "globalPid",
        kind: i64 = "syncType",
        event: i64 = "eventId",
        sync: i64 = "eventSyncId",
    }
}

/// How an event came into a stream.
#[derive(Clone, Copy, Debug)]
struct Recorded {
    /// The correlation of the call.
    by: Option<i64>,
    on: Option<i64>,
}

/// Writes waits. The events waited for are no rows of their own: of them only who recorded them, and on which stream, is kept.
pub(crate) fn waits(
    database: &Database,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let mut recorded: FxHashMap<(Option<GlobalId>, i64), Recorded> = FxHashMap::default();
    database.each(CUDA_EVENTS, problems, |_, _, row: EventRow| {
        target.events += 1;
        target.leave_out(CUDA_EVENTS, 1);
        if let Some(sync) = not_zero(row.sync) {
            let record = Recorded { by: not_zero(row.correlation), on: known(row.stream) };
            recorded.insert((target.owner(row.process), sync), record);
        }
        Ok::<(), WriteError>(())
    })?;
    let table = "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION";
    database.each(table, problems, |problems, number, row: WaitRow| {
        target.events += 1;
        let times = target.interval(problems, (table, number), row.start, row.end);
        let Some((start_ns, end_ns)) = times else { return Ok(()) };
        let owner = target.owner(row.process);
        let Some(process_id) = target.process(owner) else {
            target.leave_out(table, 1);
            return Ok(());
        };
        let record = row.sync.and_then(|sync| recorded.get(&(owner, sync)));
        target.kept += 1;
        target.writer.append(&Synchronization {
            process_id,
            start_ns,
            end_ns,
            kind: vocabulary.waits.of(row.kind).unwrap_or_default(),
            context: row.context.unwrap_or(0),
            stream: known(row.stream),
            event: known(row.event).filter(|&event| event != 0),
            correlation: not_zero(row.correlation),
            recorded_by: record.and_then(|record| record.by),
            recorded_on: record.and_then(|record| record.on),
        })
    })
}

/// CUPTI's largest number of 32 bits stands for none.
fn known(number: Option<i64>) -> Option<i64> {
    number.filter(|number| (0..i64::from(u32::MAX)).contains(number))
}

row! {
    /// Of `CUDA_GPU_MEMORY_USAGE_EVENTS`.
    MemoryRow {
        start: i64 = "start",
        process: i64 = "globalPid",
        device: i64 = "deviceId",
        address: i64 = "address",
        bytes: i64 = "bytes",
        kind: i64 = "memKind",
        change: i64 = "memoryOperationType",
        correlation: i64 = "correlationId",
    }
}

/// Writes allocations and frees.
pub(crate) fn memory(
    database: &Database,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let table = "CUDA_GPU_MEMORY_USAGE_EVENTS";
    database.each(table, problems, |problems, number, row: MemoryRow| {
        target.events += 1;
        let Some(time_ns) = target.point(problems, (table, number), row.start) else {
            return Ok(());
        };
        let owner = target.owner(row.process);
        let (kind, place) = vocabulary.memory.of(row.kind).unwrap_or(("unknown", Place::Host));
        let on_device = match place {
            Place::Device => target.device(owner, row.device.unwrap_or(0))?,
            Place::Host => None,
        };
        // What neither allocates nor frees says nothing.
        let change = vocabulary.changes.of(row.change);
        let bytes = size(problems, (table, number), row.bytes);
        let bytes = change.zip(bytes).map(|(sign, bytes)| sign * bytes);
        let (Some(process_id), Some(bytes)) = (target.process(owner), bytes) else {
            target.leave_out(table, 1);
            return Ok(());
        };
        let kind_id = Some(target.writer.string(kind)?);
        let source_id = target.writer.string("nsys")?;
        target.kept += 1;
        target.writer.append(&MemoryEvent {
            process_id,
            device_id: on_device.map(|(_, device)| device),
            time_ns,
            bytes: Some(bytes),
            address: row.address,
            source_id,
            kind_id,
            correlation: not_zero(row.correlation),
            ..MemoryEvent::default()
        })
    })
}

row! {
    /// Of `CUPTI_ACTIVITY_KIND_OVERHEAD` and `PROFILER_OVERHEAD`.
    OverheadRow {
        start: i64 = "start",
        end: i64 = "end",
        thread: i64 = "globalTid",
        correlation: i64 = "correlationId",
        name: i64 = "nameId",
        kind: i64 = "overheadType",
    }
}

/// Writes what CUDA took its time for, and what nsys did. The latter are no events of the program, and are not counted.
pub(crate) fn overheads(
    database: &Database,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    for (table, is_event) in [("CUPTI_ACTIVITY_KIND_OVERHEAD", 1), (PROFILER, 0)] {
        database.each(table, problems, |problems, number, row: OverheadRow| {
            target.events += is_event;
            let place = (table, number);
            let times = target.interval(problems, place, row.start, row.end);
            let Some((start_ns, end_ns)) = times else { return Ok(()) };
            let owner = target.owner(row.thread);
            let Some(process_id) = target.process(owner) else {
                target.leave_out(table, is_event);
                return Ok(());
            };
            let thread_id = match row.thread {
                Some(_) => target.thread(row.thread)?.map(|(_, thread)| thread),
                None => None,
            };
            let kind_id = match vocabulary.overheads.of(row.kind) {
                Some(kind) => target.writer.string(kind)?,
                None => target.name(problems, place, row.name)?,
            };
            target.kept += is_event;
            target.writer.append(&Overhead {
                process_id,
                thread_id,
                start_ns,
                end_ns,
                kind_id,
                correlation: not_zero(row.correlation),
            })
        })?;
    }
    Ok(())
}
