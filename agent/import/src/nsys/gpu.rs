//! What GPUs did, and the calls that asked for it.

use perfagent_recording::table::{ApiCall, Copy, CopyKind, Kernel};
use perfagent_recording::{StringId, WriteError};

use super::database::Database;
use super::problem::{Problem, Problems};
use super::row::row;
use super::target::{Place, Ran, Target};
use super::vocabulary::Vocabulary;

/// What a run of a whole graph is called among the kernels.
const GRAPH: &str = "[CUDA graph]";

row! {
    /// Of `CUPTI_ACTIVITY_KIND_KERNEL`.
    KernelRow {
        start: i64 = "start",
        end: i64 = "end",
        device: i64 = "deviceId",
        context: i64 = "contextId",
        stream: i64 = "streamId",
        correlation: i64 = "correlationId",
        process: i64 = "globalPid",
        demangled: i64 = "demangledName",
        short: i64 = "shortName",
        mangled: i64 = "mangledName",
        registers: i64 = "registersPerThread",
        grid_x: i64 = "gridX",
        grid_y: i64 = "gridY",
        grid_z: i64 = "gridZ",
        block_x: i64 = "blockX",
        block_y: i64 = "blockY",
        block_z: i64 = "blockZ",
        static_shared: i64 = "staticSharedMemory",
        dynamic_shared: i64 = "dynamicSharedMemory",
        graph: i64 = "graphId",
        graph_node: i64 = "graphNodeId",
    }
}

/// Writes kernels, by their demangled name; by the short one where there is no other.
pub(crate) fn kernels(
    database: &Database,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let table = "CUPTI_ACTIVITY_KIND_KERNEL";
    database.each(table, problems, |problems, number, row: KernelRow| {
        let place = (table, number);
        let Some(Ran { process_id, device_id, stream_id, start_ns, end_ns }) = target.operation(
            problems,
            place,
            row.process,
            (row.start, row.end),
            [row.device, row.context, row.stream],
        )?
        else {
            return Ok(());
        };
        let name_id = kernel_name(problems, target, place, &row)?;
        target.writer.append(&Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns,
            end_ns,
            name_id,
            correlation: not_zero(row.correlation),
            grid_x: row.grid_x,
            grid_y: row.grid_y,
            grid_z: row.grid_z,
            block_x: row.block_x,
            block_y: row.block_y,
            block_z: row.block_z,
            registers: row.registers,
            static_shared_bytes: row.static_shared,
            dynamic_shared_bytes: row.dynamic_shared,
            graph: not_zero(row.graph),
            graph_node: not_zero(row.graph_node),
        })
    })
}

fn kernel_name(
    problems: &mut Problems,
    target: &mut Target<'_>,
    place: Place<'_>,
    row: &KernelRow,
) -> Result<StringId, WriteError> {
    let numbers = [row.demangled, row.short, row.mangled];
    let told =
        |number: &Option<i64>| target.names.text(*number).is_some_and(|text| !text.is_empty());
    let best = numbers.iter().copied().find(told);
    let number = best.or_else(|| numbers.into_iter().find(Option::is_some)).flatten();
    target.name(problems, place, number)
}

row! {
    /// Of `CUPTI_ACTIVITY_KIND_MEMCPY` and `…_MEMSET`.
    CopyRow {
        start: i64 = "start",
        end: i64 = "end",
        device: i64 = "deviceId",
        context: i64 = "contextId",
        stream: i64 = "streamId",
        correlation: i64 = "correlationId",
        process: i64 = "globalPid",
        bytes: i64 = "bytes",
        kind: i64 = "copyKind",
        graph_node: i64 = "graphNodeId",
    }
}

/// Writes copies and memsets.
pub(crate) fn copies(
    database: &Database,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    for (table, is_memset) in
        [("CUPTI_ACTIVITY_KIND_MEMCPY", false), ("CUPTI_ACTIVITY_KIND_MEMSET", true)]
    {
        database.each(table, problems, |problems, number, row: CopyRow| {
            let place = (table, number);
            let Some(Ran { process_id, device_id, stream_id, start_ns, end_ns }) = target
                .operation(
                    problems,
                    place,
                    row.process,
                    (row.start, row.end),
                    [row.device, row.context, row.stream],
                )?
            else {
                return Ok(());
            };
            let kind = if is_memset {
                CopyKind::Memset
            } else {
                vocabulary.copies.of(row.kind).unwrap_or_default()
            };
            target.writer.append(&Copy {
                process_id,
                device_id,
                stream_id,
                start_ns,
                end_ns,
                kind,
                bytes: size(problems, place, row.bytes).unwrap_or(0),
                correlation: not_zero(row.correlation),
                graph: None,
                graph_node: not_zero(row.graph_node),
            })
        })?;
    }
    Ok(())
}

row! {
    /// Of `CUPTI_ACTIVITY_KIND_GRAPH_TRACE`.
    GraphRow {
        start: i64 = "start",
        end: i64 = "end",
        device: i64 = "deviceId",
        context: i64 = "contextId",
        stream: i64 = "streamId",
        correlation: i64 = "correlationId",
        process: i64 = "globalPid",
        graph: i64 = "graphId",
        executable: i64 = "graphExecId",
    }
}

/// Writes runs of whole CUDA graphs, as they stand there instead of their kernels.
pub(crate) fn graphs(
    database: &Database,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let table = "CUPTI_ACTIVITY_KIND_GRAPH_TRACE";
    database.each(table, problems, |problems, number, row: GraphRow| {
        let Some(Ran { process_id, device_id, stream_id, start_ns, end_ns }) = target.operation(
            problems,
            (table, number),
            row.process,
            (row.start, row.end),
            [row.device, row.context, row.stream],
        )?
        else {
            return Ok(());
        };
        let name_id = target.writer.string(GRAPH)?;
        target.writer.append(&Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns,
            end_ns,
            name_id,
            correlation: not_zero(row.correlation),
            graph: row.executable.or(row.graph),
            ..Kernel::default()
        })
    })
}

row! {
    /// Of `CUPTI_ACTIVITY_KIND_RUNTIME`, which holds calls of the driver, too.
    CallRow {
        start: i64 = "start",
        end: i64 = "end",
        thread: i64 = "globalTid",
        correlation: i64 = "correlationId",
        name: i64 = "nameId",
        result: i64 = "returnValue",
    }
}

/// Writes calls of the runtime and the driver.
pub(crate) fn calls(
    database: &Database,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let table = "CUPTI_ACTIVITY_KIND_RUNTIME";
    database.each(table, problems, |problems, number, row: CallRow| {
        target.events += 1;
        let place = (table, number);
        let times = target.interval(problems, place, row.start, row.end);
        let Some((start_ns, end_ns)) = times else { return Ok(()) };
        let Some((process_id, thread_id)) = target.thread(row.thread)? else {
            target.leave_out(table, 1);
            return Ok(());
        };
        let name_id = target.name(problems, place, row.name)?;
        target.kept += 1;
        target.writer.append(&ApiCall {
            process_id,
            thread_id,
            start_ns,
            end_ns,
            name_id,
            correlation: not_zero(row.correlation),
            result: row.result,
        })
    })
}

/// A number of bytes; `None`, and counted, when it is less than none.
pub(crate) fn size(
    problems: &mut Problems,
    (table, row): Place<'_>,
    bytes: Option<i64>,
) -> Option<i64> {
    if let Some(bytes) = bytes.filter(|&bytes| bytes < 0) {
        problems.add(table, Problem::Value("bytes"), row, || bytes.to_string());
    }
    bytes.filter(|&bytes| bytes >= 0)
}

/// Some writers put 0 where there is none.
pub(crate) fn not_zero(number: Option<i64>) -> Option<i64> {
    number.filter(|&number| number != 0)
}
