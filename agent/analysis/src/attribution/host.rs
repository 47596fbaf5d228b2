//! The time of a thread that runs steps without a GPU, piece by piece.

use perfagent_recording::{Recording, StringId, ThreadId};

use super::PartKind;
use super::piece::{Parts, Piece, covered, first_come, together, without};
use crate::host_work::operator_items;
use crate::nesting::{Item, Nesting, Role};
use crate::operation::clean;
use crate::process::pick;
use crate::rank::RankAnalysis;

/// What `window` went to on `thread`.
pub(super) fn pieces(
    recording: &Recording,
    rank: &RankAnalysis,
    (thread, window): (ThreadId, (i64, i64)),
    parts: &mut Parts,
) -> Vec<Piece> {
    let is_near = |(start, end): (i64, i64)| end > window.0 && start < window.1;
    let mut items: Vec<Item> = operator_items(recording, rank.rows())
        .into_iter()
        .filter(|item| item.thread == thread && is_near((item.start, item.end)))
        .collect();
    let mut in_flight = Vec::new();
    for call in pick(&recording.collectives, &rank.rows().collectives) {
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        if !call.timing.is_placed() || !is_near((start, end)) {
            continue;
        }
        let part =
            parts.number(PartKind::Communication, || name(recording, call.op_id, call.group_id));
        in_flight.push(Piece { start, end, part });
        if call.thread_id == Some(thread) {
            // Under the number of its part.
            let name = StringId(i64::from(part));
            let (depth, role) = (i64::MAX, Role::Collective);
            items.push(Item { thread, start, end, depth, name, role });
        }
    }
    let innermost = slices(&Nesting::of(items), &mut |item| {
        if item.role == Role::Collective {
            return u32::try_from(item.name.0).ok();
        }
        let name = || recording.strings.get(item.name).to_owned();
        Some(parts.number(PartKind::Operator, name))
    });
    let in_flight = without(&first_come(in_flight), &covered(&innermost));
    let busy = covered(&innermost).union(&covered(&in_flight));
    let ranges = without(&ranges(recording, rank, thread, parts), &busy);
    together([innermost, in_flight, ranges])
}

/// The innermost range at each instant; nothing where that is the step itself or what encloses it.
fn ranges(
    recording: &Recording,
    rank: &RankAnalysis,
    thread: ThreadId,
    parts: &mut Parts,
) -> Vec<Piece> {
    let steps = rank.step_spans();
    let items = pick(&recording.ranges, &rank.rows().ranges)
        .filter(|range| range.thread_id == thread && range.depth.is_some())
        .map(|range| {
            let (start, end) = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
            let first = steps.partition_point(|step| step.start < start);
            let is_step = steps[first..]
                .iter()
                .take_while(|step| step.start == start)
                .any(|step| (step.thread, step.end, step.name) == (thread, end, range.name_id));
            let role = if is_step { Role::Step } else { Role::Range };
            let depth = range.depth.unwrap_or(0);
            Item { thread, start, end, depth, name: range.name_id, role }
        })
        .collect();
    let nesting = Nesting::of(items);
    let around = nesting.holds_step.clone();
    slices_by(&nesting, &mut |index, item| {
        let counts = item.role == Role::Range && !around.get(index).copied().unwrap_or(false);
        let name = || recording.strings.get(item.name).to_owned();
        counts.then(|| parts.number(PartKind::Range, name))
    })
}

fn slices(nesting: &Nesting, part: &mut dyn FnMut(&Item) -> Option<u32>) -> Vec<Piece> {
    slices_by(nesting, &mut |_, item| part(item))
}

/// The innermost item at each instant, as far as it has a part.
fn slices_by(nesting: &Nesting, part: &mut dyn FnMut(usize, &Item) -> Option<u32>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = nesting
        .slices
        .iter()
        .filter_map(|slice| {
            let index = slice.item as usize;
            let part = part(index, nesting.items.get(index)?)?;
            Some(Piece { start: slice.start, end: slice.end, part })
        })
        .collect();
    pieces.sort_unstable_by_key(|piece| piece.start);
    pieces
}

/// `all_reduce in data_parallel`.
fn name(recording: &Recording, operation: StringId, group: StringId) -> String {
    let (operation, group) = (recording.strings.get(operation), recording.strings.get(group));
    if group.is_empty() { operation.to_owned() } else { format!("{operation} in {group}") }
}
