//! The next candidate, or why there is none.

use perfagent_predictor::Interval;
use serde::{Deserialize, Serialize};

use super::memory::{is_at_least_as_heavy, is_probably_as_heavy};
use super::prior::Prior;
use super::surrogate::{Axes, Belief, Doubt, Measured, Surrogate, density, probability};
use super::{Candidate, Outcome, Space};

/// Half the width of a 90 % interval in standard deviations.
const NINETY: f64 = 1.644_854;
/// The spread of a scale that nothing is known of: a factor of e³ either way.
const UNKNOWN_SCALE: f64 = 3.0;
/// What a parameter does, where nothing is known.
const UNKNOWN_EFFECT: f64 = 0.3;
/// Nothing is surer than this.
const SUREST: f64 = 0.02;
/// How probable it is that something runs that is probably as heavy as what ran out of memory.
const PROBABLY_TOO_LARGE: f64 = 0.1;
/// With fewer measurements for each parameter intervals are narrower than what is known.
const FEW_FOR_EACH: usize = 2;
/// A candidate is measured at most so often.
const MOST_MEASUREMENTS: usize = 3;
/// So many failures for one and the same reason, and nothing else, are a mistake in the command.
const ALIKE: usize = 3;

/// How the search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Trials at most.
    pub budget: usize,
    /// A candidate that can be better by no more than this share is not worth a trial.
    pub tolerance: f64,
    /// Decides between candidates that are expected alike.
    pub seed: u64,
    /// Whether less is better.
    pub minimise: bool,
}

/// A candidate that has been tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counted from 1.
    pub number: u32,
    /// What was tried.
    pub candidate: Candidate,
    /// What was expected to be measured; nothing where there was no scale yet.
    pub predicted: Option<Interval>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Try this.
    Try {
        /// The candidate.
        candidate: Candidate,
        /// What will probably be measured.
        predicted: Option<Interval>,
    },
    /// Nothing more.
    Stop(Stop),
}

/// Why the search is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Stop {
    /// No candidate that remains can be better by more than the tolerance, as far as its interval goes, and which of the
    /// measured ones is the best is known or was measured often enough.
    Settled,
    /// Everything that can run has run.
    Exhausted,
    /// The budget is used.
    Budget,
    /// Every trial failed for the same reason.
    Alike {
        /// The reason.
        reason: String,
    },
}

/// A search over a space.
pub struct Search<'a> {
    space: &'a Space,
    prior: &'a dyn Prior,
    settings: Settings,
    axes: Axes,
    /// The logarithm of what the prior expects of each candidate, greater is better.
    expected: Vec<f64>,
    /// How far the prior may be off for each candidate before anything is measured, standard deviations.
    deviations: Vec<f64>,
    /// How probable the prior holds it that the candidate's memory suffices.
    fits: Vec<f64>,
    doubt: Doubt,
}

impl<'a> Search<'a> {
    /// Prepares it: the prior is asked once for each candidate.
    #[must_use]
    pub fn new(space: &'a Space, prior: &'a dyn Prior, settings: Settings) -> Self {
        let expectations: Vec<_> = space.candidates().iter().map(|one| prior.expect(one)).collect();
        let sign = if settings.minimise { -1.0 } else { 1.0 };
        let known: Vec<Option<(f64, f64)>> = expectations
            .iter()
            .map(|one| {
                let value = one.value.filter(|value| value.p50 > 0.0 && value.p50.is_finite())?;
                let spread = (value.p95 / value.p05).ln() / (2.0 * NINETY);
                Some((sign * value.p50.ln(), spread))
            })
            .collect();
        let known_ones = || known.iter().flatten();
        let count = known_ones().count() as f64;
        let middle = known_ones().map(|(value, _)| value / count).sum();
        // The median: what lies far outside of all that was measured has an interval beyond all measure.
        let mut spreads: Vec<f64> =
            known_ones().map(|one| one.1).filter(|spread| spread.is_finite()).collect();
        spreads.sort_by(f64::total_cmp);
        let spread = spreads.get(spreads.len() / 2).map(|spread| spread.max(SUREST));
        let scale = spread.filter(|_| prior.is_absolute()).unwrap_or(UNKNOWN_SCALE);
        Self {
            space,
            prior,
            settings,
            axes: Axes::of(space),
            expected: known.iter().map(|one| one.map_or(middle, |(value, _)| value)).collect(),
            deviations: known
                .iter()
                .map(|one| one.map_or(scale, |(_, spread)| spread.max(SUREST)))
                .collect(),
            fits: expectations
                .iter()
                .map(|one| 1.0 - one.oom_probability.clamp(0.0, 1.0))
                .collect(),
            doubt: Doubt {
                offset: scale,
                effect: spread.map_or(UNKNOWN_EFFECT, |spread| spread.min(UNKNOWN_EFFECT)),
            },
        }
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &Space {
        self.space
    }

    /// What is expected of candidates before anything runs.
    #[must_use]
    pub fn prior(&self) -> &'a dyn Prior {
        self.prior
    }

    /// What to do after these trials.
    #[must_use]
    pub fn next(&self, trials: &[Trial]) -> Next {
        if let Some(reason) = alike(trials) {
            return Next::Stop(Stop::Alike { reason });
        }
        let open = self.open(trials);
        if open.is_empty() {
            return Next::Stop(Stop::Exhausted);
        }
        if trials.len() >= self.settings.budget {
            return Next::Stop(Stop::Budget);
        }
        let measured = self.measured(trials);
        if measured.is_empty() {
            return self.without_a_measurement(trials, &open);
        }
        let Some(surrogate) = self.surrogate(&measured) else {
            return self.attempt(open[0], None);
        };
        let best = measured
            .iter()
            .map(|one| surrogate.believe(one.candidate).mean)
            .fold(f64::NEG_INFINITY, f64::max);
        let scored: Vec<(usize, Belief, f64)> = open
            .iter()
            .map(|&at| {
                let belief = surrogate.believe(at);
                let score = improvement(&belief, best) * self.feasibility(at, trials);
                (at, belief, score)
            })
            .collect();
        let reach = best + self.settings.tolerance.max(0.0).ln_1p();
        let hopeful = scored.iter().any(|(_, one, _)| one.mean + NINETY * one.deviation > reach);
        if !hopeful && measured.len() >= FEW_FOR_EACH * self.axes.count() {
            return match undecided(&surrogate, &measured) {
                Some(at) => self.attempt(at, Some((surrogate.believe(at), surrogate.noise()))),
                None => Next::Stop(Stop::Settled),
            };
        }
        let order = |at: usize| mixed(self.settings.seed, at as u64);
        let chosen = scored.iter().max_by(|(a, _, one), (b, _, other)| {
            one.total_cmp(other).then_with(|| order(*a).cmp(&order(*b)))
        });
        match chosen {
            Some((at, belief, _)) => self.attempt(*at, Some((*belief, surrogate.noise()))),
            None => Next::Stop(Stop::Exhausted),
        }
    }

    /// Where a trial's candidate stands in the space.
    fn place(&self, candidate: &Candidate) -> Option<usize> {
        self.space.candidates().iter().position(|known| known == candidate)
    }

    /// What has been measured, as logarithms of which the greater is the better.
    pub(super) fn measured(&self, trials: &[Trial]) -> Vec<Measured> {
        let sign = if self.settings.minimise { -1.0 } else { 1.0 };
        let measured = trials.iter().filter_map(|trial| {
            let value = trial.outcome.value().filter(|value| *value > 0.0 && value.is_finite())?;
            Some(Measured { candidate: self.place(&trial.candidate)?, value: sign * value.ln() })
        });
        measured.collect()
    }

    /// The surrogate after these measurements.
    pub(super) fn surrogate<'b>(&'b self, measured: &'b [Measured]) -> Option<Surrogate<'b>> {
        Surrogate::fit(&self.axes, &self.expected, self.doubt, measured)
    }

    /// The logarithm of what the prior expects of a candidate.
    pub(super) fn expected(&self, candidate: usize) -> f64 {
        self.expected[candidate]
    }

    /// A belief about a measurement, in the objective's unit.
    pub(super) fn interval(&self, belief: &Belief, noise: f64) -> Interval {
        let spread = NINETY * belief.deviation.hypot(noise);
        let sign = if self.settings.minimise { -1.0 } else { 1.0 };
        let at = |value: f64| (sign * value).exp();
        let (low, high) = (at(belief.mean - spread), at(belief.mean + spread));
        Interval { p05: low.min(high), p50: at(belief.mean), p95: low.max(high) }
    }

    /// What has not been tried and is not known to need too much memory.
    fn open(&self, trials: &[Trial]) -> Vec<usize> {
        let too_large: Vec<_> = trials
            .iter()
            .filter(|trial| matches!(trial.outcome, Outcome::OutOfMemory { .. }))
            .map(|trial| &trial.candidate)
            .collect();
        let is_open = |candidate: &Candidate| {
            trials.iter().all(|trial| trial.candidate != *candidate)
                && !too_large.iter().any(|known| is_at_least_as_heavy(candidate, known))
        };
        let all = self.space.candidates().iter().enumerate();
        all.filter(|(_, candidate)| is_open(candidate)).map(|(at, _)| at).collect()
    }

    /// The user's own configuration first; if it does not run, what is most unlike the failures.
    fn without_a_measurement(&self, trials: &[Trial], open: &[usize]) -> Next {
        let chosen = if trials.is_empty() {
            open.first()
        } else {
            open.iter().max_by(|a, b| {
                let hope = |at: usize| self.feasibility(at, trials);
                hope(**a).total_cmp(&hope(**b)).then_with(|| b.cmp(a))
            })
        };
        let Some(&at) = chosen else { return Next::Stop(Stop::Exhausted) };
        let known = self
            .prior
            .is_absolute()
            .then_some((Belief { mean: self.expected[at], deviation: self.deviations[at] }, 0.0));
        self.attempt(at, known)
    }

    /// How probable it is that a candidate runs, by the prior and by what its neighbours did.
    fn feasibility(&self, at: usize, trials: &[Trial]) -> f64 {
        let (mut well, mut all) = (1.0, 1.0);
        for trial in trials {
            let Some(place) = self.place(&trial.candidate) else { continue };
            let weight = self.axes.likeness(at, place);
            all += weight;
            if trial.outcome.value().is_some() {
                well += weight;
            }
        }
        self.fits[at] * well / all * self.memory(at, trials)
    }

    /// How probable it is that the memory suffices, by trials that differ in what has little effect on memory.
    fn memory(&self, at: usize, trials: &[Trial]) -> f64 {
        let candidate = &self.space.candidates()[at];
        let fits = |trial: &Trial| {
            trial.outcome.value().is_some() && is_probably_as_heavy(&trial.candidate, candidate)
        };
        let too_large = |trial: &Trial| {
            matches!(trial.outcome, Outcome::OutOfMemory { .. })
                && is_probably_as_heavy(candidate, &trial.candidate)
        };
        if trials.iter().any(too_large) && !trials.iter().any(fits) {
            PROBABLY_TOO_LARGE
        } else {
            1.0
        }
    }

    fn attempt(&self, at: usize, belief: Option<(Belief, f64)>) -> Next {
        Next::Try {
            candidate: self.space.candidates()[at].clone(),
            predicted: belief.map(|(belief, noise)| self.interval(&belief, noise)),
        }
    }
}

/// Nothing new is worth a trial, but which of those that were measured is the best may be open: one measurement can be
/// luck. Then the one of them that was measured least is measured again.
fn undecided(surrogate: &Surrogate<'_>, measured: &[Measured]) -> Option<usize> {
    let leader = leader(surrogate, measured)?;
    let best = surrogate.believe(leader);
    let count = |at: usize| measured.iter().filter(|one| one.candidate == at).count();
    let may_be_best = |at: &usize| {
        let belief = surrogate.believe(*at);
        let apart = NINETY * belief.deviation.hypot(best.deviation);
        *at == leader || belief.mean + apart > best.mean
    };
    let mut rivals: Vec<usize> =
        measured.iter().map(|one| one.candidate).filter(may_be_best).collect();
    rivals.sort_unstable();
    rivals.dedup();
    // A leader without a rival is known well enough.
    let open = rivals.iter().filter(|_| rivals.len() > 1);
    let open = open.filter(|at| count(**at) < MOST_MEASUREMENTS);
    open.min_by(|a, b| {
        let means = [**a, **b].map(|at| surrogate.believe(at).mean);
        count(**a).cmp(&count(**b)).then(means[1].total_cmp(&means[0]))
    })
    .copied()
}

/// The measured candidate of which most is believed.
pub(super) fn leader(surrogate: &Surrogate<'_>, measured: &[Measured]) -> Option<usize> {
    let mean = |one: &&Measured| surrogate.believe(one.candidate).mean;
    // Of equals the first.
    let best = measured.iter().rev().max_by(|a, b| mean(a).total_cmp(&mean(b)));
    best.map(|one| one.candidate)
}

/// How much a candidate is expected to be better than `best`; what is worse counts as nothing.
fn improvement(belief: &Belief, best: f64) -> f64 {
    let ahead = (belief.mean - best) / belief.deviation;
    // Far behind the two parts cancel to less than nothing.
    (belief.deviation * (ahead * probability(ahead) + density(ahead))).max(0.0)
}

/// The reason of all trials, when there are enough and none is about memory or time.
fn alike(trials: &[Trial]) -> Option<String> {
    let reasons: Option<Vec<&str>> = trials
        .iter()
        .map(|trial| match &trial.outcome {
            Outcome::Failed { reason } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    let reasons = reasons.filter(|reasons| reasons.len() >= ALIKE)?;
    reasons.iter().all(|reason| reason == &reasons[0]).then(|| reasons[0].to_owned())
}

/// A number without order, the same for the same two (`SplitMix64`).
fn mixed(seed: u64, at: u64) -> u64 {
    let mut mixed = seed.wrapping_add(at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
