//! Collectives: as arguments of their kernels, as PyTorch writes them, and where those cannot tell everything as
//! events of their own.

use std::io;

use perfagent_recording::table::{Collective, Kernel, Timing};
use perfagent_recording::{ProcessId, Recording, StreamId, StringId};
use rustc_hash::FxHashMap;

use super::file::File;
use super::json::Event;
use super::tracks::Track;
use crate::lanes::{Lanes, nesting, order};
use crate::scene::View;

/// A stream, a start and an end.
type Run = (StreamId, i64, i64);

/// The collectives of a recording's kernels, by row.
#[derive(Debug, Default)]
pub(crate) struct OfKernels {
    by_run: FxHashMap<Run, Vec<usize>>,
    by_correlation: FxHashMap<(ProcessId, i64), usize>,
    /// By row, whether the arguments of its kernel tell everything.
    told: Vec<bool>,
}

impl OfKernels {
    /// Finds them.
    pub(crate) fn new(recording: &Recording) -> Self {
        let mut found = Self { told: vec![false; recording.collectives.len()], ..Self::default() };
        for (row, collective) in recording.collectives.iter().enumerate() {
            if collective.timing != Timing::Kernel {
                continue;
            }
            if let Some(stream) = collective.stream_id {
                let (start, end) = (collective.start_ns, collective.end_ns);
                let run = (stream, start.unix_nanos(), end.unix_nanos());
                found.by_run.entry(run).or_default().push(row);
            }
            if let Some(correlation) = collective.correlation {
                found.by_correlation.entry((collective.process_id, correlation)).or_insert(row);
            }
        }
        // Each is taken once, the first first.
        found.by_run.values_mut().for_each(|rows| rows.reverse());
        found
    }

    /// The collective of a kernel.
    fn take(&mut self, kernel: &Kernel) -> Option<usize> {
        let run = (kernel.stream_id, kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
        if let Some(row) = self.by_run.get_mut(&run).and_then(Vec::pop) {
            return Some(row);
        }
        self.by_correlation.get(&(kernel.process_id, kernel.correlation?)).copied()
    }
}

/// Adds the arguments of its collective to a kernel that is being written.
pub(crate) fn arguments_of_kernel(
    recording: &Recording,
    of_kernels: &mut OfKernels,
    kernel: &Kernel,
    event: &mut Event<'_, '_>,
) {
    let Some(row) = of_kernels.take(kernel) else { return };
    let Some(collective) = recording.collectives.get(row) else { return };
    let text = |id: StringId| recording.strings.get(id);
    let (op, dtype) = (text(collective.op_id), text(collective.dtype_id));
    let told = !of_kernels.told[row] && is_told_by_kernel(recording, &collective);
    of_kernels.told[row] |= told;
    if op.is_empty() {
        return;
    }
    event.text("Collective name", pytorch_name(op));
    if let Some((received, sent)) = elements(op, dtype, collective.bytes, collective.group_size) {
        event.int("In msg nelems", sent);
        event.int("Out msg nelems", received);
    }
    event.some("Group size", collective.group_size);
    event.some_text("dtype", pytorch_type(dtype));
    event.some_text("Process Group Name", text(collective.group_id));
    event.some("Seq", collective.sequence);
    if !told {
        event.int("told apart", 1);
    }
}

/// Whether everything that is known of a collective can be read back from its kernel's arguments.
fn is_told_by_kernel(recording: &Recording, collective: &Collective) -> bool {
    let text = |id: StringId| recording.strings.get(id);
    let (op, dtype) = (text(collective.op_id), text(collective.dtype_id));
    text(collective.source_id) == "kineto"
        && collective.thread_id.is_none()
        && !collective.open
        && collective.enqueued_ns.is_none()
        && collective.correlation.is_none()
        && !op.is_empty()
        && (pytorch_name(op) != op || !is_pytorch_name(op))
        && pytorch_type(dtype) == dtype
        && (collective.bytes.is_none()
            || elements(op, dtype, collective.bytes, collective.group_size).is_some())
}

/// Elements that a rank receives and sends; `None` where bytes are not known to be a number of elements.
fn elements(
    op: &str,
    dtype: &str,
    bytes: Option<i64>,
    group_size: Option<i64>,
) -> Option<(i64, i64)> {
    let (bytes, size) = (bytes?, size_of(pytorch_type(dtype))?);
    let all = (bytes >= 0 && bytes % size == 0).then_some(bytes / size)?;
    let part = group_size.filter(|&ranks| ranks > 0 && all % ranks == 0).map(|ranks| all / ranks);
    Some(match op {
        "all_gather" => (all, part.unwrap_or(all)),
        "reduce_scatter" => (part.unwrap_or(all), all),
        _ => (all, all),
    })
}

/// PyTorch's own name of a collective.
fn pytorch_name(op: &str) -> &str {
    match op {
        "all_reduce" => "allreduce",
        "all_gather" => "_allgather_base",
        "reduce_scatter" => "_reduce_scatter_base",
        "all_to_all" => "all_to_allv",
        other => other,
    }
}

/// Whether an importer would take this for PyTorch's name of a collective and translate it.
fn is_pytorch_name(op: &str) -> bool {
    op.starts_with("allreduce")
        || op.starts_with("allgather")
        || op.starts_with("alltoall")
        || matches!(
            op,
            "_allgather_base"
                | "_reduce_scatter_base"
                | "reduce_scatter_tensor_coalesced"
                | "all_to_allv"
        )
}

/// PyTorch's name of an element type; those of its traces stay.
fn pytorch_type(dtype: &str) -> &str {
    match dtype {
        "float32" | "float" => "Float",
        "float64" | "double" => "Double",
        "float16" | "half" => "Half",
        "bfloat16" => "BFloat16",
        "int64" => "Long",
        "int32" => "Int",
        "int8" => "Char",
        "uint8" => "Byte",
        "bool" => "Bool",
        "float8_e4m3fn" => "Float8_e4m3fn",
        "float8_e5m2" => "Float8_e5m2",
        other => other,
    }
}

/// Bytes of an element of a PyTorch scalar type (`c10::ScalarType`).
fn size_of(dtype: &str) -> Option<i64> {
    Some(match dtype {
        "Byte" | "Char" | "Bool" | "Float8_e5m2" | "Float8_e4m3fn" | "Float8_e5m2fnuz"
        | "Float8_e4m3fnuz" | "Float8_e8m0fnu" => 1,
        "Half" | "BFloat16" | "Short" | "UInt16" => 2,
        "Float" | "Int" | "UInt32" | "ComplexHalf" => 4,
        "Double" | "Long" | "UInt64" | "ComplexFloat" => 8,
        "ComplexDouble" => 16,
        _ => return None,
    })
}

/// Writes the collectives that are on no thread and that no kernel told.
pub(crate) fn write_rest(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let rows = &view.recording.collectives;
    let order = order(rows.len(), |row| {
        let collective = rows.get(row)?;
        let told = file.of_kernels.told.get(row).copied().unwrap_or(false);
        let wanted = !told && collective.thread_id.is_none() && view.has(collective.process_id);
        let (start, end) = (collective.start_ns.unix_nanos(), collective.end_ns.unix_nanos());
        wanted.then_some((collective.process_id, nesting(start, end)))
    });
    let mut lanes: FxHashMap<ProcessId, Lanes> = FxHashMap::default();
    for row in order {
        let Some(collective) = rows.get(row as usize) else { continue };
        let process = collective.process_id;
        let (start, end) = (collective.start_ns.unix_nanos(), collective.end_ns.unix_nanos());
        let lane = lanes.entry(process).or_default().place(start, end);
        let pid = file.tracks.process(view, process);
        let track = file.tracks.further((pid, 0), "collectives");
        let track = file.tracks.lane(track, lane);
        write(file, view, row as usize, track, None)?;
    }
    Ok(())
}

/// Writes a collective as an event of its own, with the `tid` of its thread.
pub(crate) fn write(
    file: &mut File<'_>,
    view: View<'_>,
    row: usize,
    track: Track,
    thread: Option<i64>,
) -> io::Result<()> {
    let recording = view.recording;
    let Some(collective) = recording.collectives.get(row) else { return Ok(()) };
    let text = |id: StringId| recording.strings.get(id);
    let (start, end) = (collective.start_ns.unix_nanos(), collective.end_ns.unix_nanos());
    let op = text(collective.op_id);
    let mut event = file.events.span("perfagent_collective", op, track, start, end);
    event.arguments();
    event.text("Collective name", op);
    event.some_text("dtype", text(collective.dtype_id));
    event.some("message bytes", collective.bytes);
    event.some_text("Process Group Name", text(collective.group_id));
    event.some("Group size", collective.group_size);
    event.some("Seq", collective.sequence);
    event.text("reported by", text(collective.source_id));
    event.text("timing", collective.timing.as_str());
    if let Some(enqueued) = collective.enqueued_ns {
        event.time("enqueued at", enqueued.unix_nanos());
    }
    if let Some(stream) = collective.stream_id.and_then(|id| recording.stream(id)) {
        // Not `stream` and `device`: some programs take whatever has those for work of the GPU.
        event.int("on device", view.ordinal(stream.device_id));
        event.int("on stream", stream.stream);
        event.some("in context", stream.context);
    }
    event.some("kernel correlation", collective.correlation);
    if collective.open {
        event.int("end not seen", 1);
    }
    match thread {
        Some(tid) if tid == track.1 => {}
        Some(tid) => event.int("host thread", tid),
        None => event.int("host thread", -1),
    }
    event.end()
}

#[cfg(test)]
mod tests {
    use super::{elements, is_pytorch_name, pytorch_name};

    #[test]
    fn elements_are_what_nccl_tests_counts() {
        assert_eq!(elements("all_reduce", "float32", Some(4096), Some(8)), Some((1024, 1024)));
        assert_eq!(elements("all_gather", "BFloat16", Some(4096), Some(8)), Some((2048, 256)));
        assert_eq!(elements("reduce_scatter", "Half", Some(4096), Some(8)), Some((256, 2048)));
        assert_eq!(elements("all_gather", "Float", Some(12), Some(8)), Some((3, 3)));
        assert_eq!(elements("all_reduce", "Float", Some(7), None), None);
        assert_eq!(elements("all_reduce", "strange", Some(8), None), None);
        assert_eq!(elements("all_reduce", "Float", None, None), None);
    }

    #[test]
    fn names_that_are_translated_are_known() {
        for op in ["all_reduce", "all_gather", "reduce_scatter", "all_to_all"] {
            assert!(is_pytorch_name(pytorch_name(op)) && !is_pytorch_name(op), "{op}");
        }
    }
}
