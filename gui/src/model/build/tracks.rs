//! From the rows of one recording to the tracks of its processes.

use std::collections::BTreeMap;

use perfagent_analysis::Report;
use perfagent_recording::table::Process;
use perfagent_recording::{ProcessId, Recording, StreamId, StringId, ThreadId};

use super::Tints;
use crate::model::lane::{Event, FURTHEST_TIME, Lane};
use crate::model::names::Names;
use crate::model::tint::{Category, Tint};
use crate::model::track::{Group, Step, Track, TrackKind};

/// A group that has no place in the document yet.
pub(super) struct Draft {
    pub(super) group: Group,
    pub(super) tracks: Vec<(Track, Vec<Lane>)>,
}

impl Draft {
    /// Its first and last moment, ns.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let lanes = self.tracks.iter().flat_map(|(_, lanes)| lanes);
        let spans = lanes.filter_map(|lane| Some((*lane.starts().first()?, *lane.ends().last()?)));
        let steps = self.group.steps.iter().map(|step| (step.start, step.end));
        spans.chain(steps).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Moves all of it by so many ns.
    pub(super) fn shift(&mut self, by: i64) {
        for lane in self.tracks.iter_mut().flat_map(|(_, lanes)| lanes) {
            lane.shift(by);
        }
        for step in &mut self.group.steps {
            step.start = step.start.saturating_add(by);
            step.end = step.end.saturating_add(by);
        }
    }
}

/// Which track an event belongs to. The order is the order on the screen: first what threads did,
/// each thread's rows together, then communication, then the streams.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Thread { thread: ThreadId, kind: TrackKind, domain: StringId },
    Collectives,
    Stream { stream: StreamId, kind: TrackKind },
}

impl Place {
    const fn kind(self) -> TrackKind {
        match self {
            Self::Thread { kind, .. } | Self::Stream { kind, .. } => kind,
            Self::Collectives => TrackKind::Collectives,
        }
    }
}

/// Events by process and place. Most rows follow one of the same place, which is found without a search.
#[derive(Default)]
struct Sorter {
    places: BTreeMap<(ProcessId, Place), usize>,
    events: Vec<Vec<Event>>,
    last: Option<((ProcessId, Place), usize)>,
}

impl Sorter {
    fn push(&mut self, process: ProcessId, place: Place, event: Event) {
        let key = (process, place);
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => {
                let next = self.events.len();
                let at = *self.places.entry(key).or_insert(next);
                if at == next {
                    self.events.push(Vec::new());
                }
                self.last = Some((key, at));
                at
            }
        };
        self.events[at].push(event);
    }
}

/// The tracks of each process that recorded something.
pub(super) type Tracks = BTreeMap<ProcessId, Vec<(Track, Vec<Lane>)>>;

/// Puts all events of a recording into lanes: most of the work of opening it.
pub(super) fn tracks(
    recording: &Recording,
    source: usize,
    names: &mut Names,
    tints: &mut Tints<'_>,
) -> Tracks {
    let mut sorter = Sorter::default();
    sort_host(recording, names, tints, &mut sorter);
    sort_gpu(recording, names, tints, &mut sorter);
    let mut found = Tracks::new();
    let Sorter { places, mut events, .. } = sorter;
    for ((process, place), at) in places {
        let levels = Lane::split(std::mem::take(&mut events[at]));
        let (label, owner) = labels(recording, place);
        let track = Track {
            kind: place.kind(),
            label,
            owner,
            group: 0,
            source,
            lanes: 0..0,
            too_deep: levels.too_deep,
        };
        found.entry(process).or_default().push((track, levels.lanes));
    }
    found
}

/// The groups of all processes that recorded something.
pub(super) fn drafts(recording: &Recording, report: &Report, tracks: Tracks) -> Vec<Draft> {
    let draft = |(process, tracks)| Draft { group: group(recording, report, process), tracks };
    tracks.into_iter().map(draft).collect()
}

fn sort_host(recording: &Recording, names: &mut Names, tints: &mut Tints<'_>, sorter: &mut Sorter) {
    for (row, range) in recording.ranges.iter().enumerate() {
        let place = Place::Thread {
            thread: range.thread_id,
            kind: TrackKind::Ranges,
            domain: range.domain_id,
        };
        let name = tints.name(range.name_id, names);
        let tint = tints.range(range.name_id);
        let (start, end) = (range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
        sorter.push(range.process_id, place, Event::new(start, end, name, tint, row));
    }
    for (row, mark) in recording.marks.iter().enumerate() {
        let place =
            Place::Thread { thread: mark.thread_id, kind: TrackKind::Marks, domain: StringId(0) };
        let name = tints.name(mark.name_id, names);
        let tint = tints.range(mark.name_id);
        let time = mark.time_ns.unix_nanos();
        sorter.push(mark.process_id, place, Event::new(time, time, name, tint, row));
    }
    for (row, operator) in recording.operators.iter().enumerate() {
        let place = Place::Thread {
            thread: operator.thread_id,
            kind: TrackKind::Operators,
            domain: StringId(0),
        };
        let name = tints.name(operator.name_id, names);
        let tint = tints.operation(operator.name_id);
        let (start, end) = (operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
        sorter.push(operator.process_id, place, Event::new(start, end, name, tint, row));
    }
    for (row, call) in recording.api_calls.iter().enumerate() {
        let place =
            Place::Thread { thread: call.thread_id, kind: TrackKind::Api, domain: StringId(0) };
        let name = tints.name(call.name_id, names);
        let tint = Tint::new(Category::Api, recording.strings.get(call.name_id));
        let (start, end) = (call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        sorter.push(call.process_id, place, Event::new(start, end, name, tint, row));
    }
    for (row, collective) in recording.collectives.iter().enumerate() {
        let name = tints.name(collective.op_id, names);
        let tint = Tint::new(Category::Communication, recording.strings.get(collective.op_id));
        let (start, end) = (collective.start_ns.unix_nanos(), collective.end_ns.unix_nanos());
        let event = Event::new(start, end, name, tint, row);
        sorter.push(collective.process_id, Place::Collectives, event);
    }
}

fn sort_gpu(recording: &Recording, names: &mut Names, tints: &mut Tints<'_>, sorter: &mut Sorter) {
    for (row, kernel) in recording.kernels.iter().enumerate() {
        let place = Place::Stream { stream: kernel.stream_id, kind: TrackKind::Kernels };
        let name = tints.name(kernel.name_id, names);
        let tint = tints.operation(kernel.name_id);
        let (start, end) = (kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
        sorter.push(kernel.process_id, place, Event::new(start, end, name, tint, row));
    }
    for (row, copy) in recording.copies.iter().enumerate() {
        let place = Place::Stream { stream: copy.stream_id, kind: TrackKind::Copies };
        let name = names.intern(copy.kind.as_str());
        let tint = Tint::new(Category::Copy, copy.kind.as_str());
        let (start, end) = (copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos());
        sorter.push(copy.process_id, place, Event::new(start, end, name, tint, row));
    }
}

fn group(recording: &Recording, report: &Report, id: ProcessId) -> Group {
    let process = recording.process(id);
    let steps =
        report.ranks.iter().find(|rank| rank.process_id == id.0).map_or_else(Vec::new, |rank| {
            let clamp = |time: i64| time.clamp(-FURTHEST_TIME, FURTHEST_TIME);
            rank.steps
                .iter()
                .map(|step| Step {
                    start: clamp(step.start_ns),
                    end: clamp(step.start_ns.saturating_add(step.duration_ns.max(0))),
                    label: format!("{} {}", step.name, step.index),
                })
                .collect()
        });
    Group {
        label: process_label(process, id),
        note: process.map_or_else(String::new, |process| note(recording, process)),
        rank: process.and_then(|process| process.rank),
        tracks: 0..0,
        steps,
    }
}

/// What a process is called: its rank, else its program and number.
pub(super) fn process_label(process: Option<&Process>, id: ProcessId) -> String {
    match process {
        Some(Process { rank: Some(rank), .. }) => format!("Rank {rank}"),
        Some(process) if process.name.is_empty() => format!("Process {}", process.pid),
        Some(process) => format!("{} {}", process.name, process.pid),
        None => format!("Process row {}", id.0),
    }
}

fn note(recording: &Recording, process: &Process) -> String {
    let host = usize::try_from(process.host_id.0 - 1).ok().and_then(|at| recording.hosts.get(at));
    let mut parts = vec![format!("pid {}", process.pid)];
    if let Some(host) = host.filter(|host| !host.name.is_empty()) {
        parts.push(host.name.clone());
    }
    if !process.name.is_empty() {
        parts.push(process.name.clone());
    }
    parts.join(" · ")
}

fn labels(recording: &Recording, place: Place) -> (String, String) {
    let kind = place.kind().label();
    match place {
        Place::Thread { thread, kind: TrackKind::Ranges, domain } if domain.0 != 0 => {
            let domain = recording.strings.get(domain);
            let label = if domain.is_empty() { kind } else { domain };
            (label.to_owned(), thread_label(recording, thread))
        }
        Place::Thread { thread, .. } => (kind.to_owned(), thread_label(recording, thread)),
        Place::Collectives => (kind.to_owned(), String::new()),
        Place::Stream { stream, .. } => (kind.to_owned(), stream_label(recording, stream)),
    }
}

/// A thread by its name and number.
pub(crate) fn thread_label(recording: &Recording, id: ThreadId) -> String {
    match recording.thread(id) {
        Some(thread) if thread.name.is_empty() => format!("thread {}", thread.tid),
        Some(thread) => format!("{} {}", thread.name, thread.tid),
        None => format!("thread row {}", id.0),
    }
}

/// A stream by its device and number.
pub(crate) fn stream_label(recording: &Recording, id: StreamId) -> String {
    let Some(stream) = recording.stream(id) else {
        return format!("stream row {}", id.0);
    };
    let device =
        recording.device(stream.device_id).map_or(stream.device_id.0, |device| device.ordinal);
    let name = if stream.name.is_empty() { String::new() } else { format!(" {}", stream.name) };
    format!("GPU {device}, stream {}{name}", stream.stream)
}
