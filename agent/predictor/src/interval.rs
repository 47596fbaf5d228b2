//! How far measured jobs lay from their predictions, by class of job: 90 % intervals.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::effects::Figure;
use crate::fit::Held;
use crate::gpu::Generation;
use crate::setup::Setup;
use crate::time;

/// Fewer jobs than this are no class of their own.
const ENOUGH: usize = 20;

/// The jobs of one model are off together, so the next model's are further off than few models' jobs lead to expect: a spread
/// is wider by this share over the root of the groups that it is of. Chosen so that 90 % intervals cover 90 % of the held-out jobs.
const FEW_GROUPS: f64 = 0.6;

/// Measured by predicted, as natural logarithms that one in twenty is below, and one in twenty above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// One in twenty is below.
    pub p05: f64,
    /// One in twenty is above.
    pub p95: f64,
    /// Jobs that it is of.
    pub jobs: usize,
}

/// Spreads by class.
pub(crate) type Spreads = BTreeMap<String, Spread>;

/// The class of jobs of frameworks that no measured job had.
pub(crate) const UNSEEN: &str = "unseen";
/// The class of jobs next to one that was measured: the difference of what is left over within a group.
const ANCHORED: &str = "anchored";

/// The framework's name, told apart on early GPUs: measurements on those were made on clusters that varied more, says who
/// made them.
pub(crate) fn family(setup: &Setup) -> String {
    let name = setup.framework.name();
    let early = matches!(setup.gpu.generation, Generation::Volta | Generation::Other);
    if early { format!("{name}/early") } else { name.to_owned() }
}

/// Names of a job's classes, from the particular to the general.
pub(crate) fn classes(setup: &Setup, figure: Figure, calibration: &Calibration) -> Vec<String> {
    let family = family(setup);
    let machines = if setup.nodes > 1.0 { "many" } else { "one" };
    let mut classes = Vec::new();
    if figure == Figure::Time {
        let constants = calibration.constants(setup.framework, setup.gpu.generation);
        let stalled = time::stalled(setup, constants);
        let calm = if stalled < 0.02 {
            "calm"
        } else if stalled < 0.6 {
            "unsettled"
        } else {
            "stalled"
        };
        let staged = if setup.pp > 1.0 { "staged" } else { "whole" };
        classes.push(format!("{family}/{machines}/{calm}/{staged}"));
        classes.push(format!("{family}/{machines}/{calm}"));
    } else {
        let wide = if setup.tp >= 8.0 { "wide" } else { "narrow" };
        let large = if setup.tokens() > 10_000.0 { "long" } else { "short" };
        classes.push(format!("{family}/{wide}/{large}"));
        classes.push(format!("{family}/{wide}"));
    }
    classes.push(format!("{family}/{machines}"));
    classes.push(family);
    classes.push(setup.framework.name().to_owned());
    classes.push("all".to_owned());
    classes
}

/// The spread of the first class that is known.
pub(crate) fn find(spreads: &Spreads, classes: &[String]) -> Option<Spread> {
    classes.iter().find_map(|class| spreads.get(class)).copied()
}

/// Spreads of all classes with enough jobs, of `held` jobs of `figure`.
pub(crate) fn spreads(held: &[&Held], figure: Figure) -> Spreads {
    let mut lefts = BTreeMap::<&str, (Vec<f64>, BTreeSet<&str>)>::new();
    let mut unseen = Vec::new();
    for job in held.iter().filter(|job| job.figure == figure) {
        for class in &job.classes {
            let (lefts, groups) = lefts.entry(class).or_default();
            lefts.push(job.left());
            groups.insert(&job.group);
        }
        // Stalls are one framework's habit: another one's runs have no such tail.
        if !job.classes.iter().any(|class| is_stalled(class)) {
            unseen.push((job.measured / job.unseen).ln());
        }
    }
    let mut spreads: Spreads = lefts
        .into_iter()
        .filter(|(class, (lefts, _))| lefts.len() >= ENOUGH || *class == "all")
        .map(|(class, (lefts, groups))| {
            let few = 1.0 + FEW_GROUPS / (groups.len() as f64).sqrt();
            (class.to_owned(), Spread::of(lefts).times(few))
        })
        .collect();
    if !unseen.is_empty() {
        spreads.insert(UNSEEN.to_owned(), Spread::of(unseen));
        for (family, differences) in neighbours(held, figure) {
            if differences.len() >= ENOUGH {
                spreads.insert(format!("{ANCHORED}/{family}"), Spread::of(differences));
            }
        }
    }
    spreads
}

fn is_stalled(class: &str) -> bool {
    class.split('/').any(|part| part == "unsettled" || part == "stalled")
}

/// Differences of what is left over between each job and the next of its cell, by framework and of all: the error of saying
/// "this one is so many times that one", once that one was measured.
fn neighbours(held: &[&Held], figure: Figure) -> BTreeMap<String, Vec<f64>> {
    let mut cells = BTreeMap::<&str, Vec<&Held>>::new();
    for job in held.iter().filter(|job| job.figure == figure) {
        cells.entry(&job.cell).or_default().push(job);
    }
    let mut differences = BTreeMap::<String, Vec<f64>>::new();
    for jobs in cells.values() {
        for pair in jobs.windows(2) {
            let difference = pair[1].left() - pair[0].left();
            // Stalls are one framework's: they say nothing of others.
            let is_calm = pair.iter().all(|job| !job.classes.iter().any(|class| is_stalled(class)));
            for family in [Some(pair[0].family.as_str()), is_calm.then_some("all")] {
                let Some(family) = family else { continue };
                differences.entry(family.to_owned()).or_default().extend([difference, -difference]);
            }
        }
    }
    differences
}

/// The spread of the ratio of a job to one beside it that was measured.
pub(crate) fn anchored(spreads: &Spreads, family: &str) -> Option<Spread> {
    [family, "all"].iter().find_map(|name| spreads.get(&format!("{ANCHORED}/{name}"))).copied()
}

impl Spread {
    /// Conformal quantiles: of n jobs, the next one lies between with the stated probability, for (n + 1) takes the place
    /// of n.
    fn of(mut lefts: Vec<f64>) -> Self {
        lefts.sort_by(f64::total_cmp);
        let jobs = lefts.len();
        let at = |share: f64| {
            let rank = share * (jobs + 1) as f64;
            let rank = if share < 0.5 { rank.floor() } else { rank.ceil() };
            lefts[(rank.max(1.0) as usize - 1).min(jobs - 1)]
        };
        Self { p05: at(0.05), p95: at(0.95), jobs }
    }

    /// The nearer end of both on each side.
    pub(crate) fn narrower(self, other: Self) -> Self {
        Self { p05: self.p05.max(other.p05), p95: self.p95.min(other.p95), ..self }
    }

    /// Wider (or narrower) by a factor.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { p05: self.p05.min(0.0) * factor, p95: self.p95.max(0.0) * factor, ..self }
    }
}
