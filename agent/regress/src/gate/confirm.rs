//! The second look at what alarmed.

use serde::{Deserialize, Serialize};

use crate::compare::{CompareError, Comparison, Metric, MetricRow, Settings, Verdict, compare};

/// What fresh runs say about a metric that alarmed: samples, one non-empty list a run that has the metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fresh {
    /// Of the base runs.
    pub base: Vec<Vec<f64>>,
    /// Of the new runs.
    pub new: Vec<Vec<f64>>,
}

/// An alarm and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmation {
    /// What can be said after the second look; a regression is confirmed.
    pub verdict: Verdict,
    /// The first look, which alarmed.
    pub first: MetricRow,
    /// The second look, on fresh runs alone; `None` where a side has none with this metric.
    pub again: Option<MetricRow>,
}

/// The metrics of a case that became worse at first sight.
pub fn alarms(comparison: &Comparison) -> impl Iterator<Item = &MetricRow> {
    comparison.metrics.iter().filter(|row| row.verdict == Verdict::Regression)
}

/// Fresh runs a side with which all alarms of a case would probably be confirmed, `at_least` to `at_most`.
///
/// An effect that alarmed looks greater than it is, the more so the closer the call was. So what is planned for is the end of
/// its interval that is nearer to no change, but no less than the threshold, below which a change does not matter. The number
/// of runs that finds an effect goes with the inverse square of the effect, and the first look says what its own number of
/// runs would have found with probability 0.8 ([`MetricRow::detectable_pct`]).
#[must_use]
pub fn runs_to_confirm(
    alarms: &[&MetricRow],
    threshold_pct: f64,
    at_least: usize,
    at_most: usize,
) -> usize {
    let needed = alarms.iter().filter_map(|row| {
        let nearest = [row.low_pct?, row.high_pct?].map(log_ratio);
        // An interval that reaches over no change has its nearest end there.
        let same_side = nearest[0].signum() * nearest[1].signum() > 0.0;
        let nearest = if same_side { nearest[0].abs().min(nearest[1].abs()) } else { 0.0 };
        let planned = nearest.max(log_ratio(threshold_pct));
        let found = log_ratio(row.detectable_pct?);
        let runs = row.base.runs.min(row.new.runs) as f64 * (found / planned).powi(2);
        Some(runs.ceil().min(at_most as f64) as usize)
    });
    // What does not vary at all needs no more than the first look had.
    needed.max().unwrap_or(0).clamp(at_least.min(at_most), at_most)
}

/// A change in percent as a log-ratio; changes of -100 % and less are those of a value that vanished.
fn log_ratio(percent: f64) -> f64 {
    (percent / 100.0).max(-0.999_999).ln_1p()
}

/// Tests the alarms of all cases of a gate together, each on its fresh runs alone, in their order.
pub fn confirm(
    alarms: Vec<(MetricRow, Fresh)>,
    settings: &Settings,
) -> Result<Vec<Confirmation>, CompareError> {
    let metrics: Vec<Metric> = alarms
        .iter()
        .map(|(row, fresh)| Metric {
            case: row.case.clone(),
            name: row.name.clone(),
            subject: row.subject.clone(),
            unit: row.unit,
            better: row.better,
            family: row.family,
            base: fresh.base.clone(),
            new: fresh.new.clone(),
        })
        .collect();
    // One comparison of everything that alarmed: its families are those of the whole gate.
    let no_names = (Vec::new(), Vec::new());
    let rows = compare(no_names, &metrics, Vec::new(), false, settings)?.metrics;
    let mut rows = rows.into_iter();
    let confirmations = alarms.into_iter().map(|(first, fresh)| {
        let is_paired = !fresh.base.is_empty() && !fresh.new.is_empty();
        let again = if is_paired { rows.next() } else { None };
        let verdict = again.as_ref().map_or(Verdict::Inconclusive, |row| row.verdict);
        Confirmation { verdict, first, again }
    });
    Ok(confirmations.collect())
}

#[cfg(test)]
mod tests {
    use super::{Fresh, alarms, confirm, runs_to_confirm};
    use crate::compare::{
        Better, Comparison, Family, Metric, MetricRow, Settings, Unit, Verdict, compare,
    };

    fn metric(name: &str, base: &[f64], new: &[f64]) -> Metric {
        let runs = |values: &[f64]| values.iter().map(|value| vec![*value]).collect();
        Metric {
            case: None,
            name: name.to_owned(),
            subject: None,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            family: Family::Headline,
            base: runs(base),
            new: runs(new),
        }
    }

    fn compared(metrics: &[Metric]) -> Comparison {
        let names = (Vec::new(), Vec::new());
        compare(names, metrics, Vec::new(), false, &Settings::default()).unwrap()
    }

    const BASE: [f64; 6] = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2];

    fn slower(percent: f64) -> [f64; 6] {
        BASE.map(|value| value * (1.0 + percent / 100.0))
    }

    fn alarm(name: &str, percent: f64) -> MetricRow {
        let comparison = compared(&[metric(name, &BASE, &slower(percent))]);
        let row = alarms(&comparison).next().expect("no alarm").clone();
        row
    }

    fn fresh(percent: f64) -> Fresh {
        let metric = metric("", &BASE, &slower(percent));
        Fresh { base: metric.base, new: metric.new }
    }

    #[test]
    fn only_what_is_worse_again_is_confirmed() {
        let looked = vec![
            (alarm("a", 10.0), fresh(10.0)),
            (alarm("b", 10.0), Fresh::default()),
            (alarm("c", 10.0), fresh(0.0)),
            (alarm("d", 10.0), fresh(-10.0)),
        ];
        let found = confirm(looked, &Settings::default()).unwrap();
        let verdicts: Vec<_> =
            found.iter().map(|one| (one.first.name.as_str(), one.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("a", Verdict::Regression),
                ("b", Verdict::Inconclusive),
                ("c", Verdict::Equivalent),
                ("d", Verdict::Improvement)
            ]
        );
        assert!(found[1].again.is_none() && found[2].again.is_some());
    }

    /// Forty alarms of which one is borderline again: alone it would pass the test, among the others it does not.
    #[test]
    fn alarms_of_all_cases_are_tested_together() {
        let borderline = || {
            let mut fresh = fresh(0.0);
            fresh.new = [102.5, 103.0, 99.5, 102.0, 101.0, 103.5].map(|value| vec![value]).to_vec();
            fresh
        };
        let alone = confirm(vec![(alarm("a", 10.0), borderline())], &Settings::default()).unwrap();
        assert_eq!(alone[0].verdict, Verdict::Regression);
        let mut many = vec![(alarm("a", 10.0), borderline())];
        many.extend((0..40).map(|_| (alarm("b", 10.0), fresh(0.1))));
        let found = confirm(many, &Settings::default()).unwrap();
        assert_eq!(found[0].verdict, Verdict::Inconclusive);
        assert_eq!(
            found[0].again.as_ref().unwrap().p_value,
            alone[0].again.as_ref().unwrap().p_value
        );
    }

    #[test]
    fn close_calls_get_more_runs() {
        let sizes = |low, high, detectable| {
            let mut row = alarm("a", 10.0);
            (row.low_pct, row.high_pct, row.detectable_pct) = (Some(low), Some(high), detectable);
            runs_to_confirm(&[&row], 2.0, 6, 30)
        };
        // Six runs find 5 %: for 10 % they are more than enough.
        assert_eq!(sizes(10.0, 20.0, Some(5.0)), 6);
        // For 4 % it takes (5/4)² of them; for what is less than the threshold, (5/2)².
        assert_eq!(sizes(4.0, 8.0, Some(5.0)), 10);
        assert_eq!(sizes(0.1, 8.0, Some(3.0)), 14);
        assert_eq!(sizes(-8.0, -4.0, Some(5.0)), 9);
        assert_eq!(sizes(0.1, 8.0, Some(50.0)), 30);
        // Exact values.
        assert_eq!(sizes(5.0, 5.0, None), 6);
        assert_eq!(runs_to_confirm(&[], 2.0, 6, 4), 4);
    }
}
