//! How many launches wait for their stream, and what launching costs.
//!
//! A launch enters the queue of its stream when its call begins and leaves it when its operation begins, as in Holistic Trace
//! Analysis. The operations of one graph launch on one stream are one launch, which leaves when the first of them begins.
//! Operations without a call, and those that began before it, where clocks disagree, are left out and counted: what was
//! launched before the recording began makes the queue longer than it is seen here.

use std::collections::{BTreeMap, HashMap};

use perfagent_recording::Recording;

use crate::launched::{Launched, Launches};
use crate::report::{LaunchStatistics, QueueRow};
use crate::statistic::share_pct;

/// From this length on a launch is held to block the thread that makes it. How much fits is not documented; Holistic Trace
/// Analysis saw launches block at 1022 to 1024. The queues of AMD's HIP are longer.
const FULL: i64 = 1000;

/// Calls longer than this are slow, as by default in Holistic Trace Analysis (`runtime_cutoff`).
const SLOW_CALL_NS: i64 = 50_000;

/// Operations that begin later than this after the end of their call are late, as by default there (`launch_delay_cutoff`).
const LATE_NS: i64 = 100_000;

/// A queue of launches.
#[derive(Default)]
struct Queue {
    /// Time of each change of its length.
    changes: Vec<(i64, i64)>,
    last_end: i64,
    left_out: i64,
}

/// One row for each (device, stream) that ran something, in that order.
pub(crate) fn queues(recording: &Recording, launches: &Launches) -> Vec<QueueRow> {
    let mut queues: BTreeMap<(i64, i64), Queue> = BTreeMap::new();
    let mut first_starts: HashMap<(u32, (i64, i64)), i64> = HashMap::new();
    let mut names = HashMap::new();
    for operation in &launches.operations {
        let key = *names
            .entry((operation.device, operation.stream))
            .or_insert_with(|| name(recording, operation));
        let queue = queues.entry(key).or_default();
        let call = launches.call_of(operation).filter(|call| call.start <= operation.start);
        let Some(number) = operation.call.filter(|_| call.is_some()) else {
            queue.left_out += 1;
            continue;
        };
        queue.last_end = queue.last_end.max(operation.end);
        let first = first_starts.entry((number, key)).or_insert(operation.start);
        *first = (*first).min(operation.start);
    }
    for ((call, key), start) in first_starts {
        if let (Some(call), Some(queue)) = (launches.calls.get(call as usize), queues.get_mut(&key))
        {
            queue.changes.extend([(call.start, 1), (start, -1)]);
        }
    }
    queues.into_iter().map(|(key, queue)| queue.row(key)).collect()
}

fn name(recording: &Recording, operation: &Launched) -> (i64, i64) {
    let device = recording.device(operation.device).map_or(0, |device| device.ordinal);
    let stream = recording.stream(operation.stream);
    (device, stream.map_or(operation.stream.0, |stream| stream.stream))
}

impl Queue {
    fn row(mut self, (device, stream): (i64, i64)) -> QueueRow {
        // What enters does so before what leaves at the same instant.
        self.changes.sort_unstable_by_key(|&(time, change)| (time, -change));
        let mut row = QueueRow { device, stream, left_out: self.left_out, ..QueueRow::default() };
        let Some(&(first, _)) = self.changes.first() else { return row };
        let (mut length, mut now, mut area) = (0_i64, first, 0_i128);
        for (time, change) in self.changes.into_iter().chain([(self.last_end, 0)]) {
            let passed = time.max(now) - now;
            area += i128::from(length) * i128::from(passed);
            if length == 0 {
                row.empty_ns += passed;
            } else if length >= FULL {
                row.blocked_ns += passed;
            }
            now = time.max(now);
            length += change;
            row.launches += i64::from(change > 0);
            row.max = row.max.max(length);
        }
        row.window_ns = now - first;
        // To a millionth: figures of few digits are read back as they were written.
        row.mean =
            (row.window_ns > 0).then(|| (1e6 * area as f64 / row.window_ns as f64).round() / 1e6);
        row
    }
}

/// What launching cost, by call: the operations of one graph launch are taken together.
pub(crate) fn statistics(launches: &Launches) -> LaunchStatistics {
    let mut calls: HashMap<u32, (i64, i64)> = HashMap::new();
    for operation in &launches.operations {
        let Some(call) = operation.call else { continue };
        let (time, first) = calls.entry(call).or_insert((0, i64::MAX));
        *time = time.saturating_add(operation.end - operation.start);
        *first = operation.start.min(*first);
    }
    let mut statistics = LaunchStatistics {
        launches: calls.len() as i64,
        slow_above_ns: SLOW_CALL_NS,
        late_above_ns: LATE_NS,
        ..LaunchStatistics::default()
    };
    for (call, (time, first)) in calls {
        let Some(call) = launches.calls.get(call as usize) else { continue };
        let length = call.end - call.start;
        statistics.call_ns = statistics.call_ns.saturating_add(length);
        statistics.short += i64::from(time < length);
        statistics.slow += i64::from(length > SLOW_CALL_NS);
        statistics.late += i64::from(first.saturating_sub(call.end) > LATE_NS);
    }
    let share = |count| share_pct(count, statistics.launches);
    (statistics.short_pct, statistics.slow_pct, statistics.late_pct) =
        (share(statistics.short), share(statistics.slow), share(statistics.late));
    statistics
}
