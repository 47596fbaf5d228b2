//! Figures of operators and ranges: at each instant the innermost one of a thread runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cover::Class;
use crate::file::{Call, Span};
use crate::rule::Rules;
use crate::step::Step;
use crate::table::Table;

/// Something that takes the place of a kernel, or a collective on a thread.
struct Item<'a> {
    thread: i64,
    start: i64,
    end: i64,
    depth: i64,
    number: i64,
    name: &'a str,
    is_collective: bool,
    is_step: bool,
}

/// An item with what runs within it.
#[derive(Default)]
struct Found {
    own: Vec<(i64, i64)>,
    /// Items of the same name around it.
    namesakes: Vec<usize>,
    holds_something: bool,
    holds_step: bool,
}

/// What the items of all threads did. They must be in order: those outside before those inside.
fn look(items: &[Item<'_>]) -> Vec<Found> {
    let mut found: Vec<Found> = items.iter().map(|_| Found::default()).collect();
    let threads: BTreeSet<i64> = items.iter().map(|item| item.thread).collect();
    for thread in threads {
        let mut changes: BTreeMap<i64, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, item) in items.iter().enumerate().filter(|(_, item)| item.thread == thread) {
            changes.entry(item.start).or_default().0.push(index);
            changes.entry(item.end).or_default().1.push(index);
        }
        let mut open: BTreeSet<usize> = BTreeSet::new();
        let mut before = None;
        for (now, (starting, ending)) in changes {
            // Of those that are open the last one is the innermost.
            if let (Some(innermost), Some(before)) = (open.last(), before) {
                found[*innermost].own.push((before, now));
            }
            before = Some(now);
            open.retain(|index| items[*index].end > now);
            for index in starting {
                for &outer in &open {
                    found[outer].holds_something = true;
                    if items[index].end <= items[outer].end {
                        found[outer].holds_step |= items[index].is_step;
                        if items[index].number == items[outer].number {
                            found[index].namesakes.push(outer);
                        }
                    }
                }
                if items[index].start < items[index].end {
                    open.insert(index);
                }
            }
            drop(ending);
        }
    }
    found
}

fn sort(items: &mut [Item<'_>]) {
    items.sort_by_key(|item| (item.thread, item.start, -item.end, item.depth, item.number));
}

fn item(span: &Span) -> Item<'_> {
    Item {
        thread: span.thread,
        start: span.start,
        end: span.end,
        depth: span.depth.unwrap_or(0),
        number: span.number,
        name: &span.name,
        is_collective: false,
        is_step: false,
    }
}

fn length(stretches: &[(i64, i64)]) -> i64 {
    stretches.iter().map(|(start, end)| end - start).sum()
}

/// The table of operators, which are looked at alone.
pub(crate) fn operators(operators: &[Span], rules: &Rules) -> Vec<Value> {
    let mut items: Vec<Item<'_>> = operators.iter().map(item).collect();
    sort(&mut items);
    let found = look(&items);
    let (mut own, mut inclusive) = (Table::default(), Table::default());
    for (item, found) in items.iter().zip(&found) {
        own.add(item.name, length(&found.own));
        inclusive
            .add(item.name, if found.namesakes.is_empty() { item.end - item.start } else { 0 });
    }
    let row = |(name, own): (&String, &Vec<i64>)| {
        let inclusive: i64 = inclusive.0[name].iter().sum();
        json!({
            "name": name,
            "category": rules.category(name),
            "count": own.len(),
            "self_ns": own.iter().sum::<i64>(),
            "inclusive_ns": inclusive,
            "mean_ns": inclusive as f64 / own.len() as f64,
        })
    };
    own.0.iter().map(row).collect()
}

/// What a run without a GPU is told by: when what ran, from when to when, and the table in the place of kernels.
pub(crate) struct Host {
    pub(crate) stretches: Vec<(i64, i64, Class)>,
    pub(crate) extent: Option<(i64, i64)>,
    pub(crate) kernels: Vec<Value>,
}

pub(crate) fn host(
    spans: &[Span],
    are_ranges: bool,
    steps: &[Step],
    calls: &[Call],
    rules: &Rules,
) -> Host {
    // Ranges that need not nest count only where there are no others.
    let nested = spans.iter().any(|span| span.depth.is_some());
    let is_step = |span: &Span| {
        let same = |step: &Step| {
            (step.thread, step.start, step.end) == (span.thread, span.start, span.end)
        };
        are_ranges && steps.iter().any(|step| same(step) && step.name == span.name)
    };
    let spans = spans.iter().filter(|span| !nested || span.depth.is_some());
    let mut items: Vec<Item<'_>> =
        spans.map(|span| Item { is_step: is_step(span), ..item(span) }).collect();
    let placed = || calls.iter().filter(|call| call.timing == "call" || call.timing == "kernel");
    items.extend(placed().filter_map(|call| {
        let (thread, start, end, number) = (call.thread?, call.start, call.end, call.number);
        Some(Item {
            thread,
            start,
            end,
            depth: i64::MAX,
            number,
            name: &call.op,
            is_collective: true,
            is_step: false,
        })
    }));
    sort(&mut items);
    let found = look(&items);

    let is_frame = |index: usize| {
        let (item, found) = (&items[index], &found[index]);
        let is_around = (item.is_step || found.holds_step) && found.holds_something;
        let communicates = item.is_collective || rules.is_communication(item.name);
        !communicates && (rules.category(item.name) == "data" || is_around)
    };
    let frames: Vec<bool> = (0..items.len()).map(is_frame).collect();
    let counts = |index: usize| !frames[index] && !items[index].is_collective;

    let mut stretches: Vec<_> =
        placed().map(|call| (call.start, call.end, Class::Communication)).collect();
    let mut extents: Vec<(i64, i64)> = placed().map(|call| (call.start, call.end)).collect();
    let (mut own, mut inclusive) = (Table::default(), BTreeMap::<&str, i64>::new());
    for (index, item) in items.iter().enumerate() {
        if !frames[index] {
            extents.push((item.start, item.end));
        }
        if rules.is_communication(item.name) && !item.is_collective {
            stretches.push((item.start, item.end, Class::Communication));
        } else if counts(index) {
            stretches
                .extend(found[index].own.iter().map(|&(start, end)| (start, end, Class::Compute)));
        }
        if counts(index) {
            own.add(item.name, length(&found[index].own));
            let is_counted_already = found[index].namesakes.iter().any(|&outer| counts(outer));
            *inclusive.entry(item.name).or_default() +=
                if is_counted_already { 0 } else { item.end - item.start };
        }
    }
    let mut kernels = own.rows(|name| rules.category(name).to_owned());
    for row in &mut kernels {
        row["inclusive_ns"] = inclusive[row["name"].as_str().unwrap_or_default()].into();
    }
    let first = extents.iter().map(|extent| extent.0).min();
    let last = extents.iter().map(|extent| extent.1).max();
    Host { stretches, extent: first.zip(last), kernels }
}
