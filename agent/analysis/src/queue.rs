//! How many launches wait for their stream, and what launching costs.
//!
//! A launch enters the queue of its stream when its call begins and leaves it when its operation begins, as in Holistic Trace
//! Analysis. The operations of one graph launch on one stream are one launch, which leaves when the first of them begins.
//! Operations without a call, and those that began before it, where clocks disagree, are left out and counted: what was
//! launched before the recording began makes the queue longer than it is seen here.

use perfagent_recording::Recording;

use crate::levels::Levels;
use crate::operation::{Operation, Operations, clean};
use crate::report::{LaunchStatistics, QueueRow};
use crate::statistic::share_pct;

/// From this length on a launch is held to block the thread that makes it. How much fits is not documented; Holistic Trace
/// Analysis saw launches block at 1022 to 1024. The queues of AMD's HIP are longer.
const FULL: i64 = 1000;

/// Calls longer than this are slow, as by default in Holistic Trace Analysis (`runtime_cutoff`).
const SLOW_CALL_NS: i64 = 50_000;

/// Operations that begin later than this after the end of their call are late, as by default there (`launch_delay_cutoff`).
const LATE_NS: i64 = 100_000;

/// One row for each (device, stream) that ran something, in that order.
pub(crate) fn queues(operations: &Operations) -> Vec<QueueRow> {
    operations.by_stream().map(|(stream, operations)| queue(stream, operations)).collect()
}

fn queue((device, stream): (i64, i64), operations: &[Operation]) -> QueueRow {
    let mut row = QueueRow { device, stream, ..QueueRow::default() };
    // Operations are in order of their starts: the first of a call is that with which its launch leaves the queue.
    let mut launches: Vec<(u32, i64, i64)> = Vec::with_capacity(operations.len());
    let mut last_end = i64::MIN;
    for operation in operations {
        let began = operation.launched().filter(|&began| began <= operation.start);
        let Some((call, began)) = operation.call().zip(began) else {
            row.left_out += 1;
            continue;
        };
        last_end = last_end.max(operation.end);
        launches.push((call, operation.start, began));
    }
    launches.sort_unstable();
    launches.dedup_by_key(|launch| launch.0);
    row.launches = launches.len() as i64;
    let mut entered: Vec<i64> = launches.iter().map(|launch| launch.2).collect();
    let mut left: Vec<i64> = launches.iter().map(|launch| launch.1).collect();
    drop(launches);
    entered.sort_unstable();
    left.sort_unstable();
    let Some(&first) = entered.first() else { return row };
    let levels = Levels::new(first, last_end, entered.len() + left.len());
    let mut queue = Queue { now: first, area: 0, length: 0, levels };
    let mut entered = entered.into_iter().peekable();
    for time in left {
        // What enters does so before what leaves at the same instant.
        while let Some(enters) = entered.next_if(|&enters| enters <= time) {
            queue.pass(&mut row, enters);
            queue.length += 1;
            queue.reach(&mut row);
        }
        queue.pass(&mut row, time);
        queue.reach(&mut row);
        queue.length -= 1;
    }
    queue.pass(&mut row, last_end);
    row.window_ns = queue.now - first;
    // To a millionth: figures of few digits are read back as they were written.
    row.mean =
        (row.window_ns > 0).then(|| (1e6 * queue.area as f64 / row.window_ns as f64).round() / 1e6);
    row.length_over_time = queue.levels.map(|levels| levels.series(|length| length as i64, 1.0));
    row
}

/// A queue at one instant, and what it was before.
struct Queue {
    now: i64,
    length: i64,
    area: i128,
    /// `None` where no time passes.
    levels: Option<Levels>,
}

impl Queue {
    /// Goes on to `time`, before which nothing enters or leaves.
    fn pass(&mut self, row: &mut QueueRow, time: i64) {
        let passed = time.max(self.now) - self.now;
        self.area += i128::from(self.length) * i128::from(passed);
        if self.length == 0 {
            row.empty_ns += passed;
        } else if self.length >= FULL {
            row.blocked_ns += passed;
        }
        self.now = time.max(self.now);
        if let Some(levels) = &mut self.levels {
            levels.hold(i128::from(self.length), self.now);
        }
    }

    /// It is as long as it is, if only for this instant.
    fn reach(&mut self, row: &mut QueueRow) {
        row.max = row.max.max(self.length);
        if let Some(levels) = &mut self.levels {
            levels.reach(i128::from(self.length));
        }
    }
}

/// What launching cost, by call: the operations of one graph launch are taken together.
pub(crate) fn statistics(recording: &Recording, operations: &Operations) -> LaunchStatistics {
    let mut of_calls: Vec<(u32, i64, i64)> = Vec::with_capacity(operations.len());
    of_calls.extend(
        operations
            .iter()
            .filter_map(|operation| Some((operation.call()?, operation.start, operation.length()))),
    );
    // Stable, because that makes use of the order in which each stream's operations are.
    of_calls.sort_by_key(|&(call, start, _)| (call, start));
    let mut statistics = LaunchStatistics {
        slow_above_ns: SLOW_CALL_NS,
        late_above_ns: LATE_NS,
        ..LaunchStatistics::default()
    };
    for operations in of_calls.chunk_by(|left, right| left.0 == right.0) {
        let Some(&(position, first, _)) = operations.first() else { continue };
        let time = operations.iter().fold(0_i64, |time, of| time.saturating_add(of.2));
        let Some(call) = recording.api_calls.get(position as usize) else { continue };
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        let length = end - start;
        statistics.launches += 1;
        statistics.call_ns = statistics.call_ns.saturating_add(length);
        statistics.short += i64::from(time < length);
        statistics.slow += i64::from(length > SLOW_CALL_NS);
        statistics.late += i64::from(first.saturating_sub(end) > LATE_NS);
    }
    let share = |count| share_pct(count, statistics.launches);
    (statistics.short_pct, statistics.slow_pct, statistics.late_pct) =
        (share(statistics.short), share(statistics.slow), share(statistics.late));
    statistics
}
