//! The store: one SQLite file.
//!
//! * A rollback journal, not a write-ahead log: the file may lie on a network share, where the memory
//!   that processes of several machines would have to share for a log does not exist. Between two
//!   writes the store is one plain file, which can be copied and committed.
//! * A write is one immediate transaction with `synchronous=EXTRA`: what was acknowledged is on the disk,
//!   and so is the journal's removal. Who comes second waits.
//! * Whoever only reads opens it read-only, in one transaction: an answer is about one state.
//! * Before anything is written the file is checked (`quick_check`): a damaged store is refused and stays
//!   as it is.

mod error;
mod head;
mod open;
mod read;
mod schema;
mod write;

pub use error::StoreError;
pub use read::{Selection, StoredRun, Value};
pub use write::Added;

use std::path::PathBuf;

use rusqlite::Connection;

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}
