//! Which operations had to wait for those of another stream.

use std::collections::HashMap;

use perfagent_recording::table::WaitKind;
use perfagent_recording::{ProcessId, Recording, ThreadId};

use super::graph::{Graph, OperationIndex};
use crate::launched::Call;

/// For an operation, those of other streams that it had to wait for.
pub(super) type Waits = HashMap<OperationIndex, Vec<OperationIndex>>;

/// A stream is told to wait for an event.
struct StreamWait {
    /// The stream that waits.
    lane: u32,
    /// When it was told so.
    time: i64,
    /// When the event was recorded, and on which thread.
    recorded: (i64, ThreadId),
    /// The recording says so. Else it was recorded at some time before.
    is_exact: bool,
}

/// What operations waited for by events. The first operation that a stream is given after it was told to wait is the one that
/// waits; what the event stands for is all that its stream had been given when it was recorded.
pub(super) fn waits(recording: &Recording, process: ProcessId, graph: &Graph<'_>) -> Waits {
    let mut told = told(recording, process, graph);
    if told.is_empty() {
        told = by_name(recording, graph);
    }
    told.sort_by_key(|wait| wait.time);
    let mut waits = Waits::new();
    // What a stream was last told to wait for, as long as it was given nothing since.
    let mut pending: HashMap<u32, (i64, OperationIndex)> = HashMap::new();
    for wait in told {
        let (record, thread) = wait.recorded;
        let Some(last) = graph.last_of_thread(thread, record, Some(wait.lane)) else { continue };
        let lane = graph.lane_of(last);
        let mut cause = graph.last_launched(lane, record).unwrap_or(last);
        if let Some(&(time, earlier)) = pending.get(&lane)
            && time < record
            && graph.launch_of(cause).is_none_or(|launch| launch <= time)
            && graph.end_of(earlier) > graph.end_of(cause)
        {
            cause = earlier;
        }
        let still = pending.get(&wait.lane).copied().filter(|&(time, _)| {
            graph.next_launched(wait.lane, time) == graph.next_launched(wait.lane, wait.time)
        });
        let latest = match still {
            Some((_, earlier)) if graph.end_of(earlier) > graph.end_of(cause) => earlier,
            _ => cause,
        };
        pending.insert(wait.lane, (wait.time, latest));
        if let Some(waiting) = graph.next_launched(wait.lane, wait.time) {
            if !wait.is_exact {
                cause = graph.ended_before(cause, waiting).unwrap_or(cause);
            }
            waits.entry(waiting).or_default().push(cause);
        }
    }
    waits
}

/// The waits that the recording has rows of.
fn told(recording: &Recording, process: ProcessId, graph: &Graph<'_>) -> Vec<StreamWait> {
    let launches = graph.launches;
    let call = |correlation: Option<i64>| -> Option<&Call> {
        launches.calls.get(launches.call_with(correlation?)? as usize)
    };
    let lanes = lanes(recording, graph);
    recording
        .synchronizations
        .iter()
        .filter(|wait| wait.process_id == process && wait.kind == WaitKind::StreamEvent)
        .filter_map(|wait| {
            let waiting = call(wait.correlation)?;
            let record = call(wait.recorded_by).unwrap_or(waiting);
            let lane = lane(&lanes, wait.stream?, wait.context)?;
            let recorded = (record.start, record.thread);
            let is_exact = wait.recorded_by.is_some();
            Some(StreamWait { lane, time: waiting.start, recorded, is_exact })
        })
        .collect()
}

/// Where calls alone are known: a thread that tells a stream to wait mostly recorded the event just before, and gives that
/// stream work just after.
fn by_name(recording: &Recording, graph: &Graph<'_>) -> Vec<StreamWait> {
    let mut of_interest: Vec<(ThreadId, i64, bool)> = Vec::new();
    let mut names = HashMap::new();
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
            waits.push(StreamWait { lane, time, recorded, is_exact: false });
        }
    }
    waits
}

/// The streams by CUPTI's number, with their context.
pub(super) fn lanes(recording: &Recording, graph: &Graph<'_>) -> Vec<(i64, Option<i64>, u32)> {
    let mut lanes = Vec::new();
    for (number, lane) in graph.streams.iter().enumerate() {
        if let Some(stream) = recording.stream(lane.stream) {
            lanes.push((stream.stream, stream.context, number as u32));
        }
    }
    lanes
}

/// The stream with this number, of this context where several have it.
pub(super) fn lane(lanes: &[(i64, Option<i64>, u32)], stream: i64, context: i64) -> Option<u32> {
    let mut named = lanes.iter().filter(|&&(number, ..)| number == stream);
    let first = named.next()?;
    let same = |of: &&(i64, Option<i64>, u32)| of.1 == Some(context);
    let exact = std::iter::once(first).chain(named).find(same);
    Some(exact.unwrap_or(first).2)
}
