//! The file that a recording is written to.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Params, ffi};
use rustc_hash::FxHashMap;

use crate::columns::Answer;
use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::table::Row;
use crate::waiting::Waiting;
use crate::{StringId, WriteError};

/// How long the end of a recording waits for those who read it.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long until it is looked again whether they are done.
const PACE: Duration = Duration::from_millis(10);

/// Where writing failed when they are not.
const READ_BY_OTHERS: &str = "finish: another program reads the file; end it and complete the recording with `perfagent recover`";

/// What is written becomes part of the file with [`Database::commit`].
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    in_transaction: bool,
    waiting: Waiting,
}

impl Database {
    /// Creates a file where nothing may stand yet.
    pub(crate) fn create(path: &Path) -> Result<Self, WriteError> {
        let create = |source| WriteError::Create { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(create)?;
        // 16 KiB pages and no synchronisation: a recording is written once, in order, and checked into
        // a plain file at the end; the recorder must not wait for the disk in between. What the file is stands
        // in its header before there is a log, so that it can be told while it grows.
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = 16384; PRAGMA application_id = {}; PRAGMA user_version = {};
                 PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
                 PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = MEMORY;",
                APPLICATION_ID.cast_signed(),
                SCHEMA_VERSION
            ))
            .map_err(create)?;
        connection.execute_batch(&schema::create_sql()).map_err(create)?;
        Ok(Self::around(connection, path))
    }

    /// Opens a file that was left unfinished, and returns its texts too.
    pub(crate) fn resume(path: &Path) -> Result<(Self, FxHashMap<Box<str>, StringId>), WriteError> {
        let create = |source| WriteError::Create { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(create)?;
        connection.execute_batch("PRAGMA synchronous = OFF;").map_err(create)?;
        let strings = strings(&connection).map_err(create)?;
        Ok((Self::around(connection, path), strings))
    }

    fn around(connection: Connection, path: &Path) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        Self {
            connection,
            path: path.to_owned(),
            in_transaction: false,
            waiting: Waiting::default(),
        }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Inserts a row, and returns its id.
    pub(crate) fn insert<R: Row>(&mut self, row: &R) -> Result<i64, WriteError> {
        self.begin()?;
        let inserted = self.waiting.insert::<R>(&self.connection).and_then(|()| {
            let mut statement = self.connection.prepare_cached(&schema::insert_sql::<R>(1))?;
            row.bind(&mut statement, 0)?;
            statement.raw_execute()
        });
        inserted.map_err(|source| self.failed(R::TABLE, source))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Lets a row wait for others of its table.
    pub(crate) fn append<R: Row>(&mut self, row: &R) -> Result<(), WriteError> {
        if self.waiting.add(row) {
            self.begin()?;
            let inserted = self.waiting.insert::<R>(&self.connection);
            inserted.map_err(|source| self.failed(R::TABLE, source))?;
        }
        Ok(())
    }

    /// Executes a statement that changes `place`.
    pub(crate) fn execute(
        &mut self,
        place: &'static str,
        sql: &str,
        parameters: impl Params,
    ) -> Result<(), WriteError> {
        self.begin()?;
        let executed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters));
        executed.map(drop).map_err(|source| self.failed(place, source))
    }

    /// Every row of a table with its id, as inserted so far.
    pub(crate) fn rows<R: Row>(&mut self) -> Result<Vec<(i64, R)>, WriteError> {
        self.insert_waiting()?;
        let read = || {
            let columns: Vec<_> = R::COLUMNS.iter().map(|column| column.name).collect();
            let mut statement = self.connection.prepare(&schema::select_sql::<R>(&columns))?;
            let id_column = R::COLUMNS.len();
            statement
                .query_map((0, i64::MAX), |row| {
                    Ok((row.get(id_column)?, R::read(&mut Answer::of(row))?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|source| self.failed(R::TABLE, source))
    }

    /// Makes everything inserted so far part of the file.
    pub(crate) fn commit(&mut self) -> Result<(), WriteError> {
        self.insert_waiting()?;
        if self.in_transaction {
            let committed = self.connection.execute_batch("COMMIT");
            committed.map_err(|source| self.failed("commit", source))?;
            self.in_transaction = false;
        }
        Ok(())
    }

    /// Makes it one plain file, on the disk.
    pub(crate) fn finish(mut self) -> Result<(), WriteError> {
        self.execute("spool_progress", "DELETE FROM spool_progress", [])?;
        self.commit()?;
        if let Err(source) = fold(&self.connection) {
            let place = if is_busy(&source) { READ_BY_OTHERS } else { "finish" };
            return Err(self.failed(place, source));
        }
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, source)| WriteError::Write { path, place: "close", source })
    }

    fn insert_waiting(&mut self) -> Result<(), WriteError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.begin()?;
        let inserted = self.waiting.insert_all(&self.connection);
        inserted.map_err(|(table, source)| self.failed(table, source))
    }

    fn begin(&mut self) -> Result<(), WriteError> {
        if !self.in_transaction {
            let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
            begun.map_err(|source| self.failed("begin", source))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn failed(&self, place: &'static str, source: rusqlite::Error) -> WriteError {
        WriteError::Write { path: self.path.clone(), place, source }
    }
}

/// Makes a database with a write-ahead log one plain file. Whoever reads it meanwhile (a window that shows the recording
/// as it grows, a report) keeps a lock as long as the file is open: wait for them, rather than fail at the end of a long run.
#[expect(clippy::disallowed_methods, reason = "the lock of another process can only be polled for")]
fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = FULL;")?;
    let begun = Instant::now();
    let text = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    loop {
        let kept = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        let folded = if kept {
            Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
        } else {
            connection.query_row("PRAGMA journal_mode = DELETE", [], text)
        };
        match folded {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => thread::sleep(PACE),
            Err(error) => return Err(error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn strings(connection: &Connection) -> rusqlite::Result<FxHashMap<Box<str>, StringId>> {
    let mut statement = connection.prepare("SELECT value, id FROM strings")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?.into_boxed_str(), row.get::<_, StringId>(1)?))
    })?;
    rows.collect()
}
