//! The walk back from the end of a stretch of time.

use rustc_hash::FxHashMap;

use perfagent_recording::{Recording, ThreadId};

use super::event::Events;
use super::graph::{Graph, OperationIndex};
use super::host::{Awaited, Joins, joins};
use super::{CriticalPath, PathKind, PathName, PathRow, PathSegment, label};
use crate::category::Labels;
use crate::launched::Launches;
use crate::operation::Work;
use crate::positions::Positions;
use crate::process::ProcessRows;
use crate::rules::COMMUNICATION;

const GAP_ON_STREAM: PathName = PathName::Fixed("(between operations of a stream)");
const FOR_EVENT: PathName = PathName::Fixed("(for an event of another stream)");
const FOR_THREAD: PathName = PathName::Fixed("(for another thread)");
const LAUNCH: PathName = PathName::Fixed("(launch delay)");
const NOTHING: PathName = PathName::Fixed("(nothing recorded)");

/// What to look at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start {
    /// The stretch of time; everything when there is none.
    pub(crate) window: Option<(i64, i64)>,
    /// The thread on which the path ends, unless the GPU runs at the end.
    pub(crate) thread: Option<ThreadId>,
}

/// Where the walk is.
#[derive(Clone, Copy)]
enum Place {
    Operation(OperationIndex),
    Thread(ThreadId),
}

/// A cause of an operation: when it allowed the operation to begin, and where it is.
struct Cause {
    time: i64,
    place: Place,
    kind: PathKind,
    name: PathName,
}

struct Walk<'a> {
    graph: Graph<'a>,
    labels: &'a Labels,
    /// Kernels come first among the operations.
    kernels: &'a Positions,
    copies: &'a Positions,
    events: Events,
    joins: Joins,
    /// First start of each thread.
    begins: FxHashMap<ThreadId, i64>,
    visited: Vec<bool>,
    from: i64,
    /// Backwards.
    segments: Vec<PathSegment>,
}

/// The critical path of a process; empty when nothing is recorded in the window.
pub(crate) fn path(
    recording: &Recording,
    rows: &ProcessRows,
    launches: &Launches,
    labels: &Labels,
    start: Start,
) -> CriticalPath {
    let threads = threads(recording, rows);
    let mut extents = launches.operations.iter().map(|operation| (operation.start, operation.end));
    let all = threads
        .iter()
        .map(|thread| (thread.first, thread.last))
        .chain(&mut extents)
        .reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
    let Some(window) = start.window.or(all).filter(|window| window.0 < window.1) else {
        return CriticalPath::default();
    };
    let graph = Graph::of(launches);
    let events = Events::of(recording, rows.process, &graph);
    let mut walk = Walk {
        joins: joins(recording, rows, &graph, &events),
        events,
        graph,
        labels,
        kernels: &rows.kernels,
        copies: &rows.copies,
        begins: threads.iter().map(|thread| (thread.id, thread.first)).collect(),
        visited: vec![false; launches.operations.len()],
        from: window.0,
        segments: Vec::new(),
    };
    let (place, time) = walk.last(recording, rows, window, start.thread);
    walk.push(time, window.1, PathKind::Idle, NOTHING, (None, None));
    walk.run(place, time);
    let mut segments = walk.segments;
    segments.reverse();
    CriticalPath { window, segments: label::named(recording, rows, &segments) }
}

/// First start and last end of what a thread ran.
struct Extent {
    id: ThreadId,
    first: i64,
    last: i64,
}

fn threads(recording: &Recording, rows: &ProcessRows) -> Vec<Extent> {
    let mut threads: FxHashMap<ThreadId, (i64, i64)> = FxHashMap::default();
    label::for_each(recording, rows, &mut |thread, start, end| {
        let extent = threads.entry(thread).or_insert((start, end));
        *extent = (extent.0.min(start), extent.1.max(end));
    });
    let mut threads: Vec<Extent> =
        threads.into_iter().map(|(id, (first, last))| Extent { id, first, last }).collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

impl Walk<'_> {
    /// What ended last before the end of the window: what ran on the GPU at that moment, else what the preferred thread ran,
    /// else what ended last anywhere.
    fn last(
        &self,
        recording: &Recording,
        rows: &ProcessRows,
        (from, until): (i64, i64),
        prefer: Option<ThreadId>,
    ) -> (Option<Place>, i64) {
        let operations = self.graph.launches.operations.iter().enumerate();
        let operation = operations
            .filter(|(_, operation)| operation.start < until && operation.end > from)
            .max_by_key(|(_, operation)| (operation.end, operation.start))
            .map(|(index, operation)| (operation.end.min(until), index as OperationIndex));
        let mut ends: FxHashMap<ThreadId, i64> = FxHashMap::default();
        label::for_each(recording, rows, &mut |thread, start, end| {
            if start < until && end > from {
                let last = ends.entry(thread).or_insert(i64::MIN);
                *last = (*last).max(end.min(until));
            }
        });
        let preferred = prefer.and_then(|thread| Some((*ends.get(&thread)?, thread)));
        let latest = ends.iter().map(|(&thread, &end)| (end, thread));
        let thread = preferred
            .or_else(|| latest.max_by_key(|&(end, thread)| (end, std::cmp::Reverse(thread))));
        match (operation, thread) {
            (Some((end, index)), Some((other, _))) if end == until || end >= other => {
                (Some(Place::Operation(index)), end)
            }
            (Some((end, index)), None) => (Some(Place::Operation(index)), end),
            (_, Some((end, thread))) => (Some(Place::Thread(thread)), end),
            (None, None) => (None, from),
        }
    }

    fn run(&mut self, mut place: Option<Place>, mut time: i64) {
        while time > self.from {
            let next = match place {
                Some(Place::Operation(index)) => self.operation(index, time),
                Some(Place::Thread(thread)) => self.thread(thread, time),
                None => None,
            };
            let Some((to, at)) = next else {
                let reached =
                    self.segments.last().map_or(time, |segment| segment.start_ns.min(time));
                self.push(self.from, reached, PathKind::Idle, NOTHING, (None, None));
                return;
            };
            (place, time) = (Some(to), at);
        }
    }

    /// From `time`, within an operation, to what it waited for.
    fn operation(&mut self, index: OperationIndex, time: i64) -> Option<(Place, i64)> {
        self.visited[index as usize] = true;
        let operation = self.graph.launches.operations[index as usize];
        let row = self.row(index);
        let (kind, name) = match operation.work {
            Work::Kernel(name) if self.labels.of(name) == COMMUNICATION => {
                (PathKind::Communication, PathName::Text(name))
            }
            Work::Kernel(name) => (PathKind::Kernel, PathName::Text(name)),
            Work::Copy(kind) => (PathKind::Copy, PathName::Copy(kind)),
        };
        self.push(operation.start, time, kind, name, (row, None));
        let cause = self.cause(index)?;
        self.push(cause.time, operation.start, cause.kind, cause.name, (row, None));
        Some((cause.place, cause.time))
    }

    /// The last of the causes of an operation; of several at one moment, the one on the GPU.
    fn cause(&self, index: OperationIndex) -> Option<Cause> {
        let operation = &self.graph.launches.operations[index as usize];
        let on_gpu = |other: OperationIndex, name| Cause {
            time: self.graph.end_of(other),
            place: Place::Operation(other),
            kind: PathKind::Wait,
            name,
        };
        let is_new = |other: &OperationIndex| !self.visited[*other as usize];
        let before = self.graph.before(index).filter(is_new);
        let events = self.events.awaited_by(index).iter().copied().filter(is_new);
        let event = events
            .filter(|&other| self.graph.end_of(other) <= operation.start)
            .max_by_key(|&other| (self.graph.end_of(other), other));
        let launch = self.graph.launches.call_of(operation);
        let launch = launch.filter(|call| call.start <= operation.start).map(|call| Cause {
            time: call.end.min(operation.start),
            place: Place::Thread(call.thread),
            kind: PathKind::LaunchDelay,
            name: LAUNCH,
        });
        [
            launch,
            event.map(|other| on_gpu(other, FOR_EVENT)),
            before.map(|other| on_gpu(other, GAP_ON_STREAM)),
        ]
        .into_iter()
        .flatten()
        .max_by_key(|cause| cause.time)
    }

    /// From `time` on a thread to the last thing that it waited for.
    fn thread(&mut self, thread: ThreadId, time: i64) -> Option<(Place, i64)> {
        let begin = self.begins.get(&thread).copied().unwrap_or(time).min(time);
        let joins = self.joins.entry(thread).or_default();
        let mut at = joins.partition_point(|join| join.time <= time);
        let join = loop {
            at = match at.checked_sub(1) {
                Some(at) => at,
                None => break None,
            };
            let join = &mut joins[at];
            if join.time < self.from {
                break None;
            }
            let is_new = match join.awaited {
                Awaited::Operation { operation, .. } => !self.visited[operation as usize],
                Awaited::Thread { .. } => true,
            };
            if is_new && !join.used {
                join.used = true;
                break Some(*join);
            }
        };
        // What lies behind is never looked at again: the walk only goes back.
        joins.truncate(at + 1);
        let Some(join) = join else {
            self.push(begin, time, PathKind::Host, NOTHING, (None, Some(thread)));
            return None;
        };
        match join.awaited {
            Awaited::Operation { operation, until } => {
                let until = until.min(time);
                self.push(until, time, PathKind::Host, NOTHING, (None, Some(thread)));
                self.push(join.time, until, PathKind::Wait, NOTHING, (None, Some(thread)));
                Some((Place::Operation(operation), join.time))
            }
            Awaited::Thread { thread: other, until } => {
                self.push(join.time, time, PathKind::Host, NOTHING, (None, Some(thread)));
                self.push(until, join.time, PathKind::Wait, FOR_THREAD, (None, None));
                Some((Place::Thread(other), until))
            }
        }
    }

    fn row(&self, index: OperationIndex) -> Option<PathRow> {
        PathRow::of_operation((self.kernels, self.copies), index)
    }

    /// Puts a piece before those that are there, as far as it is in the window.
    fn push(
        &mut self,
        start: i64,
        end: i64,
        kind: PathKind,
        name: PathName,
        (row, thread): (Option<PathRow>, Option<ThreadId>),
    ) {
        let start = start.max(self.from);
        if start < end {
            let segment = PathSegment { start_ns: start, end_ns: end, kind, name, row, thread };
            self.segments.push(segment);
        }
    }
}
