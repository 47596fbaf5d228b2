//! How figures were taken, told with them.

use serde::Serialize;

use crate::Effort;
use crate::sample::{CONFIDENCE, Stop};

/// How figures were taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// Whether grids were sparse and intervals wide, to be fast.
    pub quick: bool,
    /// Repetitions before those that count.
    pub warm_up_repetitions: usize,
    /// What intervals cover at least.
    pub confidence: f64,
    /// What intervals are.
    pub interval: &'static str,
    /// A measurement ends when the interval of its median is no wider than this share of it ...
    pub tight_within: f64,
    /// ... or after as many seconds, for a figure that stands alone (a point of a curve has less).
    pub most_seconds: f64,
    /// Seconds for a point of a curve.
    pub most_seconds_of_a_point: f64,
}

impl Method {
    /// That of an effort.
    #[must_use]
    pub fn of(effort: Effort) -> Self {
        let (figure, point) = (Stop::figure(effort), Stop::point(effort));
        Self {
            quick: effort == Effort::Quick,
            warm_up_repetitions: 1,
            confidence: CONFIDENCE,
            interval: "of the median, from order statistics",
            tight_within: figure.within,
            most_seconds: figure.seconds,
            most_seconds_of_a_point: point.seconds,
        }
    }
}
