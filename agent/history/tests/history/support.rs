//! Small runs.

use std::path::Path;
use std::time::Duration;

use perfagent_history::{Added, Measurement, Run, Store, StoreError};
use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_nanos(1_772_366_400_000_000_000);

pub(crate) fn measured(name: &str, subject: Option<&str>, samples: &[f64]) -> Measurement {
    Measurement {
        name: name.to_owned(),
        subject: subject.map(str::to_owned),
        unit: "ns".to_owned(),
        better: Better::Lower,
        family: Family::Headline,
        samples: samples.to_vec(),
        bounds: Some((1.0, 9.5)),
    }
}

pub(crate) fn run(commit: &str, value: f64) -> Run {
    Run {
        commit: commit.to_owned(),
        branch: "main".to_owned(),
        suite: "ci".to_owned(),
        machine: "node-1".to_owned(),
        time: NOW,
        time_is_told: false,
        environment: Vec::new(),
        source: "results.json".to_owned(),
        measurements: vec![
            measured("step_time", None, &[value, value + 1.0, value + 3.0]),
            measured("kernel_time", Some("gemm"), &[value / 3.0]),
        ],
    }
}

pub(crate) fn add(path: &Path, runs: &[Run]) -> Result<Vec<Added>, StoreError> {
    Store::open_or_create(path, PATIENCE)?.add(runs, false, NOW, PATIENCE)
}
