//! The operator that ran when memory was allocated.

use rustc_hash::FxHashMap;
use std::cmp::Reverse;

use perfagent_recording::{Recording, StringId, ThreadId};

use crate::process::{ProcessRows, pick};

/// Operators that do nothing but allocate: the one around them says what for.
const ALLOCATORS: [&str; 6] = [
    "aten::empty",
    "aten::empty_like",
    "aten::empty_strided",
    "aten::new_empty",
    "aten::new_empty_strided",
    "aten::resize_",
];

/// How far out an operator is looked for: a thread whose operators overlap without nesting piles them up.
const DEEPEST: usize = 64;

/// When, and on which thread where that is known.
pub(super) type Moment = (i64, Option<ThreadId>);

/// An operator that may still run.
#[derive(Clone, Copy)]
struct Running {
    end: i64,
    name: StringId,
    thread: ThreadId,
}

/// For each moment, the name of the innermost operator that ran then and does more than allocate; the innermost of all
/// where there is no such. Without a thread, that on the thread whose operator began last.
pub(super) fn operators_at(
    recording: &Recording,
    rows: &ProcessRows,
    moments: &[Moment],
) -> Vec<Option<StringId>> {
    let mut times: Vec<i64> = moments.iter().map(|moment| moment.0).collect();
    times.sort_unstable();
    // There are many operators, and few moments.
    let ran_then = |start: i64, end: i64| {
        let first = times.partition_point(|&time| time < start);
        times.get(first).is_some_and(|&time| time <= end)
    };
    let mut operators: Vec<(i64, Reverse<i64>, i64, Running)> =
        pick(&recording.operators, &rows.operators)
            .filter(|row| ran_then(row.start_ns.unix_nanos(), row.end_ns.unix_nanos()))
            .map(|row| {
                let end = row.end_ns.unix_nanos();
                let running = Running { end, name: row.name_id, thread: row.thread_id };
                (row.start_ns.unix_nanos(), Reverse(end), row.depth, running)
            })
            .collect();
    operators.sort_by_key(|&(start, end, depth, _)| (start, end, depth));
    let mut order: Vec<usize> = (0..moments.len()).collect();
    order.sort_by_key(|&index| moments[index].0);
    let mut found = vec![None; moments.len()];
    let mut operators = operators.into_iter().peekable();
    let mut all: Vec<Running> = Vec::new();
    let mut threads: FxHashMap<ThreadId, Vec<Running>> = FxHashMap::default();
    for index in order {
        let (time, thread) = moments[index];
        while let Some((.., running)) = operators.next_if(|(start, ..)| *start <= time) {
            all.push(running);
            threads.entry(running.thread).or_default().push(running);
        }
        let latest = last_at(&mut all, time).map(|running| running.thread);
        let stack = thread.or(latest).and_then(|thread| threads.get_mut(&thread));
        found[index] = stack.and_then(|stack| {
            let innermost = last_at(stack, time)?.name;
            let mut around = stack.iter().rev().take(DEEPEST).filter(|running| running.end >= time);
            let named =
                around.find(|running| !ALLOCATORS.contains(&recording.strings.get(running.name)));
            Some(named.map_or(innermost, |running| running.name))
        });
    }
    found
}

/// The one that began last and still runs. What ended is taken off: later moments do not see it.
fn last_at(stack: &mut Vec<Running>, time: i64) -> Option<Running> {
    while stack.pop_if(|running| running.end < time).is_some() {}
    stack.last().copied()
}
