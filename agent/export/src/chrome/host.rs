//! What ran on threads of the host: ranges, operators, calls of CUDA, marks, memory.

use std::cmp::Reverse;
use std::io;

use perfagent_recording::table::Payload;
use perfagent_recording::{ProcessId, StringId, ThreadId, Timestamp};

use super::collectives;
use super::file::File;
use super::json::{Event, real};
use super::tracks::Track;
use crate::lanes::{Lanes, nesting, order};
use crate::scene::View;

/// The tables whose rows lie on threads. Of equal spans the first kind is the outer one.
const KINDS: usize = 4;
const RANGE: usize = 0;
const OPERATOR: usize = 1;
const CALL: usize = 2;

type Place = (ThreadId, i64, Reverse<i64>);

/// Where a thread is while its spans are written in order.
struct Thread {
    id: ThreadId,
    track: Track,
    lanes: Lanes,
    /// The tracks of lanes that were met.
    tracks: Vec<Track>,
    /// Operators that may still enclose a call: their end and external id.
    operators: Vec<(i64, u32)>,
}

impl Thread {
    fn new(file: &File<'_>, view: View<'_>, id: ThreadId) -> Self {
        let track = file.tracks.thread(view, id);
        Self { id, track, lanes: Lanes::default(), tracks: vec![track], operators: Vec::new() }
    }

    /// The track of a span.
    fn place(&mut self, file: &mut File<'_>, start: i64, end: i64) -> Track {
        let lane = self.lanes.place(start, end);
        while self.tracks.len() <= lane {
            self.tracks.push(file.tracks.lane(self.track, self.tracks.len()));
        }
        self.tracks[lane]
    }

    /// The operator that encloses a span.
    fn enclosing(&mut self, start: i64, end: i64) -> Option<u32> {
        while self.operators.last().is_some_and(|&(last, _)| last < start) {
            self.operators.pop();
        }
        let around = self.operators.iter().rev().find(|&&(last, _)| last >= end);
        around.map(|&(_, external)| external)
    }
}

/// Writes all spans of threads, thread by thread, in the order in which they nest.
pub(crate) fn write_spans(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let recording = view.recording;
    let place = |process: ProcessId, thread: ThreadId, start: Timestamp, end: Timestamp| {
        let (start, end) = nesting(start.unix_nanos(), end.unix_nanos());
        view.has(process).then_some((thread, start, end))
    };
    let of_range = |row: usize| {
        let row = recording.ranges.get(row)?;
        place(row.process_id, row.thread_id, row.start_ns, row.end_ns)
    };
    let of_operator = |row: usize| {
        let row = recording.operators.get(row)?;
        place(row.process_id, row.thread_id, row.start_ns, row.end_ns)
    };
    let of_call = |row: usize| {
        let row = recording.api_calls.get(row)?;
        place(row.process_id, row.thread_id, row.start_ns, row.end_ns)
    };
    let of_collective = |row: usize| {
        let row = recording.collectives.get(row)?;
        place(row.process_id, row.thread_id?, row.start_ns, row.end_ns)
    };
    let places: [&dyn Fn(usize) -> Option<Place>; KINDS] =
        [&of_range, &of_operator, &of_call, &of_collective];
    let orders: [Vec<u32>; KINDS] = [
        order(recording.ranges.len(), of_range),
        order(recording.operators.len(), of_operator),
        order(recording.api_calls.len(), of_call),
        order(recording.collectives.len(), of_collective),
    ];
    let mut next = [0_usize; KINDS];
    let mut thread: Option<Thread> = None;
    loop {
        let head = |kind: usize| {
            let row = *orders[kind].get(next[kind])? as usize;
            Some((places[kind](row)?, kind, row))
        };
        let Some(((id, start, Reverse(end)), kind, row)) = (0..KINDS).filter_map(head).min() else {
            return Ok(());
        };
        next[kind] += 1;
        let mut at = match thread.take() {
            Some(thread) if thread.id == id => thread,
            _ => Thread::new(file, view, id),
        };
        let track = at.place(file, start, end);
        match kind {
            RANGE => range(file, view, row, track, at.track)?,
            OPERATOR => {
                at.operators.push((end, row as u32 + 1));
                operator(file, view, row, track, at.track)?;
            }
            CALL => {
                if let Some(external) = at.enclosing(start, end) {
                    file.links.set_external(row, external);
                }
                call(file, view, row, track, at.track)?;
            }
            _ => collectives::write(file, view, row, track, Some(at.track.1))?,
        }
        thread = Some(at);
    }
}

/// Names the thread of a span that is not on its own track.
fn host_thread(event: &mut Event<'_, '_>, track: Track, own: Track) {
    if track != own {
        event.int("host thread", own.1);
    }
}

fn payload(event: &mut Event<'_, '_>, payload: Payload) {
    match payload {
        Payload::None => {}
        Payload::Integer(value) => event.int("nvtx payload", value),
        Payload::Real(value) => event.raw("nvtx payload", &real(value)),
    }
}

fn range(
    file: &mut File<'_>,
    view: View<'_>,
    row: usize,
    track: Track,
    own: Track,
) -> io::Result<()> {
    let Some(range) = view.recording.ranges.get(row) else { return Ok(()) };
    let text = |id: StringId| view.recording.strings.get(id);
    let (start, end) = (range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
    let mut event = file.events.span("user_annotation", text(range.name_id), track, start, end);
    event.arguments();
    event.some_text("nvtx domain", text(range.domain_id));
    event.some_text("nvtx category", text(range.category_id));
    event.some("nvtx color", range.color);
    payload(&mut event, range.payload);
    event.int("nesting depth", range.depth.unwrap_or(-1));
    if range.open {
        event.int("end not seen", 1);
    }
    host_thread(&mut event, track, own);
    event.end()
}

fn operator(
    file: &mut File<'_>,
    view: View<'_>,
    row: usize,
    track: Track,
    own: Track,
) -> io::Result<()> {
    let Some(operator) = view.recording.operators.get(row) else { return Ok(()) };
    let text = |id: StringId| view.recording.strings.get(id);
    let (start, end) = (operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
    let external = file.first_external + row as i64 + 1;
    let mut event = file.events.span("cpu_op", text(operator.name_id), track, start, end);
    event.arguments();
    event.int("External id", external);
    event.some("Sequence number", operator.sequence);
    for (key, list) in [("Input Dims", Some(operator.shapes_id)), ("Input type", operator.types_id)]
    {
        let list = list.map_or("", text);
        if file.lists.is_written_as_it_is(list) {
            event.raw(key, list);
        } else {
            event.some_text(key, list);
        }
    }
    event.some("flops", operator.flops);
    event.int("nesting depth", operator.depth);
    if operator.open {
        event.int("end not seen", 1);
    }
    host_thread(&mut event, track, own);
    event.end()
}

fn call(
    file: &mut File<'_>,
    view: View<'_>,
    row: usize,
    track: Track,
    own: Track,
) -> io::Result<()> {
    let Some(call) = view.recording.api_calls.get(row) else { return Ok(()) };
    let name = view.recording.strings.get(call.name_id);
    let (start, end) = (call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
    let mut event = file.events.span(category(name), name, track, start, end);
    event.arguments();
    event.some("External id", file.links.external(row).map(|id| id + file.first_external));
    event.some("correlation", call.correlation);
    event.some("result", call.result);
    host_thread(&mut event, track, own);
    event.end()?;
    if file.links.launches(row) {
        let mut arrow = file.events.begin("s", "ac2g", "ac2g", track);
        arrow.int("id", file.first_flow + row as i64 + 1);
        arrow.time("ts", start);
        arrow.end()?;
    }
    Ok(())
}

/// Functions of the driver begin with `cu` and a capital; those of the runtime, also of HIP, do not.
fn category(name: &str) -> &'static str {
    let driver = name.strip_prefix("cu").and_then(|rest| rest.chars().next());
    if driver.is_some_and(|first| first.is_ascii_uppercase()) {
        "cuda_driver"
    } else {
        "cuda_runtime"
    }
}

/// Writes the marks.
pub(crate) fn write_marks(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let text = |id: StringId| view.recording.strings.get(id);
    for mark in view.recording.marks.iter().filter(|mark| view.has(mark.process_id)) {
        let track = file.tracks.thread(view, mark.thread_id);
        let mut event = file.events.begin("i", "nvtx_mark", text(mark.name_id), track);
        event.raw("s", "\"t\"");
        event.time("ts", mark.time_ns.unix_nanos());
        event.arguments();
        event.some_text("nvtx domain", text(mark.domain_id));
        event.some_text("nvtx category", text(mark.category_id));
        payload(&mut event, mark.payload);
        event.end()?;
    }
    Ok(())
}

/// Writes changes and readings of memory.
pub(crate) fn write_memory(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let text = |id: StringId| view.recording.strings.get(id);
    for memory in view.recording.memory.iter().filter(|memory| view.has(memory.process_id)) {
        let pid = file.tracks.process(view, memory.process_id);
        let mut event = file.events.begin("i", "cpu_instant_event", "[memory]", (pid, pid));
        event.raw("s", "\"t\"");
        event.time("ts", memory.time_ns.unix_nanos());
        event.arguments();
        let device = memory.device_id.map(|device| view.ordinal(device));
        event.int("Device Type", i64::from(device.is_some()));
        event.int("Device Id", device.unwrap_or(-1));
        event.some("Bytes", memory.bytes);
        event.some("Addr", memory.address);
        event.some("Total Allocated", memory.allocated_bytes);
        event.some("Total Reserved", memory.reserved_bytes);
        event.some("Device Bytes", memory.device_bytes);
        let source = text(memory.source_id);
        event.some_text("reported by", if source == "kineto" { "" } else { source });
        event.some_text("Kind", memory.kind_id.map_or("", text));
        event.some_text("Site", memory.site_id.map_or("", text));
        event.some("correlation", memory.correlation);
        event.end()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn functions_of_driver_and_runtime() {
        let names = ["cuLaunchKernelEx", "cudaLaunchKernel", "hipMemcpyAsync", "cu", "custom"];
        let driver = names.map(|name| category(name) == "cuda_driver");
        assert_eq!(driver, [true, false, false, false, false]);
    }
}
