//! A run and what was measured in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Something about the place where a run was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What: `gpu`, `driver`, `cpu`, …
    pub name: String,
    /// What it is; `None` where nobody said.
    pub value: Option<String>,
    /// Whether runs that differ in it must not be compared.
    pub decisive: bool,
}

/// What was measured of one thing in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured: `step_time`, `latency`, …
    pub name: String,
    /// Of what, where there are many: a benchmark, a kernel.
    pub subject: Option<String>,
    /// The unit of the samples; empty where nobody said.
    pub unit: String,
    /// Which way it should go.
    pub better: Better,
    /// Whether the run is judged by it, or it only says where a change comes from.
    pub family: Family,
    /// All samples of the run, at least one.
    pub samples: Vec<f64>,
    /// Lower and upper bound of the value, where the file has one value and its bounds.
    pub bounds: Option<(f64, f64)>,
}

impl Measurement {
    /// The value of the run: the median of its samples.
    #[must_use]
    pub fn value(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        match (sorted.len(), sorted.len() / 2) {
            (0, _) => f64::NAN,
            (n, middle) if n.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
            (_, middle) => sorted[middle],
        }
    }

    /// `latency of parse`, for messages.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} of {subject}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The commit that was measured.
    pub commit: String,
    /// The branch that it was on.
    pub branch: String,
    /// The benchmarks that were run.
    pub suite: String,
    /// Where.
    pub machine: String,
    /// When.
    pub time: Timestamp,
    /// Whether the file or the user said when; else it is the time at which the run was added.
    pub time_is_told: bool,
    /// What the place is like.
    pub environment: Vec<Fact>,
    /// Where its results came from.
    pub source: String,
    /// What was measured.
    pub measurements: Vec<Measurement>,
}

/// Why a run cannot be kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It has nothing to keep.
    #[error("{source_name}: holds no results; give a file with at least one measurement")]
    Empty {
        /// Where its results came from.
        source_name: String,
    },
    /// What it is known by is empty.
    #[error("{source_name}: the {what} is empty; give one with --{what}")]
    Unnamed {
        /// Where its results came from.
        source_name: String,
        /// What: `commit`, `branch`, `suite`, `machine`.
        what: &'static str,
    },
    /// A metric has no name.
    #[error("{source_name}: a result has no name; name it, or leave it out")]
    NamelessMetric {
        /// Where its results came from.
        source_name: String,
    },
    /// A sample or bound is NaN or infinite, or there is none.
    #[error("{source_name}: {metric}: {problem}; leave it out")]
    NoNumber {
        /// Where its results came from.
        source_name: String,
        /// The metric.
        metric: String,
        /// What is wrong.
        problem: String,
    },
    /// There are two results of one name.
    #[error("{source_name}: {metric}: is there twice; give each result a name of its own")]
    Twice {
        /// Where its results came from.
        source_name: String,
        /// The metric.
        metric: String,
    },
}

impl Run {
    /// Refuses what could not be told apart or judged later.
    pub fn check(&self) -> Result<(), RunError> {
        let source_name = || self.source.clone();
        for (what, text) in [
            ("commit", &self.commit),
            ("branch", &self.branch),
            ("suite", &self.suite),
            ("machine", &self.machine),
        ] {
            if text.trim().is_empty() {
                return Err(RunError::Unnamed { source_name: source_name(), what });
            }
        }
        if self.measurements.is_empty() {
            return Err(RunError::Empty { source_name: source_name() });
        }
        let mut names = BTreeSet::new();
        for measured in &self.measurements {
            if measured.name.trim().is_empty() {
                return Err(RunError::NamelessMetric { source_name: source_name() });
            }
            let metric = measured.title();
            let bounds = measured.bounds.into_iter().flat_map(|(low, high)| [low, high]);
            let odd = measured.samples.iter().copied().enumerate().find(|(_, x)| !x.is_finite());
            let problem = match odd {
                Some((index, value)) => Some(format!("sample {index} (counted from 0) is {value}")),
                None if measured.samples.is_empty() => Some("has no samples".to_owned()),
                None => bounds
                    .into_iter()
                    .find(|bound| !bound.is_finite())
                    .map(|bound| format!("a bound is {bound}")),
            };
            if let Some(problem) = problem {
                return Err(RunError::NoNumber { source_name: source_name(), metric, problem });
            }
            let higher = measured.better == Better::Higher;
            if !names.insert((&measured.name, &measured.subject, &measured.unit, higher)) {
                return Err(RunError::Twice { source_name: source_name(), metric });
            }
        }
        Ok(())
    }

    /// A text that two runs share only when the same figures were measured, at the same time where that is
    /// told: what is added twice is kept once.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut parts: Vec<Vec<u8>> = self
            .measurements
            .iter()
            .map(|measured| {
                let subject = measured.subject.as_deref().unwrap_or_default();
                let mut part = Vec::new();
                for text in [&measured.name, subject, &measured.unit] {
                    part.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    part.extend_from_slice(text.as_bytes());
                }
                part.push(u8::from(measured.better == Better::Higher));
                part.extend(measured.samples.iter().flat_map(|sample| sample.to_le_bytes()));
                part
            })
            .collect();
        parts.sort_unstable();
        let mut digest = Sha256::new();
        if self.time_is_told {
            digest.update(self.time.unix_nanos().to_le_bytes());
        }
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let mut text = String::with_capacity(64);
        for byte in digest.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::Timestamp;
    use perfagent_regress::compare::{Better, Family};

    use super::{Measurement, Run};

    fn measured(name: &str, samples: &[f64]) -> Measurement {
        Measurement {
            name: name.to_owned(),
            subject: None,
            unit: "ns".to_owned(),
            better: Better::Lower,
            family: Family::Headline,
            samples: samples.to_vec(),
            bounds: None,
        }
    }

    fn run(measurements: Vec<Measurement>) -> Run {
        Run {
            commit: "c".to_owned(),
            branch: "main".to_owned(),
            suite: "s".to_owned(),
            machine: "m".to_owned(),
            time: Timestamp::from_unix_nanos(7),
            time_is_told: false,
            environment: Vec::new(),
            source: "results.json".to_owned(),
            measurements,
        }
    }

    #[test]
    fn the_value_is_the_median() {
        assert!((measured("a", &[3.0, 1.0, 9.0]).value() - 3.0).abs() < 1e-12);
        assert!((measured("a", &[3.0, 1.0]).value() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        for (measurements, problem) in [
            (vec![], "holds no results"),
            (vec![measured("a", &[1.0, f64::NAN])], "a: sample 1 (counted from 0) is NaN"),
            (vec![measured("a", &[f64::INFINITY])], "a: sample 0 (counted from 0) is inf"),
            (vec![measured("a", &[])], "a: has no samples"),
            (vec![measured(" ", &[1.0])], "has no name"),
            (vec![measured("a", &[1.0]), measured("a", &[2.0])], "a: is there twice"),
        ] {
            let message = run(measurements).check().unwrap_err().to_string();
            assert!(
                message.starts_with("results.json: ") && message.contains(problem),
                "{message}"
            );
        }
        let mut nameless = run(vec![measured("a", &[1.0])]);
        nameless.machine = "  ".to_owned();
        let message = nameless.check().unwrap_err().to_string();
        assert!(message.contains("give one with --machine"), "{message}");
    }

    #[test]
    fn a_run_is_known_by_its_figures_and_its_told_time() {
        let one = run(vec![measured("a", &[1.0]), measured("b", &[2.0])]);
        let turned = run(vec![measured("b", &[2.0]), measured("a", &[1.0])]);
        assert_eq!(one.identity(), turned.identity());
        let mut later = Run { time: Timestamp::from_unix_nanos(8), ..one.clone() };
        assert_eq!(one.identity(), later.identity());
        later.time_is_told = true;
        assert_ne!(one.identity(), later.identity());
        assert_ne!(one.identity(), run(vec![measured("a", &[1.0])]).identity());
        // Texts that run into each other are not the same.
        let named = |name: &str, unit: &str| {
            let unit = unit.to_owned();
            run(vec![Measurement { unit, ..measured(name, &[1.0]) }]).identity()
        };
        assert_ne!(named("ab", "c"), named("a", "bc"));
    }
}
