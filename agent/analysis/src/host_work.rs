//! What stands in for kernels on a run without a GPU: operators or ranges with their own time.

use std::collections::BTreeSet;

use perfagent_recording::Recording;

use crate::category::Categories;
use crate::nesting::{Item, Nesting, Role};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::Basis;
use crate::step::StepSpan;

/// What an item counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its own time is computation.
    Compute,
    /// Its whole time is communication.
    Communication,
    /// Its own time is nobody's: loading of data, a step around its phases.
    Frame,
}

/// The items of a process with what each counts as.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostWork {
    pub(crate) nesting: Nesting,
    pub(crate) kinds: Vec<Kind>,
    /// Collectives, with or without a thread.
    pub(crate) collectives: Vec<(i64, i64)>,
}

impl HostWork {
    /// Collects operators or ranges, by the basis of `rows`, and the collectives among them.
    ///
    /// A collective takes the time in which it is the innermost thing on its thread from the operator
    /// or range around it: a thread that waits for peers does not compute.
    pub(crate) fn of(
        recording: &Recording,
        rows: &ProcessRows,
        steps: &[StepSpan],
        categories: &Categories<'_>,
    ) -> Self {
        let mut items = match rows.basis {
            Basis::Gpu => Vec::new(),
            Basis::Operators => operator_items(recording, rows),
            Basis::Ranges => range_items(recording, rows, steps),
        };
        let mut collectives = Vec::with_capacity(rows.collectives.len());
        for call in pick(&recording.collectives, &rows.collectives) {
            // Handing work over to a GPU is not the communication, and a length has no place in time.
            if !call.timing.is_placed() {
                continue;
            }
            let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
            collectives.push((start, end));
            if let Some(thread) = call.thread_id {
                let (depth, role) = (i64::MAX, Role::Collective);
                items.push(Item { thread, start, end, depth, name: call.op_id, role });
            }
        }
        let nesting = Nesting::of(items);
        let kinds = nesting
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let around_steps = item.role == Role::Step || nesting.holds_step[index];
                if item.role == Role::Collective || categories.is_communication(item.name) {
                    Kind::Communication
                } else if categories.is_data(item.name)
                    || (around_steps && nesting.has_children[index])
                {
                    Kind::Frame
                } else {
                    Kind::Compute
                }
            })
            .collect();
        Self { nesting, kinds, collectives }
    }
}

/// The operators of a process.
pub(crate) fn operator_items(recording: &Recording, rows: &ProcessRows) -> Vec<Item> {
    pick(&recording.operators, &rows.operators)
        .map(|operator| {
            let (start, end) = clean(operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
            Item {
                thread: operator.thread_id,
                start,
                end,
                depth: operator.depth,
                name: operator.name_id,
                role: Role::Operator,
            }
        })
        .collect()
}

/// The push/pop ranges of a process; its start/end ranges when it has no others.
fn range_items(recording: &Recording, rows: &ProcessRows, steps: &[StepSpan]) -> Vec<Item> {
    let is_step: BTreeSet<_> =
        steps.iter().map(|step| (step.thread, step.start, step.end, step.name)).collect();
    let nested = pick(&recording.ranges, &rows.ranges).any(|range| range.depth.is_some());
    pick(&recording.ranges, &rows.ranges)
        .filter(|range| !nested || range.depth.is_some())
        .map(|range| {
            let (start, end) = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
            let (thread, name) = (range.thread_id, range.name_id);
            let step = is_step.contains(&(thread, start, end, name));
            let role = if step { Role::Step } else { Role::Range };
            Item { thread, start, end, depth: range.depth.unwrap_or(0), name, role }
        })
        .collect()
}
