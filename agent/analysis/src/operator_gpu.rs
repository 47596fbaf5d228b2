//! Which operators and ranges the time of the GPU belongs to.
//!
//! An operation belongs to the instant at which its launching call started, on the thread of that call. It is the own work of
//! the innermost operator that was open there at that instant (`[start, end)`), and the work of every operator that was. So are
//! ranges, among themselves. Operations without a launching call, and those that were launched outside of every operator,
//! belong to none and are counted apart.

use std::collections::{BTreeMap, HashMap};

use perfagent_recording::{Recording, StringId, ThreadId};

use crate::host_work::operator_items;
use crate::launched::{Launches, Work};
use crate::nesting::{Item, Nesting, Role};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::{GpuLinks, LaunchedKernel, LaunchedRow};

/// How many kernels a row names.
const TOP_KERNELS: usize = 5;

/// What one call launched.
#[derive(Clone, Copy, Debug)]
struct Launch {
    thread: ThreadId,
    time: i64,
    operations: i64,
    total: i64,
}

/// Launches in order of (thread, time), ready for windows.
pub(crate) struct Timeline {
    launches: Vec<Launch>,
    /// Operations and their time before the launch of the same index.
    before: Vec<(i64, i64)>,
}

impl Timeline {
    pub(crate) fn of(launches: &Launches) -> Self {
        let mut found: Vec<Launch> = launches
            .operations
            .iter()
            .filter_map(|operation| {
                let call = launches.call_of(operation)?;
                let total = operation.end - operation.start;
                Some(Launch { thread: call.thread, time: call.start, operations: 1, total })
            })
            .collect();
        found.sort_unstable_by_key(|launch| (launch.thread, launch.time));
        let mut sum = (0_i64, 0_i64);
        let mut before = Vec::with_capacity(found.len() + 1);
        for launch in &found {
            before.push(sum);
            sum = (sum.0 + launch.operations, sum.1.saturating_add(launch.total));
        }
        before.push(sum);
        Self { launches: found, before }
    }

    /// Operations and their time that were launched on the thread within `[start, end)`.
    pub(crate) fn within(&self, thread: ThreadId, start: i64, end: i64) -> (i64, i64) {
        let at = |time| {
            let key = (thread, time);
            let at = self.launches.partition_point(|launch| (launch.thread, launch.time) < key);
            self.before.get(at).copied().unwrap_or_default()
        };
        if start >= end {
            return (0, 0);
        }
        let (from, until) = (at(start), at(end));
        (until.0 - from.0, until.1 - from.1)
    }
}

#[derive(Debug, Default)]
struct Sum {
    calls: i64,
    own: (i64, i64),
    all: (i64, i64),
}

/// The tables of a process: by operator name and by range (domain, name), greatest own time of the GPU first, and what
/// belongs to none.
pub(crate) fn tables(
    recording: &Recording,
    rows: &ProcessRows,
    launches: &Launches,
) -> (Vec<LaunchedRow>, Vec<LaunchedRow>, GpuLinks) {
    let timeline = Timeline::of(launches);
    let operators = Nesting::of(operator_items(recording, rows));
    let of_operator = |name| ("", recording.strings.get(name));
    let (operator_rows, in_operators) =
        table(recording, launches, &timeline, &operators, &of_operator);
    let (ranges, names) = range_items(recording, rows);
    let ranges = Nesting::of(ranges);
    let of_range = |number: StringId| {
        let names = usize::try_from(number.0).ok().and_then(|number| names.get(number));
        names.map_or(("", ""), |&(domain, name)| {
            (recording.strings.get(domain), recording.strings.get(name))
        })
    };
    let (range_rows, in_ranges) = table(recording, launches, &timeline, &ranges, &of_range);
    let operations = launches.operations.len() as i64;
    let links = GpuLinks {
        operations,
        without_call: operations - timeline.launches.len() as i64,
        without_operator: timeline.launches.len() as i64 - in_operators,
        without_range: timeline.launches.len() as i64 - in_ranges,
    };
    (operator_rows, range_rows, links)
}

/// The domain and the name behind an item's name.
type Texts<'a, 'b> = &'b dyn Fn(StringId) -> (&'a str, &'a str);

/// One row a name, and how many operations belong to one.
fn table<'a>(
    recording: &'a Recording,
    launches: &Launches,
    timeline: &Timeline,
    nesting: &Nesting,
    texts: Texts<'a, '_>,
) -> (Vec<LaunchedRow>, i64) {
    let mut sums: HashMap<StringId, Sum> = HashMap::new();
    // Until when the time of a name on a thread is counted: one within its namesake is not counted twice.
    let mut counted: HashMap<(ThreadId, StringId), i64> = HashMap::new();
    for item in &nesting.items {
        let until = counted.entry((item.thread, item.name)).or_insert(i64::MIN);
        let (operations, total) = timeline.within(item.thread, item.start.max(*until), item.end);
        *until = item.end.max(*until);
        let sum = sums.entry(item.name).or_default();
        sum.calls += 1;
        sum.all = (sum.all.0 + operations, sum.all.1.saturating_add(total));
    }
    let owners = Owners::of(nesting);
    let mut kernels: HashMap<(StringId, Work), (i64, i64)> = HashMap::new();
    let mut found = 0;
    for operation in &launches.operations {
        let Some(call) = launches.call_of(operation) else { continue };
        let Some(owner) = owners.at(call.thread, call.start) else { continue };
        let name = nesting.items[owner as usize].name;
        let time = operation.end - operation.start;
        found += 1;
        let sum = sums.entry(name).or_default();
        sum.own = (sum.own.0 + 1, sum.own.1.saturating_add(time));
        let kernel = kernels.entry((name, operation.work)).or_default();
        *kernel = (kernel.0 + 1, kernel.1.saturating_add(time));
    }
    (rows(recording, sums, kernels, texts), found)
}

/// The innermost item at every instant of every thread.
pub(crate) struct Owners(Vec<(ThreadId, i64, i64, u32)>);

impl Owners {
    pub(crate) fn of(nesting: &Nesting) -> Self {
        let mut slices: Vec<_> = nesting
            .slices
            .iter()
            .map(|slice| {
                (nesting.items[slice.item as usize].thread, slice.start, slice.end, slice.item)
            })
            .collect();
        slices.sort_unstable();
        Self(slices)
    }

    /// The item that is innermost at this instant, by its position in [`Nesting::items`].
    pub(crate) fn at(&self, thread: ThreadId, time: i64) -> Option<u32> {
        let after = self.0.partition_point(|&(of, start, ..)| (of, start) <= (thread, time));
        let &(of, _, end, item) = self.0.get(after.checked_sub(1)?)?;
        (of == thread && time < end).then_some(item)
    }
}

/// Push/pop ranges. Each stands under a number for its domain and name, which are in the second value.
fn range_items(
    recording: &Recording,
    rows: &ProcessRows,
) -> (Vec<Item>, Vec<(StringId, StringId)>) {
    let mut names = Vec::new();
    let mut numbers = HashMap::new();
    let items = pick(&recording.ranges, &rows.ranges)
        .filter(|range| range.depth.is_some())
        .map(|range| {
            let key = (range.domain_id, range.name_id);
            let number = *numbers.entry(key).or_insert_with(|| {
                names.push(key);
                names.len() as i64 - 1
            });
            let (start, end) = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
            let depth = range.depth.unwrap_or(0);
            Item {
                thread: range.thread_id,
                start,
                end,
                depth,
                name: StringId(number),
                role: Role::Range,
            }
        })
        .collect();
    (items, names)
}

fn rows<'a>(
    recording: &'a Recording,
    sums: HashMap<StringId, Sum>,
    kernels: HashMap<(StringId, Work), (i64, i64)>,
    texts: Texts<'a, '_>,
) -> Vec<LaunchedRow> {
    let mut by_text: BTreeMap<(&str, &str), LaunchedRow> = BTreeMap::new();
    for (name, sum) in sums.into_iter().filter(|(_, sum)| sum.all.0 > 0 || sum.own.0 > 0) {
        let row = by_text.entry(texts(name)).or_default();
        row.count += sum.calls;
        row.own_operations += sum.own.0;
        row.own_gpu_ns = row.own_gpu_ns.saturating_add(sum.own.1);
        row.operations += sum.all.0;
        row.gpu_ns = row.gpu_ns.saturating_add(sum.all.1);
    }
    // Two ids may have one text.
    let mut kernels_by_text: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for ((name, work), (count, total)) in kernels {
        let kernel = match work {
            Work::Kernel(name) => recording.strings.get(name),
            Work::Copy(kind) => kind.as_str(),
        };
        let sum = kernels_by_text.entry((texts(name), kernel)).or_default();
        *sum = (sum.0 + count, sum.1.saturating_add(total));
    }
    for ((name, kernel), (count, total_ns)) in kernels_by_text {
        if let Some(row) = by_text.get_mut(&name) {
            row.kernels.push(LaunchedKernel { name: kernel.to_owned(), count, total_ns });
        }
    }
    let mut rows: Vec<LaunchedRow> = by_text
        .into_iter()
        .map(|((domain, name), mut row)| {
            (row.name, row.domain) = (name.to_owned(), domain.to_owned());
            row.kernels.sort_by_key(|kernel| -kernel.total_ns);
            row.kernels.truncate(TOP_KERNELS);
            row
        })
        .collect();
    rows.sort_by(|a, b| {
        (b.own_gpu_ns, b.gpu_ns)
            .cmp(&(a.own_gpu_ns, a.gpu_ns))
            .then_with(|| (&a.domain, &a.name).cmp(&(&b.domain, &b.name)))
    });
    rows
}
