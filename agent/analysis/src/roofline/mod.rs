//! Roofline points: what operators achieved of arithmetic and of memory traffic, by operator, shapes and element types.
//!
//! FLOPs are exact integers from the shapes of the inputs (`flops`), or the framework's own count where the shapes do not tell.
//! Bytes are the least that has to be moved: every input read once and every output written once, as in a cache without
//! bounds. The time is that of the GPU operations launched within the operator on its thread; on a run without a GPU, the
//! operator's own time. Of operators that are nested in each other (`aten::linear` runs `aten::addmm`) the innermost one with a
//! known count stands for the work.

mod flops;
mod shapes;

use rustc_hash::FxHashMap;

use perfagent_recording::{Recording, StringId};

use crate::nesting::{Item, Nesting, Role};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::{Basis, RooflineRow};
use crate::statistic::rate_gbps;
use crate::timeline::Timeline;
use flops::{Cost, Known};

/// What tells one point from another.
type Key = (StringId, StringId, Option<StringId>);

/// An operator whose work is known, by its position in the table.
struct Worker {
    key: Key,
    flops: i64,
    is_outer: bool,
}

#[derive(Default)]
struct Sum {
    count: i64,
    flops: i128,
    time: i64,
}

/// One row a point, most time first.
pub(crate) fn points(
    recording: &Recording,
    rows: &ProcessRows,
    timeline: &Timeline,
) -> Vec<RooflineRow> {
    let known = Known::of(recording, rows);
    let on_gpu = rows.basis == Basis::Gpu;
    let mut costs: FxHashMap<Key, Option<Cost>> = FxHashMap::default();
    let mut workers: Vec<Worker> = Vec::new();
    let mut items = Vec::new();
    for operator in pick(&recording.operators, &rows.operators) {
        let key = (operator.name_id, operator.shapes_id, operator.types_id);
        let cost = costs.entry(key).or_insert_with(|| known.cost(recording, key));
        let flops =
            cost.as_ref().map(|cost| cost.flops).or(operator.flops).filter(|&flops| flops > 0);
        // Without a GPU, time in nested operators of all kinds is taken off.
        if flops.is_none() && on_gpu {
            continue;
        }
        let (start, end) = clean(operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
        let name = StringId(workers.len() as i64);
        let (thread, depth, role) = (operator.thread_id, operator.depth, Role::Operator);
        items.push(Item { thread, start, end, depth, name, role });
        workers.push(Worker { key, flops: flops.unwrap_or(0), is_outer: false });
    }
    let nesting = Nesting::of(items);
    mark_outer(&nesting, &mut workers);
    let times = times(&nesting, on_gpu.then_some(timeline));
    let mut sums: FxHashMap<Key, Sum> = FxHashMap::default();
    for (item, time) in nesting.items.iter().zip(times) {
        let Some(worker) = worker(&workers, item) else { continue };
        if worker.is_outer || worker.flops == 0 || time <= 0 {
            continue;
        }
        let sum = sums.entry(worker.key).or_default();
        sum.count += 1;
        sum.flops += i128::from(worker.flops);
        sum.time = sum.time.saturating_add(time);
    }
    let mut rows: Vec<RooflineRow> = sums
        .into_iter()
        .filter_map(|(key, sum)| row(recording, key, &sum, costs.get(&key)?.as_ref()))
        .collect();
    rows.sort_by(|a, b| {
        let texts = |row: &RooflineRow| (row.name.clone(), row.shapes.clone(), row.dtype.clone());
        b.time_ns.cmp(&a.time_ns).then_with(|| texts(a).cmp(&texts(b)))
    });
    rows
}

fn worker<'a>(workers: &'a [Worker], item: &Item) -> Option<&'a Worker> {
    usize::try_from(item.name.0).ok().and_then(|index| workers.get(index))
}

/// Marks every worker in which another one is nested.
fn mark_outer(nesting: &Nesting, workers: &mut [Worker]) {
    let mut open: Vec<&Item> = Vec::new();
    for item in &nesting.items {
        if worker(workers, item).is_none_or(|worker| worker.flops == 0) {
            continue;
        }
        while open
            .last()
            .is_some_and(|outer| outer.thread != item.thread || outer.end <= item.start)
        {
            open.pop();
        }
        if let Some(outer) = open.last()
            && item.end <= outer.end
            && let Some(outer) =
                usize::try_from(outer.name.0).ok().and_then(|at| workers.get_mut(at))
        {
            outer.is_outer = true;
        }
        open.push(item);
    }
}

/// For each item, the time of what it launched, or its own.
fn times(nesting: &Nesting, timeline: Option<&Timeline>) -> Vec<i64> {
    if let Some(timeline) = timeline {
        let within = |item: &Item| timeline.within(item.thread, item.start, item.end);
        return nesting.items.iter().map(within).collect();
    }
    let mut own = vec![0; nesting.items.len()];
    for slice in &nesting.slices {
        own[slice.item as usize] += slice.end - slice.start;
    }
    own
}

/// The row of a point; `None` when its work cannot be written down exactly.
fn row(recording: &Recording, key: Key, sum: &Sum, cost: Option<&Cost>) -> Option<RooflineRow> {
    let flops = i64::try_from(sum.flops).ok()?;
    let bytes = cost.and_then(|cost| cost.bytes).and_then(|bytes| bytes.checked_mul(sum.count));
    Some(RooflineRow {
        name: recording.strings.get(key.0).to_owned(),
        shapes: recording.strings.get(key.1).to_owned(),
        dtype: cost.and_then(|cost| cost.dtype.clone()),
        count: sum.count,
        flops,
        bytes,
        time_ns: sum.time,
        tflops: flops as f64 / sum.time as f64 / 1e3,
        gbps: bytes.and_then(|bytes| rate_gbps(bytes, sum.time)),
        intensity: bytes.filter(|&bytes| bytes > 0).map(|bytes| flops as f64 / bytes as f64),
    })
}
