//! Results over time: a store of runs in one SQLite file, and readers and writers of what other tools
//! keep of theirs.
//!
//! A run is what one commit reached in one suite on one machine: metrics, each with all its samples.
//! [`Store`] keeps runs, [`results::read`] takes them out of files, [`export`] writes them in other
//! tools' forms. Judging them is `perfagent_regress::history`'s.

pub mod export;
pub mod results;
mod run;
mod store;

pub use run::{Fact, Measurement, Run, RunError};
pub use store::{Added, Selection, Store, StoreError, StoredRun, Value};
