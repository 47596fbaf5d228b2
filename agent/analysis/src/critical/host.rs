//! Where a thread went on because something elsewhere had ended.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::table::WaitKind;
use perfagent_recording::{ProcessId, Recording, StringId, ThreadId};

use super::event::{Events, Lanes};
use super::graph::{FURTHEST, Graph, OperationIndex};
use crate::Intervals;
use crate::launched::Call;
use crate::operation::clean;
use crate::process::{ProcessRows, pick};

/// What a thread waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Awaited {
    /// An operation of the GPU, in a call that ended at `until`.
    Operation { operation: OperationIndex, until: i64 },
    /// What another thread did until then.
    Thread { thread: ThreadId, until: i64 },
}

/// A moment at which a thread could go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    pub(super) time: i64,
    pub(super) awaited: Awaited,
    pub(super) used: bool,
}

/// Joins of each thread in order of time.
pub(super) type Joins = FxHashMap<ThreadId, Vec<Join>>;

pub(super) fn joins(
    recording: &Recording,
    rows: &ProcessRows,
    graph: &Graph<'_>,
    events: &Events,
) -> Joins {
    let mut joins = Joins::default();
    for (call, operation) in awaited(recording, rows.process, graph, events) {
        // One that had ended before the call held nobody up.
        let time = graph.end_of(operation);
        if call.start < time && time <= call.end {
            let awaited = Awaited::Operation { operation, until: call.end };
            joins.entry(call.thread).or_default().push(Join { time, awaited, used: false });
        }
    }
    between_threads(recording, rows, &mut joins);
    for joins in joins.values_mut() {
        joins.sort_by_key(|join| {
            let (until, operation) = match join.awaited {
                Awaited::Operation { operation, until } => (until, Some(operation)),
                Awaited::Thread { until, .. } => (until, None),
            };
            (join.time, until, operation)
        });
    }
    joins
}

/// Calls that wait for the GPU, with the operation that they wait for.
fn awaited(
    recording: &Recording,
    process: ProcessId,
    graph: &Graph<'_>,
    events: &Events,
) -> Vec<(Call, OperationIndex)> {
    let launches = graph.launches;
    let call = |correlation: Option<i64>| -> Option<&Call> {
        launches.calls.get(launches.call_with(correlation?)? as usize)
    };
    let lanes = Lanes::of(recording, graph);
    let last_of_all = |time| {
        let lanes = 0..graph.streams.len() as u32;
        lanes
            .filter_map(|lane| graph.last_launched(lane, time))
            .max_by_key(|&index| graph.end_of(index))
    };
    let mut waits = Vec::new();
    let mut are_told = false;
    let of_process = |wait: &perfagent_recording::table::Synchronization| {
        wait.process_id == process && wait.kind != WaitKind::StreamEvent
    };
    for wait in recording.synchronizations.iter().filter(of_process) {
        are_told = true;
        let Some(&waiting) = call(wait.correlation) else { continue };
        let operation = match wait.kind {
            WaitKind::Stream => wait
                .stream
                .and_then(|stream| lanes.get(stream, wait.context))
                .and_then(|lane| events.last_given(graph, lane, waiting.start)),
            WaitKind::Context => last_of_all(waiting.start),
            WaitKind::Event => {
                let record = call(wait.recorded_by);
                match wait.recorded_on.and_then(|stream| lanes.get(stream, wait.context)) {
                    Some(lane) => match record {
                        Some(record) => events.last_given(graph, lane, record.start),
                        // It was recorded at some time before.
                        None => graph.last_ended_on(lane, waiting.start, waiting.end),
                    },
                    None => record
                        .and_then(|record| graph.last_of_thread(record.thread, record.start, None)),
                }
            }
            WaitKind::StreamEvent | WaitKind::Other => None,
        };
        waits.extend(operation.map(|operation| (waiting, operation)));
    }
    let mut names: FxHashMap<StringId, bool> = FxHashMap::default();
    let mut is = |id: StringId, what: &dyn Fn(&str) -> bool| {
        *names.entry(id).or_insert_with(|| what(recording.strings.get(id)))
    };
    if !are_told {
        for call in &launches.calls {
            if is(call.name, &|name| name.contains("Synchronize"))
                && let Some(operation) = graph.last_ended(call.start, call.end)
            {
                waits.push((*call, operation));
            }
        }
        names.clear();
    }
    let mut is = |id: StringId| {
        *names.entry(id).or_insert_with(|| recording.strings.get(id).contains("Memcpy"))
    };
    // A copy that ends within its own call was waited for, whatever the call is named.
    for (index, operation) in launches.operations.iter().enumerate() {
        if let Some(call) = launches.call_of(operation)
            && is(call.name)
        {
            waits.push((*call, index as OperationIndex));
        }
    }
    waits
}

/// A forward operator and the backward operator of the same number on another thread.
struct Pair {
    forward: (ThreadId, i64),
    backward: (ThreadId, i64, i64),
}

/// The autograd engine runs backward operators on its own threads while the thread that called it waits.
fn between_threads(recording: &Recording, rows: &ProcessRows, joins: &mut Joins) {
    let pairs = pairs(recording, rows);
    if pairs.is_empty() {
        return;
    }
    let busy = busy(recording, rows, &pairs);
    let none = Intervals::default();
    let busy_of = |thread| busy.get(&thread).unwrap_or(&none).spans();
    // The last backward operator in each gap of the forward thread.
    let mut ends: BTreeMap<(ThreadId, i64), (i64, ThreadId)> = BTreeMap::new();
    for Pair { forward, backward } in &pairs {
        let (thread, start, end) = *backward;
        let spans = busy_of(thread);
        let began = spans.partition_point(|span| span.0 <= start);
        // Within something else that runs, or after something that ended later than the forward operator, it did not wait
        // for that one.
        let is_first = began.checked_sub(1).is_some_and(|at| spans[at].0 == start);
        let previous = began.checked_sub(2).map(|at| spans[at].1);
        if is_first && previous.is_none_or(|previous| previous <= forward.1) {
            let awaited = Awaited::Thread { thread: forward.0, until: forward.1 };
            joins.entry(thread).or_default().push(Join { time: start, awaited, used: false });
        }
        let spans = busy_of(forward.0);
        let after = spans.partition_point(|span| span.1 <= start);
        let gap_ends = spans.get(after).map_or(i64::MAX, |span| span.0);
        if end <= gap_ends {
            let last = ends.entry((forward.0, gap_ends)).or_insert((end, thread));
            *last = (*last).max((end, thread));
        }
    }
    for ((thread, _), (end, by)) in ends {
        let awaited = Awaited::Thread { thread: by, until: end };
        joins.entry(thread).or_default().push(Join { time: end, awaited, used: false });
    }
}

fn pairs(recording: &Recording, rows: &ProcessRows) -> Vec<Pair> {
    let mut numbered: Vec<(i64, i64, i64, ThreadId)> = pick(&recording.operators, &rows.operators)
        .filter_map(|operator| {
            let (start, end) = clean(operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
            Some((operator.sequence?, end, start, operator.thread_id))
        })
        .collect();
    numbered.sort_unstable();
    let mut pairs = Vec::new();
    for same in numbered.chunk_by(|left, right| left.0 == right.0) {
        for &(_, end, start, thread) in same {
            let ended = same.partition_point(|other| other.1 <= start);
            let forward = same[..ended].iter().rev().take(FURTHEST).find(|other| other.3 != thread);
            if let Some(&(_, forward_end, _, forward)) = forward {
                pairs
                    .push(Pair { forward: (forward, forward_end), backward: (thread, start, end) });
            }
        }
    }
    pairs
}

/// When the threads of these pairs ran operators or calls.
fn busy(
    recording: &Recording,
    rows: &ProcessRows,
    pairs: &[Pair],
) -> FxHashMap<ThreadId, Intervals> {
    let mut spans: FxHashMap<ThreadId, Vec<(i64, i64)>> = FxHashMap::default();
    for pair in pairs {
        spans.entry(pair.forward.0).or_default();
        spans.entry(pair.backward.0).or_default();
    }
    macro_rules! add {
        ($($table:ident),+) => {$(
            for row in pick(&recording.$table, &rows.$table) {
                if let Some(spans) = spans.get_mut(&row.thread_id) {
                    spans.push(clean(row.start_ns.unix_nanos(), row.end_ns.unix_nanos()));
                }
            }
        )+};
    }
    add!(operators, api_calls);
    spans.into_iter().map(|(thread, spans)| (thread, Intervals::union_of(spans))).collect()
}
