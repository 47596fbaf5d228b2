//! What a search has come to: the best, and how far predictions were right.

use perfagent_predictor::Interval;
use serde::Serialize;

use super::Candidate;
use super::search::{Search, Trial, leader};

/// The whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// The trial of the candidate of which most is believed, the median one of several; `None` when nothing was measured.
    pub best: Option<Trial>,
    /// The first that was measured.
    pub first: Option<Trial>,
    /// Predictions against measurements.
    pub errors: Errors,
    /// What the fitted model says of each trial that was measured, without that trial; in the order of the trials.
    pub refitted: Vec<Option<Interval>>,
}

/// Medians of the absolute error in percent, over the trials that were measured. `None`: too few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Errors {
    /// Of the prior alone; of one without a scale, with the first trial's.
    pub prior_pct: Option<f64>,
    /// Of what was predicted just before each trial, fitted to the trials before it.
    pub ahead_pct: Option<f64>,
    /// After the last trial: of each trial from all others.
    pub refitted_pct: Option<f64>,
    /// Predictions before trials, and how many of their 90 % intervals held the measurement.
    pub intervals: usize,
    /// Those that did.
    pub held: usize,
}

impl Account {
    /// Of these trials.
    #[must_use]
    pub fn of(search: &Search<'_>, trials: &[Trial]) -> Self {
        let measured = search.measured(trials);
        let ran: Vec<&Trial> =
            trials.iter().filter(|trial| trial.outcome.value().is_some()).collect();
        let surrogate = if measured.len() > 1 { search.surrogate(&measured) } else { None };
        let best = match surrogate.as_ref().and_then(|of| leader(of, &measured)) {
            Some(at) => typical(&ran, &search.space().candidates()[at]),
            None => ran.first().copied(),
        };
        let anchor = match measured.first() {
            Some(first) if !search.prior().is_absolute() => {
                first.value - search.expected(first.candidate)
            }
            _ => 0.0,
        };
        let skipped = usize::from(!search.prior().is_absolute());
        let prior: Vec<f64> = measured
            .iter()
            .skip(skipped)
            .map(|one| error_pct(search.expected(one.candidate) + anchor - one.value))
            .collect();
        let (mut ahead, mut held) = (Vec::new(), 0);
        for trial in &ran {
            if let Some((predicted, value)) = trial.predicted.zip(trial.outcome.value()) {
                ahead.push(100.0 * (predicted.p50 / value - 1.0).abs());
                held += usize::from((predicted.p05..=predicted.p95).contains(&value));
            }
        }
        let beliefs = surrogate.map_or_else(Vec::new, |surrogate| surrogate.leave_one_out());
        let left_out: Vec<f64> = beliefs
            .iter()
            .zip(&measured)
            .map(|(belief, one)| error_pct(belief.mean - one.value))
            .collect();
        let mut intervals = beliefs.iter().map(|belief| search.interval(belief, 0.0));
        let refitted = trials
            .iter()
            .map(|trial| trial.outcome.value().and_then(|_| intervals.next()))
            .collect();
        let errors = Errors {
            prior_pct: median(prior),
            ahead_pct: median(ahead.clone()),
            refitted_pct: median(left_out),
            intervals: ahead.len(),
            held,
        };
        Self {
            best: best.cloned(),
            first: ran.first().map(|trial| (*trial).clone()),
            errors,
            refitted,
        }
    }
}

/// Of the trials of a candidate the one with the median measurement, of two the first.
fn typical<'a>(ran: &[&'a Trial], candidate: &Candidate) -> Option<&'a Trial> {
    let value = |trial: &&Trial| trial.outcome.value().unwrap_or(f64::NAN);
    let mut own: Vec<&Trial> =
        ran.iter().filter(|trial| trial.candidate == *candidate).copied().collect();
    if own.len() > 2 {
        own.sort_by(|a, b| value(a).total_cmp(&value(b)));
    }
    own.get(own.len().saturating_sub(1) / 2).copied()
}

/// A difference of logarithms as an error in percent of what was measured.
fn error_pct(difference: f64) -> f64 {
    100.0 * (difference.exp() - 1.0).abs()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        count if count % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
