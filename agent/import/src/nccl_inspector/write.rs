//! Operations to rows of a recording.

use perfagent_recording::table::{Collective, Process, Timing};
use perfagent_recording::{ProcessId, Timestamp, WriteError, Writer};

use super::reader::{Operation, Output};
use crate::hosts::Hosts;

/// Writes each process with its operations; returns the first.
pub(super) fn write(
    output: &Output,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<Option<ProcessId>, WriteError> {
    let spans = spans(&output.operations, output.writers.len());
    let mut processes = Vec::with_capacity(output.writers.len());
    let mut extents: Vec<Option<(i64, i64)>> = vec![None; output.writers.len()];
    for (operation, &(start, end)) in output.operations.iter().zip(&spans) {
        if let Some(extent) = extents.get_mut(operation.writer as usize) {
            let (first, last) = extent.unwrap_or((start, end));
            *extent = Some((first.min(start), last.max(end)));
        }
    }
    for (about, extent) in output.writers.iter().zip(extents) {
        let host_id = hosts.named(&about.host, writer)?;
        let process = Process {
            host_id,
            pid: about.pid,
            rank: about.rank().map(|(rank, _)| rank),
            world_size: about.rank().map(|(_, of)| of),
            start_ns: at(extent.map_or(0, |(first, _)| first)),
            end_ns: extent.map(|(_, last)| at(last)),
            ..Process::default()
        };
        processes.push(writer.insert::<_, ProcessId>(&process)?);
    }
    let texts = output.texts.store(writer)?;
    let source_id = writer.string("nccl-inspector")?;
    for (operation, &(start, end)) in output.operations.iter().zip(&spans) {
        let Some(&process_id) = processes.get(operation.writer as usize) else { continue };
        let row = Collective {
            process_id,
            start_ns: at(start),
            end_ns: at(end),
            op_id: texts.id(operation.op),
            bytes: operation.bytes,
            group_id: texts.id(operation.communicator),
            group_size: operation.size,
            sequence: operation.sequence,
            source_id,
            timing: operation.timing,
            enqueued_ns: operation.called.map(at),
            ..Collective::default()
        };
        writer.append(&row)?;
    }
    Ok(processes.first().copied())
}

const fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

/// Start and end of each operation. Those of which only the length is known are put one behind the other, in the order in
/// which they were written, each before it was written.
pub(super) fn spans(operations: &[Operation], writers: usize) -> Vec<(i64, i64)> {
    let mut next = vec![i64::MAX; writers];
    let mut spans: Vec<(i64, i64)> = operations
        .iter()
        .rev()
        .map(|operation| {
            if operation.timing != Timing::Length {
                return (operation.instant, operation.instant.saturating_add(operation.length));
            }
            let Some(next) = next.get_mut(operation.writer as usize) else { return (0, 0) };
            let end = operation.instant.min(*next);
            *next = end.saturating_sub(operation.length);
            (*next, end)
        })
        .collect();
    spans.reverse();
    spans
}
