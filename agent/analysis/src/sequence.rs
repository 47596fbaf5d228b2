//! Which sequences of GPU operations the same operator launches again and again: candidates for fusion.
//!
//! A sequence is all that one run of an operator launched, with what is nested in it, in the order of the launches. Of operators
//! that launch the same one within each other the outermost stands for it. `get_frequent_cuda_kernel_sequences` of Holistic
//! Trace Analysis does the same for one name that it is given. Of long recordings a part in the middle is looked at, the same as
//! for the critical path.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId, ThreadId};

use crate::host_work::operator_items;
use crate::launched::Launches;
use crate::nesting::{Item, Nesting};
use crate::operation::Work;
use crate::process::ProcessRows;
use crate::report::SequenceRow;

/// One operation is no sequence.
const SHORTEST: usize = 2;

/// Whole layers and passes are longer and tell nothing.
const LONGEST: usize = 24;

/// How many rows there are at most.
const TOP: usize = 50;

/// What the launches of a process are, in the order of (thread, time).
struct Order {
    at: Vec<(ThreadId, i64)>,
    works: Vec<Work>,
    times: Vec<i64>,
}

impl Order {
    fn of(launches: &Launches) -> Self {
        let mut found: Vec<_> = launches
            .operations
            .iter()
            .filter_map(|operation| {
                let call = launches.call_of(operation)?;
                let (thread, time) = (call.thread, call.start);
                Some((thread, time, operation.start, operation.end, operation.work))
            })
            .collect();
        found.sort_by_key(|&(thread, time, start, end, _)| (thread, time, start, end));
        Self {
            at: found.iter().map(|&(thread, time, ..)| (thread, time)).collect(),
            works: found.iter().map(|&(.., work)| work).collect(),
            times: found.iter().map(|&(_, _, start, end, _)| end - start).collect(),
        }
    }

    /// The launches of an item, by their first place and the one after the last.
    fn of_item(&self, item: &Item) -> (usize, usize) {
        let at = |time| self.at.partition_point(|&before| before < (item.thread, time));
        (at(item.start), at(item.end).max(at(item.start)))
    }
}

/// What is known of one sequence.
#[derive(Default)]
struct Sum {
    count: i64,
    gpu: i64,
    host: i64,
}

/// The sequences that were launched more than once, greatest time of the GPU first.
pub(crate) fn sequences(
    recording: &Recording,
    rows: &ProcessRows,
    launches: &Launches,
) -> Vec<SequenceRow> {
    let order = Order::of(launches);
    let items = Nesting::of(operator_items(recording, rows)).items;
    let mut sums: FxHashMap<(StringId, &[Work]), Sum> = FxHashMap::default();
    // The items around the current one: (thread, end, launches).
    let mut around: Vec<(ThreadId, i64, (usize, usize))> = Vec::new();
    for item in &items {
        while around
            .last()
            .is_some_and(|&(thread, end, _)| thread != item.thread || end <= item.start)
        {
            around.pop();
        }
        let own = order.of_item(item);
        let is_outermost = around.last().is_none_or(|&(.., other)| other != own);
        around.push((item.thread, item.end, own));
        let (from, until) = own;
        if !is_outermost || !(SHORTEST..=LONGEST).contains(&(until - from)) {
            continue;
        }
        let sum = sums.entry((item.name, &order.works[from..until])).or_default();
        sum.count += 1;
        sum.gpu = order.times[from..until].iter().copied().fold(sum.gpu, i64::saturating_add);
        sum.host = sum.host.saturating_add(item.end.saturating_sub(item.start));
    }
    let text = |work: &Work| match *work {
        Work::Kernel(name) => recording.strings.get(name),
        Work::Copy(kind) => kind.as_str(),
    };
    // Two ids may have one text.
    let mut by_text: BTreeMap<(&str, Vec<&str>), Sum> = BTreeMap::new();
    for ((name, works), sum) in sums {
        let key = (recording.strings.get(name), works.iter().map(text).collect());
        let all = by_text.entry(key).or_default();
        all.count += sum.count;
        all.gpu = all.gpu.saturating_add(sum.gpu);
        all.host = all.host.saturating_add(sum.host);
    }
    let mut found: Vec<_> = by_text.into_iter().filter(|(_, sum)| sum.count > 1).collect();
    found.sort_by_key(|(_, sum)| -sum.gpu);
    found.truncate(TOP);
    found
        .into_iter()
        .map(|((operator, works), sum)| SequenceRow {
            operator: operator.to_owned(),
            kernels: works.into_iter().map(ToOwned::to_owned).collect(),
            count: sum.count,
            gpu_ns: sum.gpu,
            host_ns: sum.host,
        })
        .collect()
}
