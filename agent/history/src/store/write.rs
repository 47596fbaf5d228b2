//! Adding runs.

use std::time::Duration;

use perfagent_recording::Timestamp;
use perfagent_regress::compare::{Better, Family};
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::open::busy;
use super::{Store, StoreError};
use crate::run::{Measurement, Run};

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept under this number.
    New(i64),
    /// It was there already, under this number.
    Known(i64),
}

impl Store {
    /// Adds runs, all or none of them. When this returns they are on the disk.
    ///
    /// A run of which the same figures are there already, under the same commit, branch, suite and machine
    /// (and of the same time, where it is told), is not added again. With `replace` the runs take the place
    /// of all earlier ones of their commit, branch, suite and machine. `now` is when they are added.
    pub fn add(
        &mut self,
        runs: &[Run],
        replace: bool,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Vec<Added>, StoreError> {
        for run in runs {
            run.check()?;
        }
        let path = self.path.clone();
        let mut write = || {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if replace {
                for run in runs {
                    transaction.execute(
                        "DELETE FROM runs WHERE commit_id = ? AND branch = ? AND suite = ? AND machine = ?",
                        (&run.commit, &run.branch, &run.suite, &run.machine),
                    )?;
                }
            }
            let added = runs
                .iter()
                .map(|run| insert(&transaction, run, now))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            transaction.commit()?;
            Ok(added)
        };
        write().map_err(|error| busy(&path, patience, error))
    }
}

fn insert(transaction: &Transaction<'_>, run: &Run, now: Timestamp) -> rusqlite::Result<Added> {
    let identity = run.identity();
    let known = transaction
        .prepare_cached(
            "SELECT id FROM runs WHERE commit_id = ? AND branch = ? AND suite = ? AND machine = ? AND identity = ?",
        )?
        .query_row((&run.commit, &run.branch, &run.suite, &run.machine, &identity), |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(id) = known {
        return Ok(Added::Known(id));
    }
    let environment = serde_json::to_string(&run.environment)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached(
            "INSERT INTO runs (commit_id, branch, suite, machine, time_ns, time_is_told, added_ns, environment, source, identity)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            run.commit,
            run.branch,
            run.suite,
            run.machine,
            run.time.unix_nanos(),
            run.time_is_told,
            now.unix_nanos(),
            environment,
            run.source,
            identity,
        ])?;
    let id = transaction.last_insert_rowid();
    let mut statement = transaction.prepare_cached(
        "INSERT INTO figures (run_id, metric_id, value, low, high, samples) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for measured in &run.measurements {
        let samples: Vec<u8> =
            measured.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let (low, high) = measured.bounds.unzip();
        let metric = metric(transaction, measured)?;
        statement.execute((id, metric, measured.value(), low, high, samples))?;
    }
    Ok(Added::New(id))
}

/// The number of a metric, which gets one at its first use.
fn metric(transaction: &Transaction<'_>, measured: &Measurement) -> rusqlite::Result<i64> {
    let better = match measured.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    };
    let family = match measured.family {
        Family::Headline => "headline",
        Family::Detail => "detail",
    };
    let subject = measured.subject.as_deref();
    let key = (
        &measured.name,
        subject.unwrap_or_default(),
        subject.is_some(),
        &measured.unit,
        better,
        family,
    );
    let known = transaction
        .prepare_cached(
            "SELECT id FROM metrics WHERE name = ? AND subject = ? AND has_subject = ? AND unit = ? AND better = ? AND family = ?",
        )?
        .query_row(key, |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    transaction
        .prepare_cached(
            "INSERT INTO metrics (name, subject, has_subject, unit, better, family) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(key)?;
    Ok(transaction.last_insert_rowid())
}
