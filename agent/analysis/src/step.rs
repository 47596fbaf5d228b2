//! Training steps: which ranges are steps, and how long they took.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::table::Range;
use perfagent_recording::{Recording, StringId, ThreadId};

use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::{Step, StepSummary};
use crate::statistic::{mean, percentile, sum};

/// The NVTX domain in which this project's own programs mark their phases.
const OWN_DOMAIN: &str = "perfagent";

/// How a range says that it is a step, most trustworthy first. Of several in a process the first wins:
/// a step that is marked by the program and again by its framework must not count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Marking {
    /// `step` in the project's own domain.
    Own,
    /// `ProfilerStep#N`, from PyTorch.
    Profiler,
    /// `step N`, `iteration N`, or `step` with a number as payload.
    Numbered,
    /// `step` alone.
    Bare,
}

/// How a name marks a step, and the number in it.
type Marked = (Marking, Option<i64>);

/// One step as it was marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepSpan {
    pub(crate) thread: ThreadId,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) name: StringId,
    index: Option<i64>,
}

/// The steps of a process in order of time.
pub(crate) fn steps(recording: &Recording, rows: &ProcessRows) -> Vec<StepSpan> {
    let mut candidates: BTreeMap<Marking, Vec<StepSpan>> = BTreeMap::new();
    let mut markings: BTreeMap<(StringId, StringId), Option<Marked>> = BTreeMap::new();
    for range in pick(&recording.ranges, &rows.ranges).filter(|range| !range.open) {
        let marking = *markings.entry((range.domain_id, range.name_id)).or_insert_with(|| {
            marking(recording.strings.get(range.domain_id), recording.strings.get(range.name_id))
        });
        if let Some((marking, span)) = marking.and_then(|marking| step_of(&range, marking)) {
            candidates.entry(marking).or_default().push(span);
        }
    }
    // Formats that know no ranges keep the profiler's steps among the operators. There are few names and many operators.
    let mut by_name: FxHashMap<StringId, Option<Marked>> = FxHashMap::default();
    let mut last = (StringId(0), None);
    for operator in pick(&recording.operators, &rows.operators) {
        if operator.name_id != last.0 {
            let marking = || marking("", recording.strings.get(operator.name_id));
            last = (operator.name_id, *by_name.entry(operator.name_id).or_insert_with(marking));
        }
        let (false, marking) = (operator.open, last.1) else { continue };
        if let Some((Marking::Profiler, index)) = marking {
            let (start, end) = clean(operator.start_ns.unix_nanos(), operator.end_ns.unix_nanos());
            candidates.entry(Marking::Profiler).or_default().push(StepSpan {
                thread: operator.thread_id,
                start,
                end,
                name: operator.name_id,
                index,
            });
        }
    }
    let Some((marking, spans)) = candidates.into_iter().next() else { return Vec::new() };
    let mut spans = outermost(spans);
    if marking > Marking::Profiler {
        spans = of_busiest_thread(spans);
    }
    spans.sort_by_key(|span| (span.start, span.end));
    spans
}

fn step_of(range: &Range, (marking, index): Marked) -> Option<(Marking, StepSpan)> {
    // Start/end ranges need not nest and may be anything; only the profiler's may come without a depth.
    if range.depth.is_none() && marking != Marking::Profiler {
        return None;
    }
    let index = index.or(range.payload.integer());
    let marking =
        if marking == Marking::Bare && index.is_some() { Marking::Numbered } else { marking };
    let (start, end) = clean(range.start_ns.unix_nanos(), range.end_ns.unix_nanos());
    Some((marking, StepSpan { thread: range.thread_id, start, end, name: range.name_id, index }))
}

/// What a range's name says about it.
fn marking(domain: &str, name: &str) -> Option<Marked> {
    if let Some(rest) = name.strip_prefix("ProfilerStep") {
        return match rest.strip_prefix('#') {
            Some(number) => Some((Marking::Profiler, Some(number.trim().parse().ok()?))),
            None => rest.is_empty().then_some((Marking::Profiler, None)),
        };
    }
    if domain == OWN_DOMAIN && name == "step" {
        return Some((Marking::Own, None));
    }
    let lower = name.trim().to_ascii_lowercase();
    let separators = |c: char| matches!(c, ' ' | '_' | '-' | '#' | ':' | '=');
    let word = ["training", "train"]
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix))
        .map_or(lower.as_str(), |rest| rest.trim_start_matches(separators));
    let rest = ["step", "iteration", "iter"].iter().find_map(|base| word.strip_prefix(base))?;
    if rest.is_empty() {
        return Some((Marking::Bare, None));
    }
    Some((Marking::Numbered, Some(rest.trim_start_matches(separators).parse().ok()?)))
}

/// Leaves out what lies within another step of the same thread.
fn outermost(mut spans: Vec<StepSpan>) -> Vec<StepSpan> {
    spans.sort_by_key(|span| (span.thread, span.start, std::cmp::Reverse(span.end)));
    let mut kept: Vec<StepSpan> = Vec::with_capacity(spans.len());
    for span in spans {
        let inside = kept.last().is_some_and(|outer| {
            outer.thread == span.thread && span.end <= outer.end && span.start < outer.end
        });
        if !inside {
            kept.push(span);
        }
    }
    kept
}

/// The steps of the thread that has most of them: helper threads may mark theirs too.
fn of_busiest_thread(spans: Vec<StepSpan>) -> Vec<StepSpan> {
    let mut counts: BTreeMap<ThreadId, usize> = BTreeMap::new();
    for span in &spans {
        *counts.entry(span.thread).or_default() += 1;
    }
    let busiest =
        counts.into_iter().min_by_key(|&(thread, count)| (std::cmp::Reverse(count), thread));
    spans
        .into_iter()
        .filter(|span| busiest.is_some_and(|(thread, _)| thread == span.thread))
        .collect()
}

/// The rows of the report; `lead_in` and `breakdown` are filled in by who knows the activity.
pub(crate) fn rows(recording: &Recording, spans: &[StepSpan]) -> Vec<Step> {
    spans
        .iter()
        .enumerate()
        .map(|(position, span)| Step {
            index: span.index.unwrap_or(position as i64),
            name: recording.strings.get(span.name).to_owned(),
            start_ns: span.start,
            duration_ns: span.end.saturating_sub(span.start),
            ..Step::default()
        })
        .collect()
}

/// Count, mean and percentiles of the steps' lengths.
pub(crate) fn summary(spans: &[StepSpan]) -> StepSummary {
    let mut lengths: Vec<i64> =
        spans.iter().map(|span| span.end.saturating_sub(span.start)).collect();
    StepSummary {
        count: lengths.len() as i64,
        mean_ns: mean(sum(&lengths), lengths.len()),
        p50_ns: percentile(&mut lengths, 50),
        p99_ns: percentile(&mut lengths, 99),
    }
}

#[cfg(test)]
mod tests {
    use super::{Marking, marking};

    #[test]
    fn names_that_are_steps() {
        for (domain, name, expected) in [
            ("perfagent", "step", Some((Marking::Own, None))),
            ("", "ProfilerStep#12", Some((Marking::Profiler, Some(12)))),
            ("", "ProfilerStep", Some((Marking::Profiler, None))),
            ("", "step 3", Some((Marking::Numbered, Some(3)))),
            ("", "Step_3", Some((Marking::Numbered, Some(3)))),
            ("", "step3", Some((Marking::Numbered, Some(3)))),
            ("", "iteration 7", Some((Marking::Numbered, Some(7)))),
            ("", "train_step: 9", Some((Marking::Numbered, Some(9)))),
            ("", "train_step", Some((Marking::Bare, None))),
            ("", "iter", Some((Marking::Bare, None))),
        ] {
            assert_eq!(marking(domain, name), expected, "{name}");
        }
    }

    #[test]
    fn names_that_are_not() {
        for name in [
            "optimizer step",
            "stepping",
            "Optimizer.step#AdamW.step",
            "ProfilerStep#x",
            "iterator",
            "",
        ] {
            assert_eq!(marking("", name), None, "{name}");
        }
    }
}
