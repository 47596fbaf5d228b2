//! Appends rows to a recording, fast while it runs and into one plain file at the end.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use rustc_hash::FxHashMap;

use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::table::{Meta, Row, SpoolProgress};
use crate::waiting::Waiting;
use crate::{ProcessId, StringId, Timestamp, WriteError};

/// An open recording that grows.
///
/// Rows become part of the file at [`Writer::commit`]; what was inserted since the last commit is lost
/// when this process is killed, what was committed is not (SQLite's write-ahead log survives the
/// process; a power cut may take the last seconds, because nothing is synchronised while recording).
pub struct Writer {
    connection: Connection,
    path: PathBuf,
    strings: FxHashMap<Box<str>, StringId>,
    in_transaction: bool,
    waiting: Waiting,
}

impl Writer {
    /// Creates a recording at `path`, where nothing may stand yet.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
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

    /// Opens a recording that was left unfinished, to complete it.
    pub fn resume(path: &Path) -> Result<Self, WriteError> {
        let create = |source| WriteError::Create { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(create)?;
        connection.execute_batch("PRAGMA synchronous = OFF;").map_err(create)?;
        let mut writer = Self::around(connection, path);
        writer.strings = writer.read_strings().map_err(create)?;
        Ok(writer)
    }

    fn around(connection: Connection, path: &Path) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        Self {
            connection,
            path: path.to_owned(),
            strings: FxHashMap::default(),
            in_transaction: false,
            waiting: Waiting::default(),
        }
    }

    /// The file that is being written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `row` and returns its id, which converts into the table's id type.
    pub fn insert<R: Row, Id: From<i64>>(&mut self, row: &R) -> Result<Id, WriteError> {
        self.begin()?;
        let inserted = self.waiting.insert::<R>(&self.connection).and_then(|()| {
            let mut statement = self.connection.prepare_cached(&schema::insert_sql::<R>(1))?;
            row.bind(&mut statement, 0)?;
            statement.raw_execute()
        });
        inserted.map_err(|source| self.failed(R::TABLE, source))?;
        Ok(Id::from(self.connection.last_insert_rowid()))
    }

    /// Appends `row`, whose id nobody needs. It may wait for others of its kind, until the next commit at the latest; so
    /// an error may be that of an earlier row.
    pub fn append<R: Row>(&mut self, row: &R) -> Result<(), WriteError> {
        if self.waiting.add(row) {
            self.begin()?;
            let inserted = self.waiting.insert::<R>(&self.connection);
            inserted.map_err(|source| self.failed(R::TABLE, source))?;
        }
        Ok(())
    }

    /// The id of `text`, stored at its first use. The empty text is id 0.
    pub fn string(&mut self, text: &str) -> Result<StringId, WriteError> {
        if text.is_empty() {
            return Ok(StringId(0));
        }
        if let Some(&id) = self.strings.get(text) {
            return Ok(id);
        }
        self.begin()?;
        let id = StringId(self.strings.len() as i64 + 1);
        let inserted = self
            .connection
            .prepare_cached("INSERT INTO strings (id, value) VALUES (?, ?)")
            .and_then(|mut statement| statement.execute((id, text)));
        inserted.map_err(|source| self.failed("strings", source))?;
        self.strings.insert(text.into(), id);
        Ok(id)
    }

    /// Notes a fact about the whole recording, replacing an earlier one of the same name.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        self.begin()?;
        let deleted = self.connection.execute("DELETE FROM meta WHERE key = ?", [key]);
        deleted.map_err(|source| self.failed("meta", source))?;
        self.insert::<_, i64>(&Meta { key: key.to_owned(), value: value.to_owned() }).map(drop)
    }

    /// Notes how a process ended.
    pub fn end_process(
        &mut self,
        process: ProcessId,
        end: Timestamp,
        exit_code: Option<i64>,
        exit_signal: Option<i64>,
    ) -> Result<(), WriteError> {
        self.begin()?;
        let updated = self.connection.execute(
            "UPDATE processes SET end_ns = ?, exit_code = ?, exit_signal = ? WHERE id = ?",
            (end, exit_code, exit_signal, process),
        );
        updated.map(|_| ()).map_err(|source| self.failed("processes", source))
    }

    /// Gives a thread its name, when it becomes known after the thread.
    pub fn name_thread(&mut self, thread: crate::ThreadId, name: &str) -> Result<(), WriteError> {
        self.begin()?;
        let updated =
            self.connection.execute("UPDATE threads SET name = ? WHERE id = ?", (name, thread));
        updated.map(|_| ()).map_err(|source| self.failed("threads", source))
    }

    /// Notes what a stream is, when that becomes known after the stream.
    pub fn describe_stream(
        &mut self,
        stream: crate::StreamId,
        priority: i64,
        kind: Option<&str>,
    ) -> Result<(), WriteError> {
        self.begin()?;
        let updated = self.connection.execute(
            "UPDATE streams SET priority = ?, kind = ? WHERE id = ?",
            (priority, kind, stream),
        );
        updated.map(|_| ()).map_err(|source| self.failed("streams", source))
    }

    /// Notes up to where a spool has been read; part of the same transaction as the rows read from it.
    pub fn set_spool_progress(&mut self, progress: &SpoolProgress) -> Result<(), WriteError> {
        self.begin()?;
        let deleted =
            self.connection.execute("DELETE FROM spool_progress WHERE ring = ?", [&progress.ring]);
        deleted.map_err(|source| self.failed("spool_progress", source))?;
        self.insert::<_, i64>(progress).map(drop)
    }

    /// Every row of a table with its id, as inserted so far: what a resumed recorder continues from.
    pub fn rows<R: Row>(&mut self) -> Result<Vec<(i64, R)>, WriteError> {
        self.insert_waiting()?;
        let read = || {
            let mut statement = self.connection.prepare(&schema::select_sql::<R>(|_| true))?;
            let id_column = R::COLUMNS.len();
            statement
                .query_map((0, i64::MAX), |row| Ok((row.get(id_column)?, R::read(row)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|source| self.failed(R::TABLE, source))
    }

    /// Makes everything inserted so far part of the file.
    pub fn commit(&mut self) -> Result<(), WriteError> {
        self.insert_waiting()?;
        if self.in_transaction {
            let committed = self.connection.execute_batch("COMMIT");
            committed.map_err(|source| self.failed("commit", source))?;
            self.in_transaction = false;
        }
        Ok(())
    }

    /// Commits, folds the write-ahead log into the file and synchronises it: afterwards the recording
    /// is one plain file.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.begin()?;
        let emptied = self.connection.execute("DELETE FROM spool_progress", []);
        emptied.map_err(|source| self.failed("spool_progress", source))?;
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

    fn read_strings(&self) -> rusqlite::Result<FxHashMap<Box<str>, StringId>> {
        let mut statement = self.connection.prepare("SELECT value, id FROM strings")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?.into_boxed_str(), row.get::<_, StringId>(1)?))
        })?;
        rows.collect()
    }
}
