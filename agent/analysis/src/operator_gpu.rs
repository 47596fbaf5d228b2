//! Operators and ranges by the time of the GPU that they launched (see [`own_time`](crate::own_time)). Operations without a
//! launching call, and those that were launched outside of every operator, belong to none and are counted apart.

use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId, ThreadId};

use crate::operation::{Work, clean};
use crate::own_time::{Span, Sums};
use crate::process::{ProcessRows, pick};
use crate::report::{LaunchedKernel, LaunchedRow};
use crate::timeline::Timeline;

/// How many kernels a row names.
const TOP_KERNELS: usize = 5;

/// The sums of a process's operators, by the id of their name.
pub(crate) fn of_operators(recording: &Recording, rows: &ProcessRows, timeline: &Timeline) -> Sums {
    let mut threads: BTreeMap<ThreadId, Vec<Span>> = BTreeMap::new();
    for operator in pick(&recording.operators, &rows.operators) {
        let times = clean(operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
        let span = Span::new(times, operator.depth, operator.name_id);
        push_first_large(&mut threads, operator.thread_id, span, rows.operators.len());
    }
    let mut sums = Sums::of_names(recording.strings.len());
    for (thread, spans) in threads {
        sums.add(spans, timeline.of_thread(thread));
    }
    sums
}

/// Adds a value to those of its thread. Room for all is set aside for the first thread, which mostly has nearly all of them: a
/// list that grows is there twice while it does, and what is set aside and not used takes no memory.
pub(crate) fn push_first_large<T>(
    threads: &mut BTreeMap<ThreadId, Vec<T>>,
    thread: ThreadId,
    value: T,
    all: usize,
) {
    let room = if threads.is_empty() { all } else { 0 };
    threads.entry(thread).or_insert_with(|| Vec::with_capacity(room)).push(value);
}

/// One row an operator name, greatest own time of the GPU first.
pub(crate) fn operator_rows(recording: &Recording, sums: &Sums) -> Vec<LaunchedRow> {
    rows(recording, sums, &|number| ("", recording.strings.get(StringId(i64::from(number)))))
}

/// One row a range (domain, name), and how many operations belong to one. Push/pop ranges alone count.
pub(crate) fn range_rows(
    recording: &Recording,
    rows_of: &ProcessRows,
    timeline: &Timeline,
) -> (Vec<LaunchedRow>, i64) {
    let mut names: Vec<(StringId, StringId)> = Vec::new();
    let mut numbers = BTreeMap::new();
    let mut threads: BTreeMap<ThreadId, Vec<Span>> = BTreeMap::new();
    for range in pick(&recording.ranges, &rows_of.ranges) {
        let Some(depth) = range.depth else { continue };
        let key = (range.domain_id, range.name_id);
        let number = *numbers.entry(key).or_insert_with(|| {
            names.push(key);
            names.len() as i64 - 1
        });
        let times = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
        let span = Span::new(times, depth, StringId(number));
        threads.entry(range.thread_id).or_default().push(span);
    }
    let mut sums = Sums::of_names(names.len());
    for (thread, spans) in threads {
        sums.add(spans, timeline.of_thread(thread));
    }
    let texts = |number: u32| {
        let name = names.get(number as usize);
        name.map_or(("", ""), |&(domain, name)| {
            (recording.strings.get(domain), recording.strings.get(name))
        })
    };
    (rows(recording, &sums, &texts), sums.found)
}

/// The domain and the name behind a number.
type Texts<'a, 'b> = &'b dyn Fn(u32) -> (&'a str, &'a str);

fn rows<'a>(recording: &'a Recording, sums: &Sums, texts: Texts<'a, '_>) -> Vec<LaunchedRow> {
    let mut by_text: BTreeMap<(&str, &str), LaunchedRow> = BTreeMap::new();
    for (number, named) in (0..).zip(&sums.names) {
        if named.all_gpu.operations == 0 && named.own_gpu.operations == 0 {
            continue;
        }
        let row = by_text.entry(texts(number)).or_default();
        row.count += named.own.count;
        row.own_operations += named.own_gpu.operations;
        row.own_gpu_ns = row.own_gpu_ns.saturating_add(named.own_gpu.time);
        row.operations += named.all_gpu.operations;
        row.gpu_ns = row.gpu_ns.saturating_add(named.all_gpu.time);
    }
    // Two ids may have one text.
    let mut kernels_by_text: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for (&(number, work), on_gpu) in &sums.kernels {
        let kernel = match work.get() {
            Work::Kernel(name) => recording.strings.get(name),
            Work::Copy(kind) => kind.as_str(),
        };
        let sum = kernels_by_text.entry((texts(number), kernel)).or_default();
        *sum = (sum.0 + on_gpu.operations, sum.1.saturating_add(on_gpu.time));
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
