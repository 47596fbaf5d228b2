//! One run by itself, as a history keeps it.

use perfagent_regress::compare::{Environment, Family, Metric};

use super::Run;

/// What a recording says of its run.
pub(crate) struct Alone {
    /// Where it ran.
    pub(crate) environment: Environment,
    /// Everything that was measured, its samples on the base side. All kernels: which are the heaviest changes
    /// from run to run, and a history must not have holes.
    pub(crate) metrics: Vec<Metric>,
    /// What a reader of its figures should know.
    pub(crate) warnings: Vec<String>,
}

impl Run {
    /// Takes it apart.
    pub(crate) fn alone(self) -> Alone {
        let metrics = self.samples.into_iter().map(|((name, subject), samples)| Metric {
            case: None,
            name: name.to_owned(),
            subject,
            unit: samples.unit,
            better: samples.better,
            family: samples.family,
            base: vec![samples.values],
            new: Vec::new(),
        });
        let mut metrics: Vec<Metric> = metrics.collect();
        metrics.sort_by_key(|metric| metric.family == Family::Detail);
        Alone { environment: self.environment, metrics, warnings: self.warnings }
    }
}
