//! What a finding is worth, by Amdahl's law.

use serde::{Deserialize, Serialize};

/// How much faster a run would be without what a finding names: if the share `f` of its time vanishes, and nothing else changes,
/// it is `1 / (1 - f)` times as fast.
///
/// Gains of several findings do not add up: the same idle time may be behind two of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The share of the time that can be expected to vanish, percent.
    pub likely_share_pct: f64,
    /// The share that vanishes at most, percent.
    pub most_share_pct: f64,
    /// `1 / (1 - f)` of `likely_share_pct`; `None` when that is all of the time.
    pub likely_speedup: Option<f64>,
    /// `1 / (1 - f)` of `most_share_pct`; `None` when that is all of the time.
    pub most_speedup: Option<f64>,
    /// What the two shares are made of, in one sentence.
    pub formula: String,
}

impl Gain {
    /// Of `window_ns`, `likely_ns` and at most `most_ns` would vanish; `None` without a window, or when nothing would.
    pub(crate) fn of(
        likely_ns: f64,
        most_ns: f64,
        window_ns: i64,
        formula: impl Into<String>,
    ) -> Option<Self> {
        if window_ns <= 0 || most_ns <= 0.0 {
            return None;
        }
        let window = window_ns as f64;
        // Times of several streams or threads together can be more than the window.
        let most = (most_ns / window).min(1.0);
        let likely = (likely_ns / window).clamp(0.0, most);
        Some(Self {
            likely_share_pct: 100.0 * likely,
            most_share_pct: 100.0 * most,
            likely_speedup: speedup(likely),
            most_speedup: speedup(most),
            formula: formula.into(),
        })
    }
}

fn speedup(share: f64) -> Option<f64> {
    (share < 1.0).then(|| 1.0 / (1.0 - share))
}

#[cfg(test)]
mod tests {
    use super::Gain;

    #[test]
    fn amdahls_law() {
        let gain = Gain::of(20.0, 50.0, 100, "").unwrap();
        assert_eq!((gain.likely_share_pct, gain.most_share_pct), (20.0, 50.0));
        assert_eq!((gain.likely_speedup, gain.most_speedup), (Some(1.25), Some(2.0)));
    }

    #[test]
    fn no_more_than_all_of_the_time_vanishes_and_the_likely_part_is_within_the_most() {
        let gain = Gain::of(-5.0, 300.0, 100, "").unwrap();
        assert_eq!((gain.likely_share_pct, gain.most_share_pct), (0.0, 100.0));
        assert_eq!((gain.likely_speedup, gain.most_speedup), (Some(1.0), None));
        assert!((Gain::of(80.0, 50.0, 100, "").unwrap().likely_share_pct - 50.0).abs() < 1e-12);
        assert_eq!(Gain::of(0.0, 0.0, 100, ""), None);
        assert_eq!(Gain::of(1.0, 1.0, 0, ""), None);
    }
}
