//! The columns of a row that is being read, wherever they come from.

use rusqlite::types::FromSql;

/// The columns of one row, one after the other.
pub trait Columns {
    /// Why a value cannot be read.
    type Error;

    /// The value of the next column; an error when it is none of `T`.
    fn next<T: FromSql>(&mut self) -> Result<T, Self::Error>;
}

/// Those of a row that SQLite answers with.
pub(crate) struct Answer<'a, 'b> {
    row: &'a rusqlite::Row<'b>,
    next: usize,
}

impl<'a, 'b> Answer<'a, 'b> {
    /// From the first column on.
    pub(crate) const fn of(row: &'a rusqlite::Row<'b>) -> Self {
        Self { row, next: 0 }
    }
}

impl Columns for Answer<'_, '_> {
    type Error = rusqlite::Error;

    fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }
}
