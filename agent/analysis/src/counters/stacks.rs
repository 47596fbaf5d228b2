//! The operators around calls.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use perfagent_recording::{Recording, StringId, ThreadId};

use crate::launched::Call;
use crate::operation::clean;
use crate::process::{ProcessRows, pick};

/// The names of the operators that enclose each call on its thread, outermost first; none of an unknown call.
///
/// Of operators with equal times the one of less depth is the outer one; of equal depth, the one whose name has the lesser id.
pub(super) fn around(
    recording: &Recording,
    rows: &ProcessRows,
    calls: &[Option<&Call>],
) -> Vec<Vec<StringId>> {
    let mut wanted: Vec<(ThreadId, i64, i64, usize)> = (calls.iter().enumerate())
        .filter_map(|(number, call)| call.map(|call| (call.thread, call.start, call.end, number)))
        .collect();
    wanted.sort_unstable();
    let threads: BTreeSet<ThreadId> = wanted.iter().map(|&(thread, ..)| thread).collect();
    let mut operators: Vec<_> = pick(&recording.operators, &rows.operators)
        .filter(|row| threads.contains(&row.thread_id))
        .map(|row| {
            let (start, end) = clean(row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
            (row.thread_id, start, Reverse(end), row.depth, row.name_id)
        })
        .collect();
    operators.sort_unstable();
    let mut operators = operators.into_iter().peekable();
    let mut stacks = vec![Vec::new(); calls.len()];
    let mut open: Vec<(i64, StringId)> = Vec::new();
    let mut on = None;
    for (thread, start, end, number) in wanted {
        if on != Some(thread) {
            open.clear();
            on = Some(thread);
        }
        while let Some((of, _, Reverse(until), .., name)) =
            operators.next_if(|&(of, begin, ..)| (of, begin) <= (thread, start))
        {
            if of == thread && until >= start {
                open.push((until, name));
            }
        }
        open.retain(|&(until, _)| until >= start);
        let around = open.iter().filter(|&&(until, _)| until >= end);
        stacks[number] = around.map(|&(_, name)| name).collect();
    }
    stacks
}
