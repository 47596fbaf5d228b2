//! What is known about one event, as lines of a label and a text.

use perfagent_analysis::Report;
use perfagent_recording::table::{Payload, Timing};
use perfagent_recording::{DeviceId, ProcessId, Recording, StringId};

use super::build::{stream_label, thread_label};
use super::document::{Document, EventRef, Source};
use super::track::TrackKind;
use crate::units;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The value, with its unit.
    pub text: String,
}

/// What is known about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Its name.
    pub title: String,
    /// What it is and of what category.
    pub kind: String,
    /// The lines.
    pub facts: Vec<Fact>,
}

/// Collects what is known about an event.
#[must_use]
pub fn details(document: &Document, at: EventRef) -> Option<Details> {
    let event = document.event(at)?;
    let track = document.track_of(at)?;
    let source = document.source_of(track)?;
    let recording = &source.recording;
    let mut facts = Facts(Vec::new());
    facts.push("Start", units::duration(event.start - document.whole().start()));
    if track.kind != TrackKind::Marks {
        facts.push("Duration", units::duration(event.end - event.start));
    }
    let row = event.row as usize;
    match track.kind {
        TrackKind::Ranges => range(recording, row, &mut facts),
        TrackKind::Marks => mark(recording, row, &mut facts),
        TrackKind::Operators => operator(recording, row, &mut facts),
        TrackKind::Collectives => collective(source, row, &mut facts),
        TrackKind::Api => call(recording, row, &mut facts),
        TrackKind::Kernels => kernel(recording, row, &mut facts),
        TrackKind::Copies => copy(recording, row, &mut facts),
    }
    if let Some(group) = document.groups.get(track.group) {
        facts.push("Process", format!("{} ({})", group.label, group.note));
        let step =
            group.steps.iter().find(|step| step.start <= event.start && event.start < step.end);
        facts.text("Step", step.map_or("", |step| &step.label));
    }
    let category = event.tint.category().label();
    let kind = match track.kind {
        TrackKind::Operators | TrackKind::Kernels => {
            format!("{}, {category}", track.kind.singular())
        }
        kind => kind.singular().to_owned(),
    };
    Some(Details { title: document.name(&event).to_owned(), kind, facts: facts.0 })
}

struct Facts(Vec<Fact>);

impl Facts {
    fn push(&mut self, label: &'static str, text: String) {
        self.0.push(Fact { label, text });
    }

    fn text(&mut self, label: &'static str, text: &str) {
        if !text.is_empty() {
            self.push(label, text.to_owned());
        }
    }

    fn number(&mut self, label: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            self.push(label, value.to_string());
        }
    }

    fn size(&mut self, label: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            let exact = units::count(value.unsigned_abs());
            self.push(label, format!("{} ({exact} bytes)", units::bytes(value as f64)));
        }
    }

    fn payload(&mut self, payload: Payload) {
        match payload {
            Payload::None => {}
            Payload::Integer(value) => self.push("Payload", value.to_string()),
            Payload::Real(value) => self.push("Payload", value.to_string()),
        }
    }

    fn open(&mut self, open: bool) {
        if open {
            self.push("End", "not seen; drawn up to the last sign of life".to_owned());
        }
    }

    fn speed(&mut self, label: &'static str, bytes: f64, ns: i64) {
        if ns > 0 {
            self.push(label, format!("{:.2} GB/s", bytes / ns as f64));
        }
    }
}

fn text(recording: &Recording, id: StringId) -> &str {
    recording.strings.get(id)
}

fn range(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(range) = recording.ranges.get(row) else { return };
    facts.text("Domain", text(recording, range.domain_id));
    facts.text("Category", text(recording, range.category_id));
    facts.payload(range.payload);
    facts.open(range.open);
    facts.push("Thread", thread_label(recording, range.thread_id));
}

fn mark(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(mark) = recording.marks.get(row) else { return };
    facts.text("Domain", text(recording, mark.domain_id));
    facts.text("Category", text(recording, mark.category_id));
    facts.payload(mark.payload);
    facts.push("Thread", thread_label(recording, mark.thread_id));
}

fn operator(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(operator) = recording.operators.get(row) else { return };
    facts.text("Shapes", text(recording, operator.shapes_id));
    facts.number("Autograd sequence", operator.sequence);
    facts.open(operator.open);
    facts.push("Thread", thread_label(recording, operator.thread_id));
}

/// What the report multiplies the bandwidth of an operation with to compare it with a link's speed.
fn bus_factor(report: &Report, op: &str, group_size: Option<i64>) -> Option<f64> {
    let rows = report.ranks.iter().flat_map(|rank| &rank.collectives);
    rows.filter(|row| row.op == op && row.group_size == group_size).find_map(|row| {
        Some(row.busbw_gbps? / row.algbw_gbps.filter(|&bandwidth| bandwidth > 0.0)?)
    })
}

fn collective(source: &Source, row: usize, facts: &mut Facts) {
    let recording = &source.recording;
    let Some(collective) = recording.collectives.get(row) else { return };
    let op = text(recording, collective.op_id);
    facts.size("Message", collective.bytes);
    facts.text("Element type", text(recording, collective.dtype_id));
    // The time of handing a call over to the GPU is no duration.
    if let Some(bytes) = collective.bytes.filter(|_| collective.timing != Timing::Enqueue) {
        let ns = (collective.end_ns - collective.start_ns).nanos();
        facts.speed("Algorithm bandwidth", bytes as f64, ns);
        let factor = bus_factor(&source.report, op, collective.group_size);
        if let Some(factor) = factor {
            facts.speed("Bus bandwidth", bytes as f64 * factor, ns);
        }
    }
    facts.text("Group", text(recording, collective.group_id));
    facts.number("Group size", collective.group_size);
    facts.number("Sequence", collective.sequence);
    facts.text("Reported by", text(recording, collective.source_id));
    facts.text(
        "Times",
        match collective.timing {
            Timing::Call => "",
            Timing::Kernel => "of its kernel",
            Timing::Enqueue => "only of handing it over to the GPU",
            Timing::Length => "only its length is measured, not when it ran",
        },
    );
    facts.open(collective.open);
    if let Some(thread) = collective.thread_id {
        facts.push("Thread", thread_label(recording, thread));
    }
    if let Some(stream) = collective.stream_id {
        facts.push("Stream", stream_label(recording, stream));
    }
}

fn call(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(call) = recording.api_calls.get(row) else { return };
    facts.number("Correlation", call.correlation);
    if let Some(status) = call.result.filter(|&status| status != 0) {
        facts.push("Result", format!("failed with status {status}"));
    }
    facts.push("Thread", thread_label(recording, call.thread_id));
}

fn kernel(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(kernel) = recording.kernels.get(row) else { return };
    let size = |x: Option<i64>, y: Option<i64>, z: Option<i64>| {
        Some(format!("{} × {} × {}", x?, y.unwrap_or(1), z.unwrap_or(1)))
    };
    facts.text("Grid", &size(kernel.grid_x, kernel.grid_y, kernel.grid_z).unwrap_or_default());
    facts.text("Block", &size(kernel.block_x, kernel.block_y, kernel.block_z).unwrap_or_default());
    facts.number("Registers a thread", kernel.registers);
    facts.size("Static shared memory", kernel.static_shared_bytes);
    facts.size("Dynamic shared memory", kernel.dynamic_shared_bytes);
    facts.number("CUDA graph", kernel.graph);
    gpu_place(recording, kernel.device_id, facts);
    facts.push("Stream", stream_label(recording, kernel.stream_id));
    launch(recording, kernel.process_id, kernel.correlation, kernel.start_ns.unix_nanos(), facts);
}

fn copy(recording: &Recording, row: usize, facts: &mut Facts) {
    let Some(copy) = recording.copies.get(row) else { return };
    facts.size("Size", Some(copy.bytes));
    facts.speed("Speed", copy.bytes as f64, (copy.end_ns - copy.start_ns).nanos());
    facts.number("CUDA graph", copy.graph);
    gpu_place(recording, copy.device_id, facts);
    facts.push("Stream", stream_label(recording, copy.stream_id));
    launch(recording, copy.process_id, copy.correlation, copy.start_ns.unix_nanos(), facts);
}

fn gpu_place(recording: &Recording, device: DeviceId, facts: &mut Facts) {
    if let Some(device) = recording.device(device) {
        facts.push("Device", format!("GPU {} {}", device.ordinal, device.name));
    }
}

/// The call that launched it: looked for among all calls, which is affordable for one click.
fn launch(
    recording: &Recording,
    process: ProcessId,
    correlation: Option<i64>,
    start: i64,
    facts: &mut Facts,
) {
    let Some(correlation) = correlation else { return };
    let calls = || recording.api_calls.iter();
    let call =
        calls().find(|call| call.correlation == Some(correlation) && call.process_id == process);
    match call {
        Some(call) => {
            facts.text("Launched by", text(recording, call.name_id));
            let delay = start.saturating_sub(call.start_ns.unix_nanos());
            facts.push("Launch delay", units::duration(delay));
        }
        None => facts.push("Correlation", correlation.to_string()),
    }
}
