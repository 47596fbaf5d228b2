//! Opens a recording without trusting it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::columns::Answer;
use crate::packed::{Event, Rows};
use crate::pages::Pages;
use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::table::Row;
use crate::{OpenError, StringId, Strings};

/// A recording that is open for reading.
pub struct Reader {
    connection: Connection,
    file: File,
    path: PathBuf,
}

/// A value in the answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text; what is not UTF-8 in it is replaced.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a query answers, row by row.
pub trait QueryResult {
    /// Called once, before the first row.
    fn columns(&mut self, names: &[String]);
    /// Called for every row; returns false to stop.
    fn row(&mut self, values: &[Value]) -> bool;
}

impl Reader {
    /// Opens the recording at `path`, after checking that it is one, that it is whole, and that this
    /// crate knows its schema.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (file, has_log) = check_header(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let damaged = |source| OpenError::Damaged {
            path: path.to_owned(),
            table: "sqlite_schema".to_owned(),
            source,
        };
        let connection = Connection::open_with_flags(path, flags).map_err(damaged)?;
        // Not while a recorder of the same file commits: wait for it instead of failing.
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(damaged)?;
        connection.execute_batch("PRAGMA query_only = ON;").map_err(damaged)?;
        if has_log {
            let word = |pragma: &str| {
                let sql = format!("PRAGMA {pragma}");
                connection.query_row(&sql, [], |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
            };
            let application = word("application_id").map_err(damaged)?;
            check_kind(path, application, word("user_version").map_err(damaged)?)?;
        }
        Ok(Self { connection, file, path: path.to_owned() })
    }

    /// The file that is being read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `each` with every row of a table and its id, in order of the id.
    pub fn for_each<R: Row>(&self, each: impl FnMut(i64, R)) -> Result<(), OpenError> {
        self.for_each_within((0, i64::MAX), each)
    }

    /// [`Reader::for_each`] of those with an id greater than the first of `bounds` and not greater than the second.
    pub(crate) fn for_each_within<R: Row>(
        &self,
        bounds: (i64, i64),
        mut each: impl FnMut(i64, R),
    ) -> Result<(), OpenError> {
        let mut read = || {
            if self.is_too_old_for(R::TABLE)? {
                return Ok(());
            }
            let mut statement =
                self.connection.prepare(&schema::select_sql::<R>(&self.present::<R>()?))?;
            let id_column = R::COLUMNS.len();
            let mut rows = statement.query(bounds)?;
            while let Some(row) = rows.next()? {
                each(row.get(id_column)?, R::read(&mut Answer::of(row))?);
            }
            Ok(())
        };
        read().map_err(|source| self.damaged(R::TABLE, source))
    }

    /// The rows of a table of events at these positions, which are their ids less one.
    pub(crate) fn events_within<R: Event>(
        &self,
        positions: Range<usize>,
    ) -> Result<Rows<R>, OpenError> {
        let bound = |position| i64::try_from(position).unwrap_or(i64::MAX);
        let bounds = (bound(positions.start), bound(positions.end));
        if let Some(rows) = self.read_pages(bounds) {
            return Ok(rows);
        }
        let mut rows = Rows::default();
        self.for_each_within(bounds, |_, row| rows.push(row))?;
        Ok(rows)
    }

    /// The rows of a table within these bounds, read past SQLite, whose lock keeps writers away meanwhile; `None` where that
    /// cannot be done.
    pub(crate) fn read_pages<R: Event>(&self, bounds: (i64, i64)) -> Option<Rows<R>> {
        let _lock = self.connection.unchecked_transaction().ok()?;
        let root = self.connection.query_row(
            "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ? AND sql = ?",
            (R::TABLE, schema::create_table_sql(R::TABLE, R::COLUMNS)),
            |row| row.get(0),
        );
        Pages::of(&self.file)?.rows(root.ok()?, bounds)
    }

    /// How each column of a table is read: NULL where the file is of an earlier version that does not have it.
    fn present<R: Row>(&self) -> rusqlite::Result<Vec<&'static str>> {
        let columns = self.columns(R::TABLE)?;
        // A table without any of them is missing, and says so when it is read.
        let is_present =
            |name: &str| columns.is_empty() || columns.iter().any(|column| column == name);
        let name = |name| if is_present(name) { name } else { "NULL" };
        Ok(R::COLUMNS.iter().map(|column| name(column.name)).collect())
    }

    /// Whether the file is of a version that had no such table yet.
    fn is_too_old_for(&self, table: &str) -> rusqlite::Result<bool> {
        let Some(&(_, since)) = schema::LATER_TABLES.iter().find(|(name, _)| *name == table) else {
            return Ok(false);
        };
        let version: u32 =
            self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok(version < since)
    }

    fn columns(&self, table: &str) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare("SELECT name FROM pragma_table_info(?)")?;
        statement.query_map([table], |row| row.get(0))?.collect()
    }

    /// Every row of a table, in order of its id, the ids dropped: for tables whose ids nobody refers to.
    pub fn rows<R: Row>(&self) -> Result<Vec<R>, OpenError> {
        let mut rows = Vec::with_capacity(self.count(R::TABLE)?);
        self.for_each(|_, row| rows.push(row))?;
        Ok(rows)
    }

    /// The texts.
    pub fn strings(&self) -> Result<Strings, OpenError> {
        let mut strings = Strings::default();
        let mut read = || {
            let mut statement =
                self.connection.prepare("SELECT id, value FROM strings ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                strings.define(row.get::<_, StringId>(0)?, row.get_ref(1)?.as_str()?);
            }
            Ok(())
        };
        read().map_err(|source| self.damaged("strings", source))?;
        Ok(strings)
    }

    /// The greatest id of a table: the number of its rows, as rows are never deleted.
    pub fn count(&self, table: &str) -> Result<usize, OpenError> {
        let too_old = self.is_too_old_for(table);
        if too_old.map_err(|source| self.damaged(table, source))? {
            return Ok(0);
        }
        let count =
            self.connection.query_row(&format!("SELECT max(id) FROM \"{table}\""), [], |row| {
                row.get::<_, Option<i64>>(0)
            });
        let count = count.map_err(|source| self.damaged(table, source))?;
        // A damaged id must not become a huge allocation.
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(0).min(1 << 28))
    }

    /// Answers a read-only SQL query. `.schema` and `.tables` are understood too.
    pub fn query(&self, sql: &str, result: &mut dyn QueryResult) -> Result<(), OpenError> {
        let sql = match sql.trim().trim_end_matches(';') {
            ".tables" => {
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name"
            }
            ".schema" => "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
            _ => sql,
        };
        let mut run = || {
            let mut statement = self.connection.prepare(sql)?;
            let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
            result.columns(&names);
            let mut rows = statement.query([])?;
            let mut values = Vec::with_capacity(names.len());
            while let Some(row) = rows.next()? {
                values.clear();
                for column in 0..names.len() {
                    values.push(match row.get_ref(column)? {
                        ValueRef::Null => Value::Null,
                        ValueRef::Integer(value) => Value::Integer(value),
                        ValueRef::Real(value) => Value::Real(value),
                        ValueRef::Text(text) => {
                            Value::Text(String::from_utf8_lossy(text).into_owned())
                        }
                        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                    });
                }
                if !result.row(&values) {
                    break;
                }
            }
            Ok(())
        };
        run().map_err(|source| OpenError::Query { path: self.path.clone(), source })
    }

    fn damaged(&self, table: &str, source: rusqlite::Error) -> OpenError {
        OpenError::Damaged { path: self.path.clone(), table: table.to_owned(), source }
    }
}

/// How every SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Looks at the first 100 bytes, where SQLite keeps what tells a whole recording from anything else:
/// magic at 0, page size at 16, version for writing at 18, file size in pages at 28, `user_version` at 60, `application_id` at 68.
/// True when the file still grows: then the newest of these words may stand in the write-ahead log beside it, and only SQLite can say.
fn check_header(path: &Path) -> Result<(File, bool), OpenError> {
    let owned = || path.to_owned();
    let io = |source| OpenError::Io { path: owned(), source };
    let metadata = fs::metadata(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => OpenError::Missing { path: owned() },
        _ => io(source),
    })?;
    if metadata.is_dir() {
        return Err(OpenError::Directory { path: owned() });
    }
    if metadata.len() == 0 {
        return Err(OpenError::Empty { path: owned() });
    }
    let mut header = [0; 100];
    let mut file = File::open(path).map_err(io)?;
    let mut read = 0;
    while read < header.len() {
        match file.read(&mut header[read..]) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(source) if source.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(io(source)),
        }
    }
    if read < MAGIC.len() && MAGIC.starts_with(&header[..read]) {
        return Err(OpenError::Truncated { path: owned(), found: metadata.len(), expected: 100 });
    }
    if !header.starts_with(MAGIC) {
        return Err(OpenError::NotSqlite { path: owned() });
    }
    if read < header.len() {
        return Err(OpenError::Truncated { path: owned(), found: metadata.len(), expected: 100 });
    }
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if header[18] == 2 && log(path).exists() {
        return Ok((file, true));
    }
    check_kind(path, word(68), word(60))?;
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        size => u64::from(size),
    };
    let expected = page_size * u64::from(word(28));
    if metadata.len() < expected {
        return Err(OpenError::Truncated { path: owned(), found: metadata.len(), expected });
    }
    Ok((file, false))
}

/// The write-ahead log of a database.
fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Whether it is a recording, and not of a version that is not known yet.
fn check_kind(path: &Path, application: u32, version: u32) -> Result<(), OpenError> {
    if application != APPLICATION_ID {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
            found: application,
            expected: APPLICATION_ID,
        });
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            supported: SCHEMA_VERSION,
        });
    }
    Ok(())
}
