//! What can be chosen about a check.

/// The settings; the default is what the calibration tests hold for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Changes up to this are too small to matter, percent, > 0.
    pub threshold_pct: f64,
    /// The false discovery rate that is accepted over the metrics of a family, 0..1; of one metric the
    /// rate of false alarms.
    pub false_discovery_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threshold_pct: 2.0, false_discovery_rate: 0.004 }
    }
}
