//! A whole history as one JSON document: what `perfagent history export --format json` writes and
//! `import` takes in.

use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Results;
use crate::run::{Fact, Measurement, Run};

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.history/1";

/// The document, as it is written.
#[derive(Debug, Serialize)]
pub struct Document {
    schema: &'static str,
    runs: Vec<Kept<Measurement>>,
}

/// The document, as it is read.
#[derive(Debug, Deserialize)]
struct Whole {
    runs: Vec<Kept<Exact>>,
}

/// A run in it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<M> {
    commit: String,
    branch: String,
    suite: String,
    machine: String,
    /// Nanoseconds since 1970 in UTC.
    time_ns: i64,
    /// Whether that is the run's own time; else it is that of its being added.
    time_is_told: bool,
    environment: Vec<Fact>,
    source: String,
    measurements: Vec<M>,
}

/// A measurement whose numbers are still texts: `serde_json` reads them up to a last bit, and a run is known
/// again by all bits of its samples.
#[derive(Debug, Deserialize)]
struct Exact {
    name: String,
    subject: Option<String>,
    unit: String,
    better: Better,
    family: Family,
    samples: Vec<Box<RawValue>>,
    bounds: Option<(Box<RawValue>, Box<RawValue>)>,
}

impl Exact {
    fn read(self) -> Result<Measurement, String> {
        let title = &self.name;
        let number = |raw: &RawValue| {
            let number = raw.get().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| format!("{title}: {} is no number", raw.get()))
        };
        let samples = self.samples.iter().map(|raw| number(raw)).collect::<Result<_, _>>()?;
        let bounds = match &self.bounds {
            Some((low, high)) => Some((number(low)?, number(high)?)),
            None => None,
        };
        Ok(Measurement {
            samples,
            bounds,
            name: self.name,
            subject: self.subject,
            unit: self.unit,
            better: self.better,
            family: self.family,
        })
    }
}

/// Runs as a document, in their order.
#[must_use]
pub fn document(runs: Vec<Run>) -> Document {
    let kept = runs.into_iter().map(|run| Kept {
        commit: run.commit,
        branch: run.branch,
        suite: run.suite,
        machine: run.machine,
        time_ns: run.time.unix_nanos(),
        time_is_told: run.time_is_told,
        environment: run.environment,
        source: run.source,
        measurements: run.measurements,
    });
    Document { schema: SCHEMA, runs: kept.collect() }
}

pub(super) fn read(text: &str) -> Result<Vec<Results>, String> {
    let whole: Whole = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let read = |(index, kept): (usize, Kept<Exact>)| {
        let time = Timestamp::from_unix_nanos(kept.time_ns);
        let measurements = kept.measurements.into_iter().map(Exact::read).collect::<Result<_, _>>();
        Ok(Results {
            commit: Some(kept.commit),
            branch: Some(kept.branch),
            suite: Some(kept.suite),
            machine: Some(kept.machine),
            time: kept.time_is_told.then_some(time),
            added: Some(time),
            source: Some(kept.source),
            environment: kept.environment,
            measurements: measurements
                .map_err(|problem| format!("run {index} (counted from 0): {problem}"))?,
            warnings: Vec::new(),
        })
    };
    whole.runs.into_iter().enumerate().map(read).collect()
}
