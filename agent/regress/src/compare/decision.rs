//! The verdict on one metric, and what would be needed where there is none.

use super::document::Verdict;
use super::effect::Effect;
use super::metric::{Better, Metric};
use super::permutation::fewest_runs;
use super::settings::Settings;
use crate::statistic::distribution::{normal_quantile, t_quantile};

/// Chance that a change is found with the number of runs that is named.
const POWER: f64 = 0.8;
/// Numbers of runs above this are not worth naming.
const MOST_RUNS: usize = 1_000;

/// What is said about a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    /// Why there is no better verdict.
    pub(super) reason: Option<String>,
    /// Runs a side with which there would probably be one.
    pub(super) runs_needed: Option<usize>,
    /// The least change that these runs would probably have shown, as a log-ratio.
    pub(super) detectable: Option<f64>,
}

impl Decision {
    pub(super) fn of(
        metric: &Metric,
        effect: &Effect,
        q_value: Option<f64>,
        settings: &Settings,
    ) -> Self {
        let fewest = fewest_runs(settings.false_discovery_rate);
        let say = |verdict| Self { verdict, reason: None, runs_needed: None, detectable: None };
        let open = |reason: String, runs_needed| Self {
            reason: Some(reason),
            runs_needed,
            ..say(Verdict::Inconclusive)
        };
        let changed = |grew| match (metric.better, grew) {
            (Better::Lower, true) | (Better::Higher, false) => Verdict::Regression,
            (Better::Lower, false) | (Better::Higher, true) => Verdict::Improvement,
        };
        let Some(log_ratio) = effect.log_ratio else {
            let first = |runs: &[f64]| runs.first().copied().unwrap_or(0.0);
            let (base, new) = (first(&effect.runs.0), first(&effect.runs.1));
            if effect.is_exact && base.total_cmp(&new).is_ne() {
                return say(changed(new > base));
            }
            return open("a value that is not above 0 has no ratio".to_owned(), None);
        };
        let changed = changed(log_ratio > 0.0);
        let threshold = settings.threshold_log();
        if effect.is_exact {
            return say(if log_ratio.abs() < threshold { Verdict::Equivalent } else { changed });
        }
        if effect.runs.0.len() < 2 || effect.runs.1.len() < 2 {
            // Runs differ at least by what their samples do.
            let at_least = match effect.within {
                Some(within) => runs_to_find(within, threshold, settings),
                None => Some(fewest),
            };
            let reason = "one run on a side: how much runs differ from each other is unknown";
            return open(reason.to_owned(), at_least.map(|runs| runs.max(fewest)));
        }
        let (Some(welch), Some(equivalence)) = (effect.welch, effect.equivalence) else {
            // All values are 0, of runs that are not exact by being several.
            return say(Verdict::Equivalent);
        };
        let n = effect.runs.0.len().min(effect.runs.1.len());
        let reach = t_quantile(0.975, welch.freedom) + normal_quantile(POWER);
        let detectable = Some(reach * welch.error);
        if equivalence.lower > -threshold && equivalence.upper < threshold {
            return Self { detectable, ..say(Verdict::Equivalent) };
        }
        if q_value.is_some_and(|q_value| q_value <= settings.false_discovery_rate) {
            return Self { detectable, ..say(changed) };
        }
        // Standard deviation of one run, as if both sides had as many as the smaller one.
        let sigma = welch.error * (n as f64 / 2.0).sqrt();
        let distance = threshold - log_ratio.abs();
        let to_find = runs_to_find(sigma, log_ratio.abs(), settings);
        let to_exclude =
            if distance > 0.0 { runs_to_find(sigma, distance, settings) } else { None };
        let needed = to_find.into_iter().chain(to_exclude).min();
        let runs_needed = needed.map(|needed| needed.max(n + 1).max(fewest));
        let reason = if n < fewest {
            format!("with fewer than {fewest} runs a side no difference can be told from chance")
        } else if q_value.is_some_and(|_| effect.p_value <= Some(settings.false_discovery_rate)) {
            "among so many metrics a difference like this is expected by chance".to_owned()
        } else {
            "neither a change nor its absence is certain".to_owned()
        };
        Self { detectable, ..open(reason, runs_needed) }
    }
}

/// Runs a side after which a difference of `log_ratio` is found with probability [`POWER`], when one
/// run's logarithm has the standard deviation `sigma`. `None`: more than is worth naming.
fn runs_to_find(sigma: f64, log_ratio: f64, settings: &Settings) -> Option<usize> {
    let alpha = settings.false_discovery_rate;
    let is_enough = |runs: usize| {
        let freedom = 2.0 * (runs as f64 - 1.0);
        let reach = t_quantile(1.0 - alpha / 2.0, freedom) + normal_quantile(POWER);
        reach * sigma * (2.0 / runs as f64).sqrt() <= log_ratio
    };
    // More runs are never worse, so that halving finds the fewest.
    let (mut too_few, mut enough) = (1, MOST_RUNS + 1);
    while enough - too_few > 1 {
        let middle = usize::midpoint(too_few, enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    (enough <= MOST_RUNS).then_some(enough)
}

#[cfg(test)]
mod tests {
    use super::runs_to_find;
    use crate::compare::Settings;

    #[test]
    fn the_number_of_runs_is_that_of_the_textbook() {
        // A difference of one standard deviation, α = 0.05 two-sided, power 0.8: 17 a group.
        assert_eq!(runs_to_find(1.0, 1.0, &Settings::default()), Some(17));
        assert_eq!(runs_to_find(1.0, 0.001, &Settings::default()), None);
    }
}
