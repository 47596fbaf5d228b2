//! Training steps: the outermost ranges whose names say that they are steps.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::file::Span;
use crate::table::{mean, percentile};

static PROFILER: LazyLock<Regex> = LazyLock::new(|| expression(r"^ProfilerStep(?:#\s*(\d+)\s*)?$"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)^\s*(?:train(?:ing)?[ _\-#:=]*)?(?:step|iteration|iter)(?:[ _\-#:=]*(\d+))?\s*$",
    )
});

fn expression(text: &str) -> Regex {
    Regex::new(text).expect(text)
}

/// A range that is a step, and how surely: the less the number, the better.
pub(crate) struct Step {
    marking: u8,
    pub(crate) thread: i64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) name: String,
    index: Option<i64>,
}

/// The steps of a process in order of time.
pub(crate) fn steps(ranges: &[Span], operators: &[Span]) -> Vec<Step> {
    let of_profiler = |step: &Step| step.marking == 1;
    let from_operators = operators.iter().filter_map(|span| step(span, true)).filter(of_profiler);
    let all: Vec<Step> =
        ranges.iter().filter_map(|span| step(span, false)).chain(from_operators).collect();
    let Some(best) = all.iter().map(|step| step.marking).min() else { return Vec::new() };
    let mut best: Vec<Step> = all.into_iter().filter(|step| step.marking == best).collect();
    best.sort_by_key(|step| (step.start, -step.end));
    let within = |inner: usize, outer: usize| {
        let (step, around) = (&best[inner], &best[outer]);
        let nested =
            around.start <= step.start && step.end <= around.end && step.start < around.end;
        let equal = (around.start, around.end) == (step.start, step.end);
        around.thread == step.thread && nested && (!equal || outer < inner)
    };
    let is_outermost =
        |inner: usize| (0..best.len()).all(|outer| outer == inner || !within(inner, outer));
    let keep: Vec<bool> = (0..best.len()).map(is_outermost).collect();
    let kept = best.into_iter().zip(keep).filter(|(_, keep)| *keep);
    let mut steps: Vec<Step> = kept.map(|(step, _)| step).collect();
    // Helper threads may mark their own steps: those of the busiest thread count.
    let count = |thread: i64| steps.iter().filter(|step| step.thread == thread).count();
    let threads = steps.iter().map(|step| step.thread);
    let busiest = threads.min_by_key(|&thread| (usize::MAX - count(thread), thread));
    steps.retain(|step| step.marking < 2 || Some(step.thread) == busiest);
    steps
}

fn step(span: &Span, is_operator: bool) -> Option<Step> {
    let (mut marking, mut index) = marking(&span.domain, &span.name)?;
    // Ranges that need not nest may be anything.
    if span.open || (!is_operator && span.depth.is_none() && marking != 1) {
        return None;
    }
    if !is_operator {
        index = index.or(span.payload);
    }
    if marking == 3 && index.is_some() {
        marking = 2;
    }
    let (thread, name) = (span.thread, span.name.clone());
    Some(Step { marking, thread, start: span.start, end: span.end, name, index })
}

/// 0: marked by this project; 1: by PyTorch's profiler; 2: with a number; 3: without.
fn marking(domain: &str, name: &str) -> Option<(u8, Option<i64>)> {
    if domain == "perfagent" && name == "step" {
        return Some((0, None));
    }
    let number =
        |found: regex::Captures<'_>| found.get(1).and_then(|digits| digits.as_str().parse().ok());
    if let Some(found) = PROFILER.captures(name) {
        return Some((1, number(found)));
    }
    let found = NUMBERED.captures(name)?;
    let number = number(found);
    Some((if number.is_some() { 2 } else { 3 }, number))
}

pub(crate) fn rows(steps: &[Step]) -> (Vec<Value>, Value) {
    let rows = steps.iter().enumerate().map(|(position, step)| {
        json!({
            "index": step.index.unwrap_or(position as i64),
            "name": step.name,
            "start_ns": step.start,
            "duration_ns": step.end - step.start,
        })
    });
    let lengths: Vec<i64> = steps.iter().map(|step| step.end - step.start).collect();
    let summary = json!({
        "count": lengths.len(),
        "mean_ns": mean(&lengths),
        "p50_ns": percentile(&lengths, 50),
        "p99_ns": percentile(&lengths, 99),
    });
    (rows.collect(), summary)
}
