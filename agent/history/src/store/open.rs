//! Opening a store, and making one.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::head::{Head, judge, look};
use super::schema::{APPLICATION_ID, CREATE, VERSION};
use super::{Store, StoreError};

/// How long a reader waits for a writer.
const READERS_PATIENCE: Duration = Duration::from_mins(1);

impl Store {
    /// Opens the store at `path` to read it. Everything that is read until it is closed is of one state;
    /// writers wait.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        match look(path)? {
            Head::Missing => return Err(StoreError::Missing { path: path.to_owned() }),
            Head::Empty => return Err(StoreError::Empty { path: path.to_owned() }),
            Head::Interrupted => undo(path)?,
            Head::Store => {}
        }
        let store = match Self::begin(path) {
            // A writer was interrupted just now.
            Err(StoreError::Write { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::ReadOnly) =>
            {
                undo(path)?;
                Self::begin(path)?
            }
            begun => begun?,
        };
        store.judge()?;
        store.check()?;
        Ok(store)
    }

    /// Begins to read.
    fn begin(path: &Path) -> Result<Self, StoreError> {
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READERS_PATIENCE)?;
        let failed = |error| busy(path, READERS_PATIENCE, error);
        store.connection.execute_batch("BEGIN").map_err(failed)?;
        if store.tables()? == 0 {
            return Err(StoreError::Empty { path: path.to_owned() });
        }
        Ok(store)
    }

    /// Opens the store at `path` to add to it, and makes it where there is none. Others who write are
    /// waited for, up to `patience`.
    pub fn open_or_create(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        look(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut store = Self::connect(path, flags, patience)?;
        let failed = |error| busy(path, patience, error);
        // Both hold for this connection alone, but for a store that somebody has given a write-ahead log.
        store
            .connection
            .execute_batch("PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        if store.tables()? == 0 {
            store.create().map_err(failed)?;
        }
        store.judge()?;
        store
            .connection
            .query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
            .map_err(failed)?;
        store.check()?;
        Ok(store)
    }

    fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> Result<Self, StoreError> {
        // To SQLite some names, such as `:memory:`, are no files.
        let place = std::path::absolute(path)
            .map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
        let opened = Connection::open_with_flags(place, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let connection = opened.map_err(|error| Self::failed(path, error))?;
        let store = Self { connection, path: path.to_owned() };
        store.connection.busy_timeout(patience).map_err(|error| Self::failed(path, error))?;
        // What a damaged or hostile file could make SQLite do is not done.
        store
            .connection
            .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
            .map_err(|error| Self::failed(path, error))?;
        Ok(store)
    }

    /// Makes the tables, unless another process has in the meantime.
    fn create(&mut self) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tables = "SELECT count(*) FROM sqlite_schema";
        if transaction.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0 {
            transaction.execute_batch(CREATE)?;
            transaction.execute_batch(&format!(
                "PRAGMA application_id = {}; PRAGMA user_version = {VERSION};",
                APPLICATION_ID.cast_signed()
            ))?;
        }
        transaction.commit()
    }

    fn tables(&self) -> Result<i64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| busy(&self.path, READERS_PATIENCE, error))
    }

    fn judge(&self) -> Result<(), StoreError> {
        let number = |name| -> Result<u32, StoreError> {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
                .map(i32::cast_unsigned)
                .map_err(|error| busy(&self.path, READERS_PATIENCE, error))
        };
        judge(&self.path, number("application_id")?, number("user_version")?)
    }

    /// Refuses a damaged file.
    fn check(&self) -> Result<(), StoreError> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| busy(&self.path, READERS_PATIENCE, error))?;
        if found == "ok" {
            return Ok(());
        }
        let detail = found.lines().last().unwrap_or(&found).to_owned();
        Err(StoreError::Damaged { path: self.path.clone(), detail })
    }
}

/// Takes back what an interrupted write has left; or waits for one that goes on.
fn undo(path: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let interrupted = || StoreError::Interrupted { path: path.to_owned() };
    let store = Store::connect(path, flags, READERS_PATIENCE).map_err(|_| interrupted())?;
    let read = store.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    read.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            interrupted()
        }
        _ => busy(path, READERS_PATIENCE, error),
    })
}

/// What SQLite said, where the reason may be that others were writing.
pub(super) fn busy(path: &Path, patience: Duration, source: rusqlite::Error) -> StoreError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { path: path.to_owned(), seconds: patience.as_secs() }
        }
        _ => Store::failed(path, source),
    }
}
