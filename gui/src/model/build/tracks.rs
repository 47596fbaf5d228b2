//! From the rows of one recording to the tracks of its processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use perfagent_analysis::Report;
use perfagent_recording::table::Process;
use perfagent_recording::{ProcessId, Recording, StreamId, StringId, ThreadId};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::sorter::{Sorted, Sorter, TABLES};
use crate::model::lane::{FURTHEST_TIME, Label, Lane};
use crate::model::names::Names;
use crate::model::track::{Group, Step, Track, TrackKind};

/// A group that has no place in the document yet.
pub(super) struct Draft {
    pub(super) group: Group,
    pub(super) tracks: Vec<(Track, Vec<Lane>)>,
}

impl Draft {
    /// Its first and last moment, ns.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let spans = self.tracks.iter().flat_map(|(_, lanes)| lanes).filter_map(Lane::span);
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
pub(super) enum Place {
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

/// The tracks of each process that recorded something.
pub(super) type Tracks = BTreeMap<ProcessId, Vec<(Track, Vec<Lane>)>>;

/// Puts all events of a recording into lanes, one table beside the other.
pub(super) fn tracks(recording: &Recording, source: usize, names: &mut Names) -> Tracks {
    let sorted: Vec<Sorted> =
        TABLES.into_par_iter().map(|sort| sort(Sorter::new(recording)).finish()).collect();
    let mut places = BTreeMap::new();
    for Sorted { levels, labels } in sorted {
        // In this order every time, so that names get the same numbers.
        let labels: Arc<[Label]> = labels
            .into_iter()
            .map(|(text, tint)| Label { name: names.intern(text), tint })
            .collect();
        for (place, mut levels) in levels {
            levels.lanes.iter_mut().for_each(|lane| lane.set_labels(&labels));
            places.insert(place, levels);
        }
    }
    let mut found = Tracks::new();
    for ((process, place), levels) in places {
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
