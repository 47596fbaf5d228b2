//! What a thread ran on the stretches of the path that are on the host.

use rustc_hash::FxHashMap;

use perfagent_recording::{Recording, StringId, ThreadId};

use super::{PathKind, PathName, PathRow, PathSegment};
use crate::nesting::{Item, Nesting, Role, Slice};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};

const BETWEEN: PathName = PathName::Fixed("(between operators)");

/// Calls `with` for everything that runs on a thread: operators, calls, push/pop ranges.
pub(super) fn for_each(
    recording: &Recording,
    rows: &ProcessRows,
    with: &mut dyn FnMut(ThreadId, i64, i64),
) {
    for_each_row(recording, rows, &mut |thread, (start, end), _, _, _| with(thread, start, end));
}

type OnRow<'a> = &'a mut dyn FnMut(ThreadId, (i64, i64), i64, PathRow, StringId);

fn for_each_row(recording: &Recording, rows: &ProcessRows, with: OnRow<'_>) {
    // Of two with the same times a range is the outer one, and a call the inner one.
    macro_rules! add {
        ($table:ident, $row:ident, |$value:ident| $depth:expr) => {
            for (position, $value) in rows.$table.iter().zip(pick(&recording.$table, &rows.$table))
            {
                let Some(depth) = $depth else { continue };
                let span = clean($value.start_ns.unix_nanos(), $value.end_ns.unix_nanos());
                with($value.thread_id, span, depth, PathRow::$row(position), $value.name_id);
            }
        };
    }
    const BELOW_RANGES: i64 = 1 << 32;
    add!(ranges, Range, |range| range.depth);
    add!(operators, Operator, |operator| Some(BELOW_RANGES.saturating_add(operator.depth)));
    add!(api_calls, ApiCall, |_call| Some(i64::MAX));
}

/// The path with every stretch of a thread divided into what was innermost there.
pub(super) fn named(
    recording: &Recording,
    rows: &ProcessRows,
    path: &[PathSegment],
) -> Vec<PathSegment> {
    let mut stretches: FxHashMap<ThreadId, Vec<(i64, i64)>> = FxHashMap::default();
    for segment in path {
        if let Some(thread) = segment.thread {
            stretches.entry(thread).or_default().push((segment.start_ns, segment.end_ns));
        }
    }
    // Room for all, which costs nothing where it is not used.
    let mut found: Vec<(PathRow, StringId)> = Vec::with_capacity(rows.len());
    let mut items = Vec::with_capacity(rows.len());
    for_each_row(recording, rows, &mut |thread, (start, end), depth, row, name| {
        let Some(stretches) = stretches.get(&thread) else { return };
        let first = stretches.partition_point(|stretch| stretch.1 <= start);
        if stretches.get(first).is_some_and(|stretch| stretch.0 < end) {
            // Under the number of its row.
            let number = StringId(found.len() as i64);
            found.push((row, name));
            items.push(Item { thread, start, end, depth, name: number, role: Role::Operator });
        }
    });
    let nesting = Nesting::of(items);
    let mut slices: FxHashMap<ThreadId, Vec<Slice>> = FxHashMap::default();
    for slice in &nesting.slices {
        slices.entry(nesting.items[slice.item as usize].thread).or_default().push(*slice);
    }
    for slices in slices.values_mut() {
        slices.sort_unstable_by_key(|slice| slice.start);
    }
    let row_of = |slice: &Slice| {
        let number = nesting.items[slice.item as usize].name.0;
        found.get(usize::try_from(number).unwrap_or(usize::MAX)).copied()
    };
    let mut named = Vec::with_capacity(path.len());
    for segment in path {
        let Some(thread) = segment.thread else {
            named.push(*segment);
            continue;
        };
        let slices = slices.get(&thread).map_or(&[][..], Vec::as_slice);
        divide(segment, slices, &row_of, &mut named);
    }
    named
}

fn divide(
    segment: &PathSegment,
    slices: &[Slice],
    row_of: &dyn Fn(&Slice) -> Option<(PathRow, StringId)>,
    named: &mut Vec<PathSegment>,
) {
    let mut now = segment.start_ns;
    let mut push = |from: i64, until: i64, found: Option<(PathRow, StringId)>| {
        if from < until {
            named.push(PathSegment {
                start_ns: from,
                end_ns: until,
                name: found.map_or(BETWEEN, |(_, name)| PathName::Text(name)),
                row: found.map(|(row, _)| row),
                ..*segment
            });
        }
    };
    let first = slices.partition_point(|slice| slice.end <= segment.start_ns);
    for slice in &slices[first..] {
        if slice.start >= segment.end_ns {
            break;
        }
        let (start, end) = (slice.start.max(now), slice.end.min(segment.end_ns));
        push(now, start, None);
        push(start, end, row_of(slice));
        now = end.max(now);
    }
    push(now, segment.end_ns, None);
    debug_assert!(segment.kind == PathKind::Host || segment.kind == PathKind::Wait);
}
