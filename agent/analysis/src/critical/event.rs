//! Which operations had to wait for those of another stream.

use rustc_hash::FxHashMap;

use perfagent_recording::table::WaitKind;
use perfagent_recording::{ProcessId, Recording, ThreadId};

use super::graph::{Graph, OperationIndex};
use crate::launched::Call;

/// For an operation, those of other streams that it had to wait for.
type Waits = FxHashMap<OperationIndex, Vec<OperationIndex>>;

/// A stream is told to wait for an event.
struct StreamWait {
    /// The stream that waits.
    lane: u32,
    /// When it was told so.
    time: i64,
    /// When the event was recorded, and on which thread.
    recorded: (i64, ThreadId),
    /// The stream on which it was, where the recording says so.
    on: Option<u32>,
    /// The recording says when it was recorded. Else that was at some time before.
    is_exact: bool,
}

/// What streams were told to wait for.
#[derive(Default)]
pub(super) struct Events {
    waits: Waits,
    /// For each stream, when it was told to wait, with the last operation that it waits for since it was given its last one.
    pending: FxHashMap<u32, Vec<(i64, OperationIndex)>>,
}

impl Events {
    /// What operations waited for by events. The first operation that a stream is given after it was told to wait is the one
    /// that waits; what the event stands for is all that its stream had been given when it was recorded.
    pub(super) fn of(recording: &Recording, process: ProcessId, graph: &Graph<'_>) -> Self {
        let mut told = told(recording, process, graph);
        if told.is_empty() {
            told = by_name(recording, graph);
        }
        told.sort_by_key(|wait| wait.time);
        let mut events = Self::default();
        for wait in told {
            let (record, thread) = wait.recorded;
            let lane = wait.on.or_else(|| {
                let last = graph.last_of_thread(thread, record, Some(wait.lane))?;
                Some(graph.lane_of(last))
            });
            let Some(lane) = lane.filter(|&lane| lane != wait.lane) else { continue };
            let Some(mut cause) = events.last_given(graph, lane, record) else { continue };
            let next = graph.next_launched(wait.lane, wait.time);
            let pending = events.pending.entry(wait.lane).or_default();
            let still = pending
                .last()
                .filter(|&&(time, _)| graph.next_launched(wait.lane, time) == next)
                .map(|&(_, earlier)| earlier);
            let latest = still.into_iter().chain([cause]).max_by_key(|&index| graph.end_of(index));
            pending.push((wait.time, latest.unwrap_or(cause)));
            if let Some(waiting) = next {
                if !wait.is_exact {
                    cause = graph.ended_before(cause, waiting).unwrap_or(cause);
                }
                events.waits.entry(waiting).or_default().push(cause);
            }
        }
        events
    }

    /// The operations of other streams that this one had to wait for.
    pub(super) fn awaited_by(&self, operation: OperationIndex) -> &[OperationIndex] {
        self.waits.get(&operation).map_or(&[], Vec::as_slice)
    }

    /// Each operation with one that it had to wait for.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (OperationIndex, OperationIndex)> {
        let each = self.waits.iter();
        each.flat_map(|(&waiting, awaited)| awaited.iter().map(move |&awaited| (waiting, awaited)))
    }

    /// The operation that ends last of what a stream had been given by `time`: its own last one, or what it was told to wait
    /// for after that.
    pub(super) fn last_given(
        &self,
        graph: &Graph<'_>,
        lane: u32,
        time: i64,
    ) -> Option<OperationIndex> {
        let own = graph.last_launched(lane, time);
        let since = own.and_then(|own| graph.launch_of(own));
        let pending = self.pending.get(&lane).map_or(&[][..], Vec::as_slice);
        let told = pending.partition_point(|&(at, _)| at < time).checked_sub(1);
        let told = told.map(|at| pending[at]).filter(|&(at, _)| since.is_none_or(|own| own <= at));
        let told = told.map(|(_, awaited)| awaited);
        [told, own].into_iter().flatten().max_by_key(|&index| graph.end_of(index))
    }
}

/// The waits that the recording has rows of.
fn told(recording: &Recording, process: ProcessId, graph: &Graph<'_>) -> Vec<StreamWait> {
    let launches = graph.launches;
    let call = |correlation: Option<i64>| -> Option<&Call> {
        launches.calls.get(launches.call_with(correlation?)? as usize)
    };
    let mut lanes = Lanes::of(recording, graph);
    recording
        .synchronizations
        .iter()
        .filter(|wait| wait.process_id == process && wait.kind == WaitKind::StreamEvent)
        .filter_map(|wait| {
            let waiting = call(wait.correlation)?;
            let record = call(wait.recorded_by).unwrap_or(waiting);
            let on = wait.recorded_on.map(|stream| lanes.or_new(stream, wait.context));
            let lane = lanes.or_new(wait.stream?, wait.context);
            let recorded = (record.start, record.thread);
            let is_exact = call(wait.recorded_by).is_some();
            Some(StreamWait { lane, time: waiting.start, recorded, on, is_exact })
        })
        .collect()
}

/// Where calls alone are known: a thread that tells a stream to wait mostly recorded the event just before, and gives that
/// stream work just after.
fn by_name(recording: &Recording, graph: &Graph<'_>) -> Vec<StreamWait> {
    let mut of_interest: Vec<(ThreadId, i64, bool)> = Vec::new();
    let mut names = FxHashMap::default();
    for call in &graph.launches.calls {
        let is_wait = *names.entry(call.name).or_insert_with(|| {
            let name = recording.strings.get(call.name);
            match (name.contains("StreamWaitEvent"), name.contains("EventRecord")) {
                (true, _) => Some(true),
                (false, true) => Some(false),
                (false, false) => None,
            }
        });
        if let Some(is_wait) = is_wait {
            of_interest.push((call.thread, call.start, is_wait));
        }
    }
    of_interest.sort_unstable();
    let mut record = None;
    let mut waits = Vec::new();
    for (thread, time, is_wait) in of_interest {
        if !is_wait {
            record = Some((time, thread));
        } else if let Some(waiting) = graph.next_of_thread(thread, time) {
            // Some traces have the waits and not the records.
            let recorded = record.filter(|&(_, of)| of == thread).unwrap_or((time, thread));
            let lane = graph.lane_of(waiting);
            waits.push(StreamWait { lane, time, recorded, on: None, is_exact: false });
        }
    }
    waits
}

/// Streams by CUPTI's number.
#[derive(Default)]
pub(super) struct Lanes {
    /// By number and context.
    exact: FxHashMap<(i64, Option<i64>), u32>,
    /// The first of each number.
    first: FxHashMap<i64, u32>,
    next: u32,
}

impl Lanes {
    pub(super) fn of(recording: &Recording, graph: &Graph<'_>) -> Self {
        let mut lanes = Self::default();
        for lane in &graph.streams {
            if let Some(stream) = recording.stream(lane.stream) {
                lanes.add(stream.stream, stream.context);
            } else {
                lanes.next += 1;
            }
        }
        lanes
    }

    fn add(&mut self, stream: i64, context: Option<i64>) -> u32 {
        let lane = self.next;
        self.next += 1;
        self.exact.entry((stream, context)).or_insert(lane);
        self.first.entry(stream).or_insert(lane);
        lane
    }

    /// The stream with this number, of this context where several have it.
    pub(super) fn get(&self, stream: i64, context: i64) -> Option<u32> {
        let exact = self.exact.get(&(stream, Some(context)));
        exact.or_else(|| self.first.get(&stream)).copied()
    }

    /// The same; a stream that ran nothing becomes one that the graph has nothing of.
    fn or_new(&mut self, stream: i64, context: i64) -> u32 {
        self.get(stream, context).unwrap_or_else(|| self.add(stream, Some(context)))
    }
}
