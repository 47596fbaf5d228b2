//! What counts.

/// How a fleet is judged.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Settings {
    /// What is worse than the median of its kind by so many percent is worth a warning.
    pub threshold_pct: f64,
    /// And by so many it is critical: a job that waits for its slowest GPU loses as much.
    pub critical_pct: f64,
    /// Of those that are named, the share that may be so by chance (Benjamini and Hochberg).
    pub false_discovery_rate: f64,
    /// Nodes of a kind that are needed to judge one of them against the others.
    pub least_nodes: usize,
    /// Documents that are further than this from the middle one of the fleet are out of time, seconds.
    pub window_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold_pct: 3.0,
            critical_pct: 5.0,
            // One fault is several tests, each of which may bring another one along by chance.
            false_discovery_rate: 0.001,
            least_nodes: 5,
            window_s: 3600.0,
        }
    }
}
