//! The file that a recording is written to.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Params};
use rustc_hash::FxHashMap;

use crate::columns::Answer;
use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::table::Row;
use crate::waiting::Waiting;
use crate::{StringId, WriteError};

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
        // a plain file at the end; the recorder must not wait for the disk in between.
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
                 PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = MEMORY;
                 PRAGMA application_id = {}; PRAGMA user_version = {};",
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
        let closed = self
            .connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE);")
            .and_then(|()| {
                self.connection.query_row("PRAGMA journal_mode = DELETE", [], |row| {
                    row.get::<_, String>(0).map(|_| ())
                })
            });
        closed.map_err(|source| self.failed("finish", source))?;
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

fn strings(connection: &Connection) -> rusqlite::Result<FxHashMap<Box<str>, StringId>> {
    let mut statement = connection.prepare("SELECT value, id FROM strings")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?.into_boxed_str(), row.get::<_, StringId>(1)?))
    })?;
    rows.collect()
}
