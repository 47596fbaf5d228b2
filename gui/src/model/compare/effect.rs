//! What changed by how much: the rows of the table of metrics and of its picture.

use perfagent_analysis::brief_kernel_name;

use super::document::{Comparison, Family, Metric, Verdict};
use super::quantity::change;

/// Rows of the picture; the table has all.
pub const MOST: usize = 24;

/// One metric in the picture: its change, and the interval that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Its name, short.
    pub label: String,
    /// Its name, whole.
    pub name: String,
    /// One of the figures that a run is judged by.
    pub headline: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// The change, percent.
    pub change_pct: f64,
    /// The 95 % interval, percent; `None` where a side has too few runs to know it.
    pub interval: Option<(f64, f64)>,
}

/// A metric in words: `step time`, `kernel time of gemm`, `gpt: step time`.
#[must_use]
pub fn title(case: Option<&str>, name: &str, subject: Option<&str>) -> String {
    let case = case.map_or_else(String::new, |case| format!("{case}: "));
    let name = name.replace('_', " ");
    match subject {
        Some(step) if name == "loss" => format!("{case}{name} at {step}"),
        Some(subject) => format!("{case}{name} of {subject}"),
        None => format!("{case}{name}"),
    }
}

/// The same as short as kernels' names can be told.
#[must_use]
pub fn short_title(case: Option<&str>, name: &str, subject: Option<&str>) -> String {
    let brief = subject.map(|subject| short_subject(name, subject));
    let name = if subject.is_some() { name.trim_start_matches("kernel_") } else { name };
    title(case, name, brief.as_deref())
}

/// What a metric is of, short where it is a kernel.
#[must_use]
pub fn short_subject(metric: &str, subject: &str) -> String {
    if metric.starts_with("kernel") { brief_kernel_name(subject) } else { subject.to_owned() }
}

/// The verdict as sign and word.
#[must_use]
pub fn verdict(metric: &Metric) -> String {
    format!("{} {}", metric.verdict.sign(), metric.verdict.word())
}

/// The metrics with a change to draw: headline metrics, then what changed for certain, then the others, at most
/// [`MOST`].
#[must_use]
pub fn effects(comparison: &Comparison) -> Vec<Effect> {
    let place = |metric: &&Metric| {
        let decided = matches!(metric.verdict, Verdict::Regression | Verdict::Improvement);
        (metric.family != Family::Headline, !decided)
    };
    let mut metrics: Vec<&Metric> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.change_pct.is_some_and(f64::is_finite))
        // Counts that are the same to the last one say nothing in a picture of intervals.
        .filter(|metric| metric.unit != "count" || metric.change_pct != Some(0.0))
        .collect();
    // Stable: within a place they stay as they are told, the heaviest first.
    metrics.sort_by_key(place);
    metrics.truncate(MOST);
    metrics
        .into_iter()
        .map(|metric| {
            let (case, subject) = (metric.case.as_deref(), metric.subject.as_deref());
            Effect {
                label: short_title(case, &metric.name, subject),
                name: title(case, &metric.name, subject),
                headline: metric.family == Family::Headline,
                verdict: metric.verdict,
                change_pct: metric.change_pct.unwrap_or_default(),
                interval: metric.low_pct.zip(metric.high_pct),
            }
        })
        .collect()
}

impl Effect {
    /// All of it in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let interval = self.interval.map_or_else(
            || "interval not known".to_owned(),
            |(low, high)| format!("95 % interval {} to {}", change(low), change(high)),
        );
        format!("{}: {} ({interval}), {}", self.name, change(self.change_pct), self.verdict.word())
    }
}

#[cfg(test)]
mod tests {
    use super::{effects, short_title, title, verdict};
    use crate::model::compare::document::{Comparison, Family, Metric, Verdict};

    fn metric(name: &str, family: Family, verdict: Verdict, change: Option<f64>) -> Metric {
        Metric { name: name.into(), family, verdict, change_pct: change, ..Metric::default() }
    }

    #[test]
    fn headline_metrics_come_first_then_what_changed() {
        let comparison = Comparison {
            metrics: vec![
                metric("a", Family::Detail, Verdict::Inconclusive, Some(1.0)),
                metric("b", Family::Detail, Verdict::Regression, Some(9.0)),
                metric("c", Family::Headline, Verdict::Equivalent, Some(0.1)),
                metric("d", Family::Headline, Verdict::Equivalent, None),
            ],
            ..Comparison::default()
        };
        let names: Vec<String> = effects(&comparison).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }

    #[test]
    fn a_verdict_is_a_sign_and_a_word() {
        assert_eq!(verdict(&Metric::default()), "? Inconclusive");
        let worse = Metric { verdict: Verdict::Regression, ..Metric::default() };
        assert_eq!(verdict(&worse), "! Regression");
    }

    #[test]
    fn titles_say_what_a_metric_is_of() {
        assert_eq!(title(Some("gpt"), "step_time", None), "gpt: step time");
        assert_eq!(title(None, "loss", Some("step 3")), "loss at step 3");
        assert_eq!(
            short_title(None, "kernel_time", Some("void gemm<float>(float*)")),
            "time of gemm<float>"
        );
    }
}
