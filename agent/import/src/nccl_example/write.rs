//! Operations to rows of a recording.

use std::collections::BTreeMap;

use perfagent_recording::table::{Collective, Process};
use perfagent_recording::{HostId, ProcessId, Timestamp, WriteError, Writer};

use super::reader::{Dump, Operation};

/// Writes the operations as those of processes of `host`; returns the first of these and the rank, if there is one alone.
pub(super) fn write(
    dump: &Dump,
    writer: &mut Writer,
    host_id: HostId,
) -> Result<(Option<ProcessId>, Option<i64>), WriteError> {
    let mut extents: BTreeMap<(i64, Option<i64>), (i64, i64)> = BTreeMap::new();
    for operation in &dump.operations {
        let (first, last) =
            extents.entry(key(dump, operation)).or_insert((operation.start, operation.end));
        (*first, *last) = (operation.start.min(*first), operation.end.max(*last));
    }
    let mut processes: BTreeMap<(i64, Option<i64>), ProcessId> = BTreeMap::new();
    for (&(pid, rank), &(first, last)) in &extents {
        let process = Process {
            host_id,
            pid,
            rank,
            start_ns: at(first),
            end_ns: Some(at(last)),
            ..Process::default()
        };
        processes.insert((pid, rank), writer.insert(&process)?);
    }
    let texts = dump.texts.store(writer)?;
    let source_id = writer.string("nccl-example-plugin")?;
    for operation in &dump.operations {
        let Some(&process_id) = processes.get(&key(dump, operation)) else { continue };
        let row = Collective {
            process_id,
            start_ns: at(operation.start),
            end_ns: at(operation.end),
            op_id: texts.id(operation.op),
            dtype_id: texts.id(operation.dtype),
            bytes: operation.bytes,
            group_id: texts.id(operation.communicator),
            sequence: operation.sequence,
            source_id,
            open: operation.open,
            timing: operation.timing,
            enqueued_ns: operation.called.map(at),
            ..Collective::default()
        };
        writer.append(&row)?;
    }
    let only = extents.keys().next().filter(|_| extents.len() == 1);
    Ok((processes.into_values().next(), only.and_then(|(_, rank)| *rank)))
}

/// The process that an operation is of. In several communicators a process may have several ranks.
fn key(dump: &Dump, operation: &Operation) -> (i64, Option<i64>) {
    (operation.pid, operation.rank.filter(|_| dump.communicators.len() <= 1))
}

const fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}
