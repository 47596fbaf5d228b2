//! What can be chosen about the analysis of a series.

use serde::{Deserialize, Serialize};

/// Values that a level must have. The newest run has a test of its own, and two runs that come back are
/// no change.
pub(crate) const SHORTEST: usize = 3;

/// Which way is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Times, sizes: greater is worse.
    #[default]
    LowerIsBetter,
    /// Rates: less is worse.
    HigherIsBetter,
}

/// The settings; the default is what the calibration tests hold for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which way is worse. Changes are found alike either way; it decides the newest run's verdict.
    pub direction: Direction,
    /// Weight of a change in the criterion, in ln n / n. asv has 4.
    pub penalty: f64,
    /// A change must be less probable than this in noise alone, 0..1.
    pub alpha: f64,
    /// The newest run is called changed when it is less probable than this, 0..1.
    pub latest_alpha: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { direction: Direction::default(), penalty: 2.25, alpha: 0.01, latest_alpha: 0.004 }
    }
}
