//! Reading runs and their figures.

use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};
use rusqlite::Row;

use super::{Store, StoreError};
use crate::run::{Fact, Measurement, Run};

/// Which runs are wanted. What is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this commit, or of one that begins so.
    pub commit: Option<String>,
    /// On this branch.
    pub branch: Option<String>,
    /// Of this suite.
    pub suite: Option<String>,
    /// On this machine.
    pub machine: Option<String>,
}

impl Selection {
    fn takes(&self, run: &Run) -> bool {
        let is = |wanted: &Option<String>, text: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == text)
        };
        self.commit.as_ref().is_none_or(|wanted| run.commit.starts_with(wanted.as_str()))
            && is(&self.branch, &run.branch)
            && is(&self.suite, &run.suite)
            && is(&self.machine, &run.machine)
    }
}

/// A run of the store, whose figures are read apart.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// Its number, which grows with the order of adding.
    pub id: i64,
    /// When it was added.
    pub added: Timestamp,
    /// How many metrics it has.
    pub metrics: usize,
    /// What it is; without its measurements.
    pub run: Run,
}

/// A metric's value in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The metric, without samples.
    pub metric: Measurement,
    /// The median of its samples.
    pub value: f64,
}

impl Store {
    /// The runs that are wanted, in the order of adding.
    pub fn runs(&self, wanted: &Selection) -> Result<Vec<StoredRun>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT id, commit_id, branch, suite, machine, time_ns, time_is_told, added_ns, environment, source,
                        (SELECT count(*) FROM figures WHERE run_id = runs.id)
                 FROM runs ORDER BY id",
            )?;
            statement.query_map([], stored_run)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut runs = read().map_err(|error| self.unreadable(&error))?;
        runs.retain(|stored| wanted.takes(&stored.run));
        Ok(runs)
    }

    /// The values of a run, one a metric.
    pub fn values(&self, run: i64) -> Result<Vec<Value>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT name, subject, has_subject, unit, better, family, value FROM figures
                 JOIN metrics ON metrics.id = metric_id WHERE run_id = ? ORDER BY metric_id",
            )?;
            let rows = statement
                .query_map([run], |row| Ok(Value { metric: metric(row)?, value: row.get(6)? }))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let values = read().map_err(|error| self.unreadable(&error))?;
        for found in &values {
            if !found.value.is_finite() {
                let detail = format!("{} of run {run} is {}", found.metric.title(), found.value);
                return Err(StoreError::Damaged { path: self.path.clone(), detail });
            }
        }
        Ok(values)
    }

    /// What was measured in a run, with all samples.
    pub fn measurements(&self, run: i64) -> Result<Vec<Measurement>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT name, subject, has_subject, unit, better, family, low, high, samples FROM figures
                 JOIN metrics ON metrics.id = metric_id WHERE run_id = ? ORDER BY metric_id",
            )?;
            let rows = statement.query_map([run], |row| {
                let bounds: (Option<f64>, Option<f64>) = (row.get(6)?, row.get(7)?);
                let samples: Vec<u8> = row.get(8)?;
                Ok((Measurement { bounds: bounds.0.zip(bounds.1), ..metric(row)? }, samples))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|error| self.unreadable(&error))?;
        let whole = |(mut measured, bytes): (Measurement, Vec<u8>)| {
            let (numbers, rest) = bytes.as_chunks::<8>();
            measured.samples = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            let sound = rest.is_empty()
                && !measured.samples.is_empty()
                && measured.samples.iter().all(|sample| sample.is_finite());
            if sound {
                return Ok(measured);
            }
            let detail = format!("the samples of {} of run {run} are no numbers", measured.title());
            Err(StoreError::Damaged { path: self.path.clone(), detail })
        };
        rows.into_iter().map(whole).collect()
    }

    /// The run of this number.
    pub fn run(&self, id: i64) -> Result<StoredRun, StoreError> {
        let mut runs = self.runs(&Selection::default())?;
        let place = runs.iter().position(|stored| stored.id == id);
        let place = place.ok_or_else(|| StoreError::NoRun { path: self.path.clone(), id })?;
        Ok(runs.swap_remove(place))
    }

    fn unreadable(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), detail: error.to_string() }
    }
}

fn stored_run(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    let environment: String = row.get(8)?;
    let environment: Vec<Fact> = serde_json::from_str(&environment).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Text, error.into())
    })?;
    Ok(StoredRun {
        id: row.get(0)?,
        added: Timestamp::from_unix_nanos(row.get(7)?),
        metrics: row.get::<_, i64>(10)? as usize,
        run: Run {
            commit: row.get(1)?,
            branch: row.get(2)?,
            suite: row.get(3)?,
            machine: row.get(4)?,
            time: Timestamp::from_unix_nanos(row.get(5)?),
            time_is_told: row.get(6)?,
            environment,
            source: row.get(9)?,
            measurements: Vec::new(),
        },
    })
}

/// The first six columns.
fn metric(row: &Row<'_>) -> rusqlite::Result<Measurement> {
    let subject: String = row.get(1)?;
    let (better, family): (String, String) = (row.get(4)?, row.get(5)?);
    Ok(Measurement {
        name: row.get(0)?,
        subject: row.get::<_, bool>(2)?.then_some(subject),
        unit: row.get(3)?,
        better: if better == "higher" { Better::Higher } else { Better::Lower },
        family: if family == "detail" { Family::Detail } else { Family::Headline },
        samples: Vec::new(),
        bounds: None,
    })
}
