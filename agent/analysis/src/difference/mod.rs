//! What two runs of a program do differently: kernels and operators that appeared, vanished, run more or less often, or take
//! more or less time, and where in a step.
//!
//! They are compared by name and by step, so that recordings of different lengths can be compared. A kernel belongs to the
//! step in which it was launched or, where its call is not known or the steps were only detected, in which it began; an
//! operator to the one in which it began. Without any steps the whole recording is one. The order is that of the kernels by
//! start in the step of median length of each run.

mod profile;
mod rename;

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

use perfagent_recording::Recording;
use serde::Serialize;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::rank::RankAnalysis;

use profile::OperatorSum;
pub use profile::StepProfile;

/// One kernel name in two runs. All figures are means of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// One operator name in two runs. All figures are means of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OperatorDifference {
    /// Its name.
    pub name: String,
    /// How often it ran in the first.
    pub base_count: f64,
    /// How often it ran in the second.
    pub new_count: f64,
    /// Its own time on the host in the first, without what is nested in it, ns.
    pub base_host_ns: f64,
    /// The same in the second, ns.
    pub new_host_ns: f64,
    /// Time of the GPU operations that it launched itself in the first, ns.
    pub base_gpu_ns: f64,
    /// The same in the second, ns.
    pub new_gpu_ns: f64,
}

impl OperatorDifference {
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

    /// Change of the time of a step on the GPU, ns.
    #[must_use]
    pub fn change_gpu_ns(&self) -> f64 {
        self.new_gpu_ns - self.base_gpu_ns
    }

    /// Change of the time of a step on the host, ns.
    #[must_use]
    pub fn change_host_ns(&self) -> f64 {
        self.new_host_ns - self.base_host_ns
    }
}

/// A place in a step where the order of the kernels differs: the first run has some there and the second others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Steps of the first; 0 when it has none and is taken as a whole.
    pub base_steps: usize,
    /// Steps of the second.
    pub new_steps: usize,
    /// Every kernel name of either, greatest change of time first.
    pub kernels: Vec<KernelDifference>,
    /// Every operator name of either, greatest change of time on GPU and host first.
    pub operators: Vec<OperatorDifference>,
    /// Where the order of a step differs, in order.
    pub order: Vec<OrderDifference>,
    /// Kernels that only changed their name: the one that vanished and the one that appeared, by position in `kernels`.
    pub renames: Vec<(usize, usize)>,
    /// How many kernels of a step are the same in the same order.
    pub common: usize,
}

/// Compares a rank of one recording with a rank of another.
#[must_use]
pub fn difference(
    base: (&Recording, &RankAnalysis),
    new: (&Recording, &RankAnalysis),
) -> Difference {
    Difference::between(&StepProfile::of(base.0, base.1), &StepProfile::of(new.0, new.1))
}

impl Difference {
    /// Compares the steps of two runs, or of two sets of runs.
    #[must_use]
    pub fn between(base: &StepProfile, new: &StepProfile) -> Self {
        let mut kernels: BTreeMap<&str, KernelDifference> = BTreeMap::new();
        for (name, &(count, time)) in &base.kernels {
            let row = kernels.entry(name).or_default();
            (row.base_count, row.base_ns) = (base.mean(count), base.mean(time));
        }
        for (name, &(count, time)) in &new.kernels {
            let row = kernels.entry(name).or_default();
            (row.new_count, row.new_ns) = (new.mean(count), new.mean(time));
        }
        let mut kernels: Vec<KernelDifference> = kernels
            .into_iter()
            .map(|(name, row)| KernelDifference { name: name.to_owned(), ..row })
            .collect();
        kernels.sort_by(|a, b| b.change_ns().abs().total_cmp(&a.change_ns().abs()));
        let positions: FxHashMap<&str, usize> =
            kernels.iter().enumerate().map(|(at, row)| (row.name.as_str(), at)).collect();
        let numbers = |order: &[String]| -> Vec<usize> {
            order.iter().filter_map(|name| positions.get(name.as_str()).copied()).collect()
        };
        let (order, common) = align(&numbers(&base.order), &numbers(&new.order));
        let operators = operators(base, new);
        let renames = rename::renames(&kernels, &order);
        let (base_steps, new_steps) = (base.steps, new.steps);
        Self { base_steps, new_steps, kernels, operators, order, renames, common }
    }

    /// The names of the kernels that only changed their name, before and after.
    #[must_use]
    pub fn renamed(&self) -> Vec<(String, String)> {
        let name = |at: usize| self.kernels.get(at).map(|kernel| kernel.name.clone());
        self.renames.iter().filter_map(|&(old, new)| Some((name(old)?, name(new)?))).collect()
    }
}

fn operators(base: &StepProfile, new: &StepProfile) -> Vec<OperatorDifference> {
    let mut operators: BTreeMap<&str, OperatorDifference> = BTreeMap::new();
    for (name, OperatorSum { count, host, gpu }) in &base.operators {
        let row = operators.entry(name).or_default();
        row.base_count = base.mean(*count);
        (row.base_host_ns, row.base_gpu_ns) = (base.mean(*host), base.mean(*gpu));
    }
    for (name, OperatorSum { count, host, gpu }) in &new.operators {
        let row = operators.entry(name).or_default();
        row.new_count = new.mean(*count);
        (row.new_host_ns, row.new_gpu_ns) = (new.mean(*host), new.mean(*gpu));
    }
    let mut operators: Vec<OperatorDifference> = operators
        .into_iter()
        .map(|(name, row)| OperatorDifference { name: name.to_owned(), ..row })
        .collect();
    let change =
        |row: &OperatorDifference| row.change_gpu_ns().abs().max(row.change_host_ns().abs());
    operators.sort_by(|a, b| change(b).total_cmp(&change(a)));
    operators
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
