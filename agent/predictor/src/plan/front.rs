//! The Pareto front of throughput against memory.

use serde::{Deserialize, Serialize};

use crate::job::Run;

use super::Candidate;

/// An arrangement by its middle figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The arrangement.
    pub run: Run,
    /// Expected tokens a second.
    pub tokens_per_s: f64,
    /// Expected peak memory, bytes.
    pub peak_mem_bytes: f64,
    /// Probability of running out of memory.
    pub oom_probability: f64,
}

impl Point {
    pub(super) fn of(candidate: &Candidate) -> Self {
        Self {
            run: candidate.job.run.clone(),
            tokens_per_s: candidate.tokens_per_s,
            peak_mem_bytes: candidate.peak_bytes,
            oom_probability: candidate.oom,
        }
    }
}

/// Those that no other beats in both, the leanest first.
pub(super) fn of(candidates: &[Candidate]) -> Vec<Point> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by(|a, b| {
        a.peak_bytes.total_cmp(&b.peak_bytes).then(b.tokens_per_s.total_cmp(&a.tokens_per_s))
    });
    let mut fastest = 0.0;
    let mut front = Vec::new();
    for candidate in order {
        if candidate.tokens_per_s > fastest {
            fastest = candidate.tokens_per_s;
            front.push(Point::of(candidate));
        }
    }
    front
}
