//! Steps of a program that marks none, from the order of its kernels.
//!
//! A training step runs the same kernels each time. So a kernel that runs once a step, an anchor, divides the kernels of its
//! stream into stretches that hold the same kernels equally often. A kernel is taken for an anchor only if that is so:
//!
//! * it divides them into three such stretches at least, each of [`SHORTEST`] kernels or more;
//! * neighbours have 90 % of their kernels in common, counted by name: a few may differ, and their order does not matter;
//! * of the names that are in two stretches or more, 90 % are in nearly all of them. A layer of a network, which repeats
//!   within a step, fails here and above, where the step goes from one pass to the next;
//! * what comes before the first anchor and after the last is a part of such a stretch too, but for 10 % of one: a network that
//!   ran once has its layers in a row, and something else before and after them.
//!
//! Of several units that repeat the smallest is the step, and of several anchors the one before which the stream waited
//! longest. A step lasts from anchor to anchor; what follows the last anchor is no step, as its end is not known. Where nothing
//! repeats in this way there are no steps: nothing is guessed.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::{Recording, StringId};

use crate::operation::{Operation, Operations, Work};
use crate::report::{DetectedStep, DetectedSteps};
use crate::statistic::{mean, percentile, sum};

/// A step of fewer kernels is not told from chance.
const SHORTEST: usize = 5;
/// Fewer stretches that are alike are not enough.
const FEWEST: usize = 3;
/// How much two stretches must have in common, in percent.
const ALIKE_PCT: usize = 90;
/// How many anchors are looked at closely.
const MOST_CANDIDATES: usize = 32;

/// A kernel of the stream that is looked at.
struct Run {
    start: i64,
    end: i64,
    name: StringId,
}

/// The steps of the stream with most kernels; `None` when they do not repeat.
pub(crate) fn detected(recording: &Recording, operations: &Operations) -> Option<DetectedSteps> {
    let runs = busiest_stream(operations);
    let mut places: BTreeMap<StringId, Vec<usize>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        places.entry(run.name).or_default().push(place);
    }
    let mut candidates: Vec<(StringId, Vec<usize>)> =
        places.into_iter().filter(|(_, places)| is_regular(places)).collect();
    // The smallest unit that repeats is the one that repeats most often.
    candidates.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    candidates.truncate(MOST_CANDIDATES);
    let mut found: Option<(StringId, Vec<usize>)> = None;
    for (name, places) in candidates {
        // In a recording that begins within a step, some kernels run once more than others.
        let is_same_unit = |best: &Vec<usize>| places.len() + 1 >= best.len();
        if found.as_ref().is_some_and(|(_, best)| !is_same_unit(best)) {
            break;
        }
        if !repeats(&runs, &places) {
            continue;
        }
        let is_better =
            found.as_ref().is_none_or(|(_, best)| waited(&runs, &places) > waited(&runs, best));
        if is_better {
            found = Some((name, places));
        }
    }
    let (name, places) = found?;
    let steps: Vec<DetectedStep> = places
        .windows(2)
        .map(|pair| {
            let (start_ns, end) = (runs[pair[0]].start, runs[pair[1]].start);
            DetectedStep { start_ns, duration_ns: end - start_ns }
        })
        .collect();
    let mut lengths: Vec<i64> = steps.iter().map(|step| step.duration_ns).collect();
    Some(DetectedSteps {
        detected: true,
        anchor: recording.strings.get(name).to_owned(),
        count: steps.len() as i64,
        mean_ns: mean(sum(&lengths), lengths.len()),
        p50_ns: percentile(&mut lengths, 50),
        p99_ns: percentile(&mut lengths, 99),
        steps,
    })
}

/// The kernels of the stream that has most of them, in order of time.
fn busiest_stream(operations: &Operations) -> Vec<Run> {
    let kernels = |operations: &[Operation]| {
        operations.iter().filter(|operation| matches!(operation.work(), Work::Kernel(_))).count()
    };
    let busiest = operations
        .by_stream()
        .max_by_key(|&(stream, operations)| (kernels(operations), std::cmp::Reverse(stream)));
    let of_busiest = busiest.map_or(&[][..], |(_, operations)| operations).iter();
    of_busiest
        .filter_map(|operation| match operation.work() {
            Work::Kernel(name) => Some(Run { start: operation.start, end: operation.end, name }),
            Work::Copy(_) => None,
        })
        .collect()
}

/// Whether there are about equally many kernels from each place to the next.
fn is_regular(places: &[usize]) -> bool {
    if places.len() < FEWEST {
        return false;
    }
    let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
    let (least, most) = (gaps.clone().min().unwrap_or(0), gaps.max().unwrap_or(0));
    least >= SHORTEST && least * 100 >= most * ALIKE_PCT
}

/// Whether the stretches from place to place hold the same kernels.
fn repeats(runs: &[Run], places: &[usize]) -> bool {
    let mut stretches: Vec<Names> = Vec::with_capacity(places.len());
    for (position, &place) in places.iter().enumerate() {
        let until = places.get(position + 1).copied().unwrap_or(runs.len());
        stretches.push(names(&runs[place..until]));
    }
    if let ([place, ..], [first, .., before, last]) = (places, &stretches[..]) {
        let stray = excess(&names(&runs[..*place]), first) + excess(last, before);
        if stray * 100 > (100 - ALIKE_PCT) * first.values().sum::<usize>() {
            return false;
        }
    }
    // The last stretch may be cut short, or may hold what comes after the last step.
    if let [.., before, last] = &stretches[..]
        && !are_alike(before, last)
    {
        stretches.pop();
    }
    stretches.len() >= FEWEST
        && stretches.windows(2).all(|pair| are_alike(&pair[0], &pair[1]))
        && are_everywhere(&stretches)
}

/// How often each name is in a stretch.
type Names = FxHashMap<StringId, usize>;

fn names(runs: &[Run]) -> Names {
    let mut names = Names::default();
    for run in runs {
        *names.entry(run.name).or_default() += 1;
    }
    names
}

/// How many kernels there are beyond those of a whole stretch.
fn excess(part: &Names, whole: &Names) -> usize {
    let of_whole = |name| whole.get(name).copied().unwrap_or(0);
    part.iter().map(|(name, &count)| count.saturating_sub(of_whole(name))).sum()
}

fn are_alike(left: &Names, right: &Names) -> bool {
    let of_right = |name| right.get(name).copied().unwrap_or(0);
    let common: usize = left.iter().map(|(name, &count)| count.min(of_right(name))).sum();
    let all: usize = left.values().sum::<usize>() + right.values().sum::<usize>();
    2 * common * 100 >= all * ALIKE_PCT
}

/// Whether nearly every name that is in some stretches is in nearly all.
fn are_everywhere(stretches: &[Names]) -> bool {
    let mut seen: FxHashMap<StringId, usize> = FxHashMap::default();
    for &name in stretches.iter().flat_map(FxHashMap::keys) {
        *seen.entry(name).or_default() += 1;
    }
    let repeated = seen.values().filter(|&&count| count > 1);
    // One may be missing, as in a first step that is unlike the others.
    let everywhere = repeated.clone().filter(|&&count| {
        count + 1 >= stretches.len() || count * 100 >= stretches.len() * ALIKE_PCT
    });
    everywhere.count() * 100 >= repeated.count() * ALIKE_PCT
}

/// How long the stream had nothing to run before these places; the first of the stream does not count.
fn waited(runs: &[Run], places: &[usize]) -> i64 {
    let before = |place: usize| {
        Some(runs[place].start.saturating_sub(runs.get(place.checked_sub(1)?)?.end).max(0))
    };
    places.iter().skip(1).filter_map(|&place| before(place)).fold(0, i64::saturating_add)
}
