//! An SQLite file that may be damaged, and that is never written to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::problem::{Problem, Problems};
use super::row::{Cells, FromRow};

/// An open database.
pub(crate) struct Database {
    connection: Connection,
    /// The columns of each table.
    tables: BTreeMap<String, Vec<String>>,
}

/// What the schema's own table is called in messages.
const SCHEMA: &str = "sqlite_schema";

impl Database {
    /// Opens the database at `path`, and lists its tables as far as they can be read.
    pub(crate) fn open(path: &Path, problems: &mut Problems) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri(path), flags)?;
        // The file is not trusted: no functions in its schema, no cells that do not fit. `writable_schema` lets SQLite
        // read what there is of a file that was cut short; nothing can be written all the same.
        connection.execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA writable_schema = ON; PRAGMA query_only = ON;",
        )?;
        let mut tables = BTreeMap::new();
        {
            // A virtual table, which has no root page, would run code of its own.
            let mut names = connection
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
            let mut rows = names.query([])?;
            let mut count = 0;
            loop {
                match rows.next() {
                    Ok(Some(row)) => {
                        count += 1;
                        // A name that is no text belongs to no table that is known.
                        if let Ok(name) = row.get::<_, String>(0) {
                            tables.insert(name, Vec::new());
                        }
                    }
                    Ok(None) => break,
                    Err(error) if count == 0 => return Err(error),
                    Err(error) => {
                        problems.add(SCHEMA, Problem::Unreadable, count, || error.to_string());
                        break;
                    }
                }
            }
        }
        for (table, columns) in &mut tables {
            match columns_of(&connection, table) {
                Ok(found) => *columns = found,
                Err(error) => problems.add(table, Problem::Unreadable, 0, || error.to_string()),
            }
        }
        Ok(Self { connection, tables })
    }

    /// The tables and their columns.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.tables.iter().map(|(name, columns)| (name.as_str(), columns.as_slice()))
    }

    /// Whether there is such a table.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Calls `with` for every row of `table` that can be read, with its number; not at all when there is no such table.
    /// Columns that are missing are `None`.
    ///
    /// Where the table is damaged, what stands behind the damage is read from the end, in reverse order.
    pub(crate) fn each<R: FromRow, E>(
        &self,
        table: &str,
        problems: &mut Problems,
        mut with: impl FnMut(&mut Problems, i64, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(present) = self.tables.get(table).filter(|columns| !columns.is_empty()) else {
            return Ok(());
        };
        let mut last = None;
        let forward = self.scan(table, present, "ASC", problems, |problems, row, value| {
            // A damaged tree may lead to the same page again and again; the numbers of its rows cannot go on rising.
            if last.is_some_and(|last| row <= last) {
                return Ok(false);
            }
            last = Some(row);
            with(problems, row, value).map(|()| true)
        })?;
        let Some(damage) = forward else { return Ok(()) };
        let (mut behind, mut first) = (0_u64, None);
        self.scan(table, present, "DESC", problems, |problems, row, value| {
            if last.is_some_and(|last| row <= last) || first.is_some_and(|first| row >= first) {
                return Ok(false);
            }
            first = Some(row);
            behind += 1;
            with(problems, row, value).map(|()| true)
        })?;
        let gap = first.zip(last).map(|(first, last)| first.abs_diff(last).saturating_sub(1));
        // Rows are numbered without gaps; more than this is damage to the number itself.
        let missing = gap.filter(|&gap| gap < 1 << 32);
        problems.lose(missing.unwrap_or(0));
        problems.add(table, Problem::Unreadable, last.unwrap_or(0), || match missing {
            Some(missing) => {
                format!("{damage}; {missing} rows are lost, the {behind} behind them were read")
            }
            None => format!("{damage}; what follows is lost"),
        });
        Ok(())
    }

    /// The same where `with` cannot fail.
    pub(crate) fn look<R: FromRow>(
        &self,
        table: &str,
        problems: &mut Problems,
        mut with: impl FnMut(&mut Problems, i64, R),
    ) {
        let Ok(()) = self.each(table, problems, |problems, number, row| {
            with(problems, number, row);
            Ok::<(), Infallible>(())
        });
    }

    /// Reads in one direction until `with` says that it is enough (false) or damage ends it, which is returned.
    fn scan<R: FromRow, E>(
        &self,
        table: &str,
        present: &[String],
        order: &str,
        problems: &mut Problems,
        mut with: impl FnMut(&mut Problems, i64, R) -> Result<bool, E>,
    ) -> Result<Option<String>, E> {
        let mut sql = "SELECT rowid".to_owned();
        for column in R::COLUMNS {
            let found = present.iter().find(|name| name.eq_ignore_ascii_case(column));
            match found {
                Some(name) => sql.extend([", ", &quoted(name)]),
                None => sql.push_str(", NULL"),
            }
        }
        sql.extend([" FROM ", &quoted(table), " ORDER BY rowid ", order]);
        let mut statement = match self.connection.prepare(&sql) {
            Ok(statement) => statement,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let mut rows = match statement.query([]) {
            Ok(rows) => rows,
            Err(error) => return Ok(Some(error.to_string())),
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error.to_string())),
            };
            let number = row.get(0).unwrap_or(0);
            let value = R::read(&mut Cells::new(table, number, row, R::COLUMNS, problems));
            if !with(problems, number, value)? {
                return Ok(Some("its rows are out of order".to_owned()));
            }
        }
    }
}

pub(super) fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?)")?;
    let columns = statement.query_map([table], |row| row.get(0))?;
    columns.collect()
}

/// A name in SQL, whatever it holds.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The file as SQLite wants it named. Nobody writes to it, so no locks and no files beside it are needed, which a folder
/// that cannot be written to would refuse; unless a writer left a log there, which belongs to it.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(byte));
            }
            byte => uri.extend(["%", &format!("{byte:02X}")]),
        }
    }
    let left_over = ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).is_ok_and(|file| file.len() > 0)
    });
    if !left_over {
        uri.push_str("?immutable=1");
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{quoted, uri};

    #[test]
    fn names_mean_what_they_say() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(
            uri(Path::new("/a/ü?b#c%.sqlite")),
            "file:/a/%C3%BC%3Fb%23c%25.sqlite?immutable=1"
        );
    }
}
