//! What a case comes to after both looks.

use super::confirm::Confirmation;
use crate::compare::{Comparison, Family, Overall, Verdict};

/// The verdict on a case: that of its first look, in which every alarm has the verdict of the second look.
///
/// An alarm that is neither confirmed nor cleared leaves the case open, even of a detail.
#[must_use]
pub fn settle(first: &Comparison, confirmations: &[Confirmation]) -> Overall {
    if first.verdict == Overall::Incomparable {
        return Overall::Incomparable;
    }
    let again = |verdict| confirmations.iter().any(|one| one.verdict == verdict);
    if again(Verdict::Regression) {
        return Overall::Regression;
    }
    let alarmed = |verdict: Verdict| verdict == Verdict::Regression;
    let headline = || {
        let quiet = first.metrics.iter().filter(|row| !alarmed(row.verdict));
        let quiet = quiet.map(|row| (row.family, row.verdict));
        let looked = confirmations.iter().map(|one| (one.first.family, one.verdict));
        quiet.chain(looked).filter(|(family, _)| *family == Family::Headline).map(|one| one.1)
    };
    if headline().next().is_none()
        || headline().any(|verdict| verdict == Verdict::Inconclusive)
        || again(Verdict::Inconclusive)
    {
        Overall::Inconclusive
    } else if headline().any(|verdict| verdict == Verdict::Improvement) {
        Overall::Improvement
    } else {
        Overall::Equivalent
    }
}

#[cfg(test)]
mod tests {
    use super::settle;
    use crate::compare::{Better, Family, Metric, Overall, Settings, Unit, Verdict, compare};
    use crate::gate::{Confirmation, alarms};

    const RUNS: [f64; 5] = [100.0, 101.0, 99.0, 100.5, 99.5];

    fn metric(name: &str, family: Family, factor: f64) -> Metric {
        let runs = |factor: f64| RUNS.iter().map(|value| vec![value * factor]).collect();
        Metric {
            case: None,
            name: name.to_owned(),
            subject: None,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            family,
            base: runs(1.0),
            new: runs(factor),
        }
    }

    /// The verdict when the alarms of these metrics come to `verdict` at the second look.
    fn settled(metrics: &[Metric], verdict: Verdict) -> Overall {
        let names = (Vec::new(), Vec::new());
        let first = compare(names, metrics, Vec::new(), false, &Settings::default()).unwrap();
        let looked: Vec<_> = alarms(&first)
            .map(|row| Confirmation { verdict, first: row.clone(), again: None })
            .collect();
        settle(&first, &looked)
    }

    #[test]
    fn an_alarm_counts_as_what_it_is_at_the_second_look() {
        let slower = [metric("step_time", Family::Headline, 1.1)];
        assert_eq!(settled(&slower, Verdict::Regression), Overall::Regression);
        assert_eq!(settled(&slower, Verdict::Inconclusive), Overall::Inconclusive);
        assert_eq!(settled(&slower, Verdict::Equivalent), Overall::Equivalent);
        assert_eq!(settled(&slower, Verdict::Improvement), Overall::Improvement);
    }

    #[test]
    fn a_detail_can_fail_a_case_or_leave_it_open_and_no_more() {
        let detail = [
            metric("step_time", Family::Headline, 1.0),
            metric("kernel_time", Family::Detail, 1.5),
        ];
        assert_eq!(settled(&detail, Verdict::Regression), Overall::Regression);
        assert_eq!(settled(&detail, Verdict::Inconclusive), Overall::Inconclusive);
        assert_eq!(settled(&detail, Verdict::Improvement), Overall::Equivalent);
    }

    #[test]
    fn without_a_headline_metric_nothing_is_said() {
        assert_eq!(settled(&[], Verdict::Equivalent), Overall::Inconclusive);
    }
}
