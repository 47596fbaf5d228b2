//! What can be chosen about a comparison.

/// The settings; the default is what the calibration tests hold for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Changes up to this are too small to matter, percent, > 0.
    pub threshold_pct: f64,
    /// The false discovery rate that is accepted over the metrics of a family, 0..1.
    pub false_discovery_rate: f64,
    /// Level of the two one-sided tests for sameness, 0..0.5.
    pub equivalence_alpha: f64,
    /// Resamples of the bootstrap.
    pub resamples: usize,
    /// Where the random numbers begin.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold_pct: 2.0,
            false_discovery_rate: 0.05,
            equivalence_alpha: 0.05,
            resamples: 10_000,
            seed: 0,
        }
    }
}

impl Settings {
    /// The threshold as a logarithm of a ratio; the same in both directions.
    pub(crate) fn threshold_log(&self) -> f64 {
        (self.threshold_pct / 100.0).ln_1p()
    }
}
