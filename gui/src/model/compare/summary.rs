//! The whole of a comparison in a few sentences.

use super::document::{Comparison, Family, Metric, Verdict, Weight};
use super::effect::title;
use super::quantity::{change, interval};

/// Runs that are named; of more their number is told.
const MOST_NAMES: usize = 4;

/// What the verdict rests on, one sentence.
#[must_use]
pub fn sentence(comparison: &Comparison) -> String {
    let of = |verdict: Verdict| {
        comparison.metrics.iter().filter(move |metric| metric.verdict == verdict)
    };
    let first = |verdict| -> Option<String> {
        let count = of(verdict).count();
        let headline = of(verdict).find(|metric| metric.family == Family::Headline);
        let metric = headline.or_else(|| of(verdict).next())?;
        let more = match count - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("{}{more}", told(metric)))
    };
    match comparison.verdict {
        Verdict::Regression => first(Verdict::Regression),
        Verdict::Improvement => first(Verdict::Improvement),
        Verdict::Equivalent => Some(format!(
            "Every headline metric is the same within {} %",
            super::quantity::significant(comparison.threshold_pct)
        )),
        Verdict::Inconclusive => open(comparison),
        Verdict::Incomparable => {
            let differences = &comparison.environment.differences;
            let decisive =
                differences.iter().filter(|fact| fact.weight == Weight::Decisive).count();
            Some(format!(
                "Nothing was compared: the environments differ in {}",
                crate::units::counted(decisive as u64, "decisive fact")
            ))
        }
    }
    .unwrap_or_else(|| "The two sides have no metric in common".to_owned())
}

fn told(metric: &Metric) -> String {
    let name = title(metric.case.as_deref(), &metric.name, metric.subject.as_deref());
    let change =
        metric.change_pct.map_or_else(String::new, |percent| format!(" {}", change(percent)));
    let interval = interval(metric.low_pct, metric.high_pct)
        .map_or_else(String::new, |interval| format!(" (95 % interval {interval})"));
    let mut text = format!("{name}{change}{interval}");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// What is open, and what would decide it.
fn open(comparison: &Comparison) -> Option<String> {
    let open = |metric: &&Metric| {
        metric.family == Family::Headline && metric.verdict == Verdict::Inconclusive
    };
    let metric = comparison.metrics.iter().find(open)?;
    let decide = metric.runs_needed.map_or_else(
        || "no sensible number of further runs would decide it".to_owned(),
        |runs| format!("{runs} runs a side would probably decide it"),
    );
    Some(format!("{} is open; {decide}", told(metric)))
}

/// The runs of a side: how many, and their names.
#[must_use]
pub fn runs(paths: &[String]) -> String {
    let name =
        |path: &String| path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path).to_owned();
    let shown: Vec<String> = paths.iter().take(MOST_NAMES).map(name).collect();
    let more = match paths.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}: {}{more}", crate::units::counted(paths.len() as u64, "run"), shown.join(", "))
}

/// Each reason for an open verdict once, with how many metrics it holds for.
#[must_use]
pub fn reasons(comparison: &Comparison) -> Vec<(String, usize)> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for reason in comparison.metrics.iter().filter_map(|metric| metric.reason.as_ref()) {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason.clone(), 1)),
        }
    }
    reasons
}

/// Whether both sides train alike; `None` where they tell no losses.
#[must_use]
pub fn losses(comparison: &Comparison) -> Option<String> {
    let losses = comparison.detail.losses.as_ref()?;
    let steps = crate::units::counted(losses.steps as u64, "step");
    Some(match (losses.equal, &losses.first_difference) {
        (Some(true), _) => format!("The losses of {steps} are equal to the last bit"),
        (Some(false), Some(first)) => {
            let loss = |loss: Option<f64>| {
                loss.map_or_else(|| "not finite".to_owned(), |loss| loss.to_string())
            };
            format!(
                "The losses differ from step {} on: {} on the base side, {} on the new one",
                first.step,
                loss(first.base),
                loss(first.new)
            )
        }
        _ => format!("The losses of {steps} differ already between runs of the same side"),
    })
}

#[cfg(test)]
mod tests {
    use super::{runs, sentence};
    use crate::model::compare::document::{Comparison, Family, Metric, Verdict};

    #[test]
    fn the_verdict_is_told_with_what_it_rests_on() {
        let metric = |verdict, family| Metric {
            name: "step_time".into(),
            family,
            verdict,
            change_pct: Some(5.7),
            low_pct: Some(4.9),
            high_pct: Some(6.6),
            runs_needed: Some(12),
            ..Metric::default()
        };
        let of = |verdict, metrics| Comparison { verdict, metrics, ..Comparison::default() };
        let worse = of(
            Verdict::Regression,
            vec![
                metric(Verdict::Regression, Family::Detail),
                metric(Verdict::Regression, Family::Headline),
            ],
        );
        assert_eq!(
            sentence(&worse),
            "Step time +5.7 % (95 % interval +4.9 % to +6.6 %), and 1 more"
        );
        let open = of(Verdict::Inconclusive, vec![metric(Verdict::Inconclusive, Family::Headline)]);
        assert!(sentence(&open).ends_with("is open; 12 runs a side would probably decide it"));
        assert_eq!(
            sentence(&of(Verdict::Inconclusive, vec![])),
            "The two sides have no metric in common"
        );
    }

    #[test]
    fn runs_are_named_by_their_last_part() {
        let paths: Vec<String> = (1..=6).map(|run| format!("/data/run-{run}.perfdb")).collect();
        assert_eq!(runs(&paths[..1]), "1 run: run-1.perfdb");
        assert!(runs(&paths).ends_with("run-4.perfdb and 2 more"));
    }
}
