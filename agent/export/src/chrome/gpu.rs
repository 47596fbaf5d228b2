//! What ran on GPUs: kernels, copies, and waits for them.

use std::io;

use perfagent_recording::table::{CopyKind, WaitKind};
use perfagent_recording::{ProcessId, StreamId, StringId, Timestamp};
use rustc_hash::FxHashMap;

use super::collectives;
use super::file::File;
use super::json::Event;
use super::tracks::Track;
use crate::lanes::{Lanes, nesting, order};
use crate::scene::View;

/// Writes kernels and copies, stream by stream, in the order of their start.
pub(crate) fn write_operations(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let recording = view.recording;
    let place = |process: ProcessId, stream: StreamId, start: Timestamp, end: Timestamp| {
        view.has(process).then_some((stream, nesting(start.unix_nanos(), end.unix_nanos())))
    };
    let of_kernel = |row: usize| {
        let row = recording.kernels.get(row)?;
        place(row.process_id, row.stream_id, row.start_ns, row.end_ns)
    };
    let of_copy = |row: usize| {
        let row = recording.copies.get(row)?;
        place(row.process_id, row.stream_id, row.start_ns, row.end_ns)
    };
    let kernels = order(recording.kernels.len(), of_kernel);
    let copies = order(recording.copies.len(), of_copy);
    let (mut kernels, mut copies) = (kernels.iter().peekable(), copies.iter().peekable());
    let mut lanes: FxHashMap<StreamId, Lanes> = FxHashMap::default();
    loop {
        let kernel = kernels.peek().and_then(|&&row| of_kernel(row as usize));
        let copy = copies.peek().and_then(|&&row| of_copy(row as usize));
        let is_kernel = match (kernel, copy) {
            (Some(kernel), Some(copy)) => kernel <= copy,
            (kernel, None) => kernel.is_some(),
            (None, Some(_)) => false,
        };
        let Some((stream, (start, end))) = (if is_kernel { kernel } else { copy }) else {
            return Ok(());
        };
        let lane = lanes.entry(stream).or_default().place(start, end.0);
        let own = file.tracks.stream(view, stream);
        let track = file.tracks.lane(own, lane);
        if is_kernel {
            if let Some(&row) = kernels.next() {
                write_kernel(file, view, row as usize, track)?;
            }
        } else if let Some(&row) = copies.next() {
            write_copy(file, view, row as usize, track)?;
        }
    }
}

/// What kernels and copies have in common.
struct Operation {
    stream: StreamId,
    correlation: Option<i64>,
    graph: Option<i64>,
    graph_node: Option<i64>,
}

fn write_kernel(file: &mut File<'_>, view: View<'_>, row: usize, track: Track) -> io::Result<()> {
    let recording = view.recording;
    let Some(kernel) = recording.kernels.get(row) else { return Ok(()) };
    let name = recording.strings.get(kernel.name_id);
    let (start, end) = (kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
    let operation = Operation {
        stream: kernel.stream_id,
        correlation: kernel.correlation,
        graph: kernel.graph,
        graph_node: kernel.graph_node,
    };
    let launch = file.links.call(recording, kernel.process_id, kernel.correlation);
    let external = launch.and_then(|call| file.links.external(call));
    let external = external.map(|id| id + file.first_external);
    let mut event = file.events.span("kernel", name, track, start, end);
    event.arguments();
    event.some("External id", external);
    arguments(view, &mut event, &operation);
    triple(&mut event, "grid", [kernel.grid_x, kernel.grid_y, kernel.grid_z]);
    triple(&mut event, "block", [kernel.block_x, kernel.block_y, kernel.block_z]);
    event.some("registers per thread", kernel.registers);
    let parts = (kernel.static_shared_bytes, kernel.dynamic_shared_bytes);
    if parts != (None, None) {
        let sum = parts.0.unwrap_or(0).saturating_add(parts.1.unwrap_or(0));
        event.int("shared memory", sum);
        event.some("static shared memory", parts.0);
        event.some("dynamic shared memory", parts.1);
    }
    collectives::arguments_of_kernel(recording, &mut file.of_kernels, &kernel, &mut event);
    event.end()?;
    arrow(file, launch, track, start)
}

fn write_copy(file: &mut File<'_>, view: View<'_>, row: usize, track: Track) -> io::Result<()> {
    let recording = view.recording;
    let Some(copy) = recording.copies.get(row) else { return Ok(()) };
    let (start, end) = (copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos());
    let (category, name) = match copy.kind {
        CopyKind::Memset => ("gpu_memset", "Memset (Device)".to_owned()),
        kind => ("gpu_memcpy", format!("Memcpy {}", kind.as_str())),
    };
    let operation = Operation {
        stream: copy.stream_id,
        correlation: copy.correlation,
        graph: copy.graph,
        graph_node: copy.graph_node,
    };
    let launch = file.links.call(recording, copy.process_id, copy.correlation);
    let external = launch.and_then(|call| file.links.external(call));
    let external = external.map(|id| id + file.first_external);
    let mut event = file.events.span(category, &name, track, start, end);
    event.arguments();
    event.some("External id", external);
    arguments(view, &mut event, &operation);
    event.int("bytes", copy.bytes);
    event.end()?;
    arrow(file, launch, track, start)
}

fn arguments(view: View<'_>, event: &mut Event<'_, '_>, operation: &Operation) {
    let stream = view.recording.stream(operation.stream);
    event.int("device", stream.map_or(0, |stream| view.ordinal(stream.device_id)));
    event.some("context", stream.and_then(|stream| stream.context));
    event.int("stream", stream.map_or(0, |stream| stream.stream));
    event.some("correlation", operation.correlation);
    event.some("graph id", operation.graph);
    event.some("graph node id", operation.graph_node);
}

/// A size in three dimensions; not known where none of them is.
fn triple(event: &mut Event<'_, '_>, key: &str, sizes: [Option<i64>; 3]) {
    if sizes.iter().any(Option::is_some) {
        let sizes = sizes.map(|size| size.map_or("null".to_owned(), |size| size.to_string()));
        event.raw(key, &format!("[{}]", sizes.join(", ")));
    }
}

/// The end of the arrow from the call that launched an operation.
fn arrow(file: &mut File<'_>, launch: Option<usize>, track: Track, start: i64) -> io::Result<()> {
    let Some(call) = launch else { return Ok(()) };
    let mut arrow = file.events.begin("f", "ac2g", "ac2g", track);
    arrow.int("id", file.first_flow + call as i64 + 1);
    arrow.time("ts", start);
    arrow.raw("bp", "\"e\"");
    arrow.end()
}

/// Writes waits, on tracks beside those of the operations: they last longer than what they wait for.
pub(crate) fn write_waits(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let rows = &view.recording.synchronizations;
    let order = order(rows.len(), |row| {
        let wait = rows.get(row)?;
        let (start, end) = (wait.start_ns.unix_nanos(), wait.end_ns.unix_nanos());
        view.has(wait.process_id).then_some((wait.process_id, nesting(start, end)))
    });
    let mut lanes: FxHashMap<Track, Lanes> = FxHashMap::default();
    for row in order {
        let Some(wait) = rows.get(row as usize) else { continue };
        let device = file.contexts.get(&(wait.process_id.0, wait.context)).copied();
        let pid = match device {
            Some(device) => file.tracks.device(view, device.into()),
            None => file.tracks.process(view, wait.process_id),
        };
        let name = match wait.stream {
            Some(stream) => format!("stream {stream} (sync)"),
            None => format!("context {} (sync)", wait.context),
        };
        let (start, end) = (wait.start_ns.unix_nanos(), wait.end_ns.unix_nanos());
        let own = file.tracks.further((pid, 0), &name);
        let lane = lanes.entry(own).or_default().place(start, end);
        let track = file.tracks.lane(own, lane);
        let kind = wait_name(wait.kind);
        let mut event = file.events.span("cuda_sync", kind, track, start, end);
        event.arguments();
        event.text("cuda_sync_kind", kind);
        event.int("stream", wait.stream.unwrap_or(-1));
        event.int("wait_on_stream", wait.recorded_on.unwrap_or(-1));
        event.int("wait_on_cuda_event_record_corr_id", wait.recorded_by.unwrap_or(-1));
        event.int("wait_on_cuda_event_id", wait.event.unwrap_or(-1));
        event.some("correlation", wait.correlation);
        event.some("device", device.map(|device| view.ordinal(device.into())));
        event.int("context", wait.context);
        event.end()?;
    }
    Ok(())
}

/// Kineto's name of a kind of wait.
fn wait_name(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Event => "Event Sync",
        WaitKind::StreamEvent => "Stream Wait Event",
        WaitKind::Stream => "Stream Sync",
        WaitKind::Context => "Context Sync",
        WaitKind::Other => "Unknown Sync",
    }
}

/// Writes what recording itself, the driver and loading of modules took of the program's time.
pub(crate) fn write_overheads(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let rows = &view.recording.overheads;
    let order = order(rows.len(), |row| {
        let overhead = rows.get(row)?;
        let (start, end) = (overhead.start_ns.unix_nanos(), overhead.end_ns.unix_nanos());
        view.has(overhead.process_id).then_some((overhead.process_id, nesting(start, end)))
    });
    let mut lanes: FxHashMap<ProcessId, Lanes> = FxHashMap::default();
    let text = |id: StringId| view.recording.strings.get(id);
    for row in order {
        let Some(overhead) = rows.get(row as usize) else { continue };
        let (start, end) = (overhead.start_ns.unix_nanos(), overhead.end_ns.unix_nanos());
        let pid = file.tracks.process(view, overhead.process_id);
        let own = file.tracks.further((pid, 0), "overhead");
        let lane = lanes.entry(overhead.process_id).or_default().place(start, end);
        let track = file.tracks.lane(own, lane);
        file.events.span("overhead", text(overhead.kind_id), track, start, end).end()?;
    }
    Ok(())
}
