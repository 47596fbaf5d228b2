//! What two runs of a program do differently on the GPU: kernels that appeared, vanished, run more or less often, or take more
//! or less time, and where in a step.
//!
//! Kernels are compared by name and by step, so that recordings of different lengths can be compared. A kernel belongs to the
//! step in which it was launched or, where its call is not known or the steps were only detected, in which it began. Without
//! any steps the whole recording is one. The order is that of the kernels by start in the step of median length of each run.

use std::collections::{BTreeMap, HashMap};

use perfagent_recording::Recording;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::operation::{Operations, Work};
use crate::period;
use crate::rank::RankAnalysis;

/// One kernel name in two runs. All figures are means of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KernelDifference {
    /// Its full name.
    pub name: String,
    /// How often it ran in the first.
    pub base_count: f64,
    /// How often it ran in the second.
    pub new_count: f64,
    /// Its time in the first, ns.
    pub base_ns: f64,
    /// Its time in the second, ns.
    pub new_ns: f64,
}

impl KernelDifference {
    /// It runs in the second only.
    #[must_use]
    pub fn appeared(&self) -> bool {
        self.base_count == 0.0
    }

    /// It runs in the first only.
    #[must_use]
    pub fn vanished(&self) -> bool {
        self.new_count == 0.0
    }

    /// Change of the time of a step, ns.
    #[must_use]
    pub fn change_ns(&self) -> f64 {
        self.new_ns - self.base_ns
    }
}

/// A place in a step where the order of the kernels differs: the first run has some there and the second others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderDifference {
    /// After how many kernels of the first run's step.
    pub base_place: usize,
    /// After how many kernels of the second run's step.
    pub new_place: usize,
    /// What the first runs there, by position in [`Difference::kernels`].
    pub base: Vec<usize>,
    /// What the second runs there.
    pub new: Vec<usize>,
}

/// What differs between two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Steps of the first; 0 when it has none and is taken as a whole.
    pub base_steps: usize,
    /// Steps of the second.
    pub new_steps: usize,
    /// Every kernel name of either, greatest change of time first.
    pub kernels: Vec<KernelDifference>,
    /// Where the order of a step differs, in order.
    pub order: Vec<OrderDifference>,
    /// How many kernels of a step are the same in the same order.
    pub common: usize,
}

/// Kernels of one run, by step.
struct Run<'a> {
    steps: usize,
    /// Count and time over all steps.
    names: BTreeMap<&'a str, (i64, i64)>,
    /// The names of the step of median length, in order.
    order: Vec<&'a str>,
}

/// Compares a rank of one recording with a rank of another.
#[must_use]
pub fn difference(
    base: (&Recording, &RankAnalysis),
    new: (&Recording, &RankAnalysis),
) -> Difference {
    let (base, new) = (Run::of(base.0, base.1), Run::of(new.0, new.1));
    let mut kernels: BTreeMap<&str, KernelDifference> = BTreeMap::new();
    for (&name, figures) in &base.names {
        let row = kernels.entry(name).or_default();
        (row.base_count, row.base_ns) = base.mean(*figures);
    }
    for (&name, figures) in &new.names {
        let row = kernels.entry(name).or_default();
        (row.new_count, row.new_ns) = new.mean(*figures);
    }
    let mut kernels: Vec<KernelDifference> = kernels
        .into_iter()
        .map(|(name, row)| KernelDifference { name: name.to_owned(), ..row })
        .collect();
    kernels.sort_by(|a, b| b.change_ns().abs().total_cmp(&a.change_ns().abs()));
    let positions: HashMap<&str, usize> =
        kernels.iter().enumerate().map(|(position, row)| (row.name.as_str(), position)).collect();
    let numbers = |order: &[&str]| -> Vec<usize> {
        order.iter().filter_map(|name| positions.get(name).copied()).collect()
    };
    let (left, right) = (numbers(&base.order), numbers(&new.order));
    let (order, common) = align(&left, &right);
    Difference { base_steps: base.steps, new_steps: new.steps, kernels, order, common }
}

/// Where two orders differ, and how much they have in common.
fn align(left: &[usize], right: &[usize]) -> (Vec<OrderDifference>, usize) {
    let mut places: Vec<OrderDifference> = Vec::new();
    let (mut base_place, mut new_place, mut common) = (0, 0, 0);
    let mut is_new_place = true;
    for operation in capture_diff_slices(Algorithm::Patience, left, right) {
        // Of what is only in one of them the place in the other is not told; lengths are.
        let (base, new) = (operation.old_range().len(), operation.new_range().len());
        if operation.tag() == DiffTag::Equal {
            common += base;
            is_new_place = true;
        } else {
            if is_new_place {
                places.push(OrderDifference { base_place, new_place, ..Default::default() });
                is_new_place = false;
            }
            if let Some(place) = places.last_mut() {
                place.base.extend(left.iter().skip(base_place).take(base));
                place.new.extend(right.iter().skip(new_place).take(new));
            }
        }
        (base_place, new_place) = (base_place + base, new_place + new);
    }
    (places, common)
}

impl<'a> Run<'a> {
    fn of(recording: &'a Recording, rank: &RankAnalysis) -> Self {
        let marked: Vec<(i64, i64)> = rank
            .steps()
            .iter()
            .map(|step| (step.start_ns, step.start_ns.saturating_add(step.duration_ns)))
            .collect();
        let by_launch = !marked.is_empty();
        let steps = if by_launch { marked } else { found(recording, rank.operations()) };
        let median = median(&steps);
        let mut run = Run { steps: steps.len(), names: BTreeMap::new(), order: Vec::new() };
        let mut of_median = Vec::new();
        for operation in rank.operations().iter() {
            let Work::Kernel(name) = operation.work() else { continue };
            let launched = operation.launched().filter(|_| by_launch);
            let time = launched.unwrap_or(operation.start);
            let step = steps.partition_point(|step| step.0 <= time).checked_sub(1);
            let step = step.filter(|&step| time < steps[step].1);
            if !steps.is_empty() && step.is_none() {
                continue;
            }
            let name = recording.strings.get(name);
            let (count, total) = run.names.entry(name).or_default();
            (*count, *total) = (*count + 1, total.saturating_add(operation.end - operation.start));
            if step == median {
                of_median.push((operation.start, operation.end, name));
            }
        }
        of_median.sort_unstable();
        run.order = of_median.into_iter().map(|(.., name)| name).collect();
        run
    }

    fn mean(&self, (count, total): (i64, i64)) -> (f64, f64) {
        let steps = self.steps.max(1) as f64;
        (count as f64 / steps, total as f64 / steps)
    }
}

fn found(recording: &Recording, operations: &Operations) -> Vec<(i64, i64)> {
    let found = period::detected(recording, operations).map(|found| found.steps);
    let steps = found.unwrap_or_default().into_iter();
    steps.map(|step| (step.start_ns, step.start_ns.saturating_add(step.duration_ns))).collect()
}

/// The step of median length; `None` when there are none.
fn median(steps: &[(i64, i64)]) -> Option<usize> {
    let mut by_length: Vec<usize> = (0..steps.len()).collect();
    by_length.sort_by_key(|&step| steps[step].1 - steps[step].0);
    by_length.get(steps.len().checked_sub(1)? / 2).copied()
}
