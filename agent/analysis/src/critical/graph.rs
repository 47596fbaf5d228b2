//! Operations in the order of their streams, and what each comes after.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::{DeviceId, StreamId, ThreadId};

use crate::launched::Launches;

/// How far back a search goes among neighbours before it gives up.
pub(super) const FURTHEST: usize = 64;

/// An operation by its position in [`Launches::operations`].
pub(super) type OperationIndex = u32;

/// The operations of a process by stream, by thread and by time.
pub(super) struct Graph<'a> {
    pub(super) launches: &'a Launches,
    /// For each operation, its stream by position in `streams`, and its place among the stream's operations by start.
    place: Vec<(u32, u32)>,
    pub(super) streams: Vec<StreamLane>,
    numbers: FxHashMap<(DeviceId, StreamId), u32>,
    /// For each thread and stream, the start of each launching call with its operation, in order.
    by_thread: FxHashMap<ThreadId, BTreeMap<u32, Vec<(i64, OperationIndex)>>>,
    /// All operations by end.
    by_end: Vec<(i64, OperationIndex)>,
}

/// The operations of one stream.
#[derive(Default)]
pub(super) struct StreamLane {
    pub(super) stream: StreamId,
    /// (end, place among the starts, operation), in order.
    ends: Vec<(i64, u32, OperationIndex)>,
    /// (start of the launching call, place among the starts, operation), in order.
    launched: Vec<(i64, u32, OperationIndex)>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(launches: &'a Launches) -> Self {
        let mut graph = Self {
            launches,
            place: vec![(0, 0); launches.operations.len()],
            streams: Vec::new(),
            numbers: FxHashMap::default(),
            by_thread: FxHashMap::default(),
            by_end: Vec::with_capacity(launches.operations.len()),
        };
        let mut order: Vec<OperationIndex> = (0..launches.operations.len() as u32).collect();
        order.sort_unstable_by_key(|&index| {
            let operation = &launches.operations[index as usize];
            (operation.start, operation.end, index)
        });
        for index in order {
            let operation = &launches.operations[index as usize];
            let key = (operation.device, operation.stream);
            let streams = &mut graph.streams;
            let number = *graph.numbers.entry(key).or_insert_with(|| {
                streams.push(StreamLane { stream: key.1, ..StreamLane::default() });
                streams.len() as u32 - 1
            });
            let lane = &mut streams[number as usize];
            let place = lane.ends.len() as u32;
            graph.place[index as usize] = (number, place);
            lane.ends.push((operation.end, place, index));
            if let Some(call) = launches.call_of(operation) {
                lane.launched.push((call.start, place, index));
                let of_thread = graph.by_thread.entry(call.thread).or_default();
                of_thread.entry(number).or_default().push((call.start, index));
            }
            graph.by_end.push((operation.end, index));
        }
        for lane in &mut graph.streams {
            lane.ends.sort_unstable();
            lane.launched.sort_unstable();
        }
        for launched in graph.by_thread.values_mut().flat_map(BTreeMap::values_mut) {
            launched.sort_by_key(|&(time, _)| time);
        }
        graph.by_end.sort_unstable();
        graph
    }

    pub(super) fn end_of(&self, index: OperationIndex) -> i64 {
        self.launches.operations[index as usize].end
    }

    /// When the call that launched an operation began.
    pub(super) fn launch_of(&self, index: OperationIndex) -> Option<i64> {
        let operation = &self.launches.operations[index as usize];
        self.launches.call_of(operation).map(|call| call.start)
    }

    /// The lane of an operation.
    pub(super) fn lane_of(&self, index: OperationIndex) -> u32 {
        self.place[index as usize].0
    }

    /// The operation before this one on its stream: the one that ended last before it began.
    pub(super) fn before(&self, index: OperationIndex) -> Option<OperationIndex> {
        let (number, place) = self.place[index as usize];
        let start = self.launches.operations[index as usize].start;
        let lane = &self.streams[number as usize];
        // Those without a length that begin at the same instant come before this one only by their place.
        let after = lane.ends.partition_point(|&(end, other, _)| (end, other) < (start, place));
        lane.ends.get(after.checked_sub(1)?).map(|&(.., index)| index)
    }

    /// On the stream of `cause`, the last of the operations up to it that had ended when `effect` began.
    pub(super) fn ended_before(
        &self,
        cause: OperationIndex,
        effect: OperationIndex,
    ) -> Option<OperationIndex> {
        let start = self.launches.operations[effect as usize].start;
        let (number, place) = self.place[cause as usize];
        let ends = &self.streams[number as usize].ends;
        let after = ends.partition_point(|&(end, ..)| end <= start);
        let recent = ends[..after].iter().rev().take(FURTHEST);
        recent
            .map(|&(_, at, index)| (at, index))
            .find(|&(at, _)| at <= place)
            .map(|(_, index)| index)
    }

    /// The last operation of a stream whose launching call began before `time`.
    pub(super) fn last_launched(&self, lane: u32, time: i64) -> Option<OperationIndex> {
        let launched = &self.streams.get(lane as usize)?.launched;
        let after = launched.partition_point(|&(start, ..)| start < time);
        launched.get(after.checked_sub(1)?).map(|&(.., index)| index)
    }

    /// The first operation of a stream whose launching call began after `time`.
    pub(super) fn next_launched(&self, lane: u32, time: i64) -> Option<OperationIndex> {
        let launched = &self.streams.get(lane as usize)?.launched;
        let after = launched.partition_point(|&(start, ..)| start <= time);
        launched.get(after).map(|&(.., index)| index)
    }

    /// The last operation that a thread launched before `time` on another stream than `lane`.
    pub(super) fn last_of_thread(
        &self,
        thread: ThreadId,
        time: i64,
        lane: Option<u32>,
    ) -> Option<OperationIndex> {
        let launched =
            self.by_thread.get(&thread)?.iter().filter(|(other, _)| Some(**other) != lane);
        let last = launched.filter_map(|(_, launched)| {
            let after = launched.partition_point(|&(start, _)| start < time);
            launched.get(after.checked_sub(1)?)
        });
        last.max().map(|&(_, index)| index)
    }

    /// The first operation that a thread launched after `time`.
    pub(super) fn next_of_thread(&self, thread: ThreadId, time: i64) -> Option<OperationIndex> {
        let launched = self.by_thread.get(&thread)?.values();
        let next = launched.filter_map(|launched| {
            launched.get(launched.partition_point(|&(start, _)| start <= time))
        });
        next.min().map(|&(_, index)| index)
    }

    /// The operation of a stream that ended last by `until` among those launched before `before`.
    pub(super) fn last_ended_on(
        &self,
        lane: u32,
        before: i64,
        until: i64,
    ) -> Option<OperationIndex> {
        let ends = &self.streams.get(lane as usize)?.ends;
        let after = ends.partition_point(|&(end, ..)| end <= until);
        let mut recent = ends[..after].iter().rev().take(FURTHEST).map(|&(.., index)| index);
        recent.find(|&index| self.launch_of(index).is_none_or(|launch| launch < before))
    }

    /// The operation that ended last within `(after, until]` among those launched before `after`.
    pub(super) fn last_ended(&self, after: i64, until: i64) -> Option<OperationIndex> {
        let from = self.by_end.partition_point(|&(end, _)| end <= until);
        let recent = self.by_end[..from].iter().rev().take(FURTHEST);
        recent
            .take_while(|&&(end, _)| end > after)
            .map(|&(_, index)| index)
            .find(|&index| self.launch_of(index).is_none_or(|launch| launch < after))
    }
}
