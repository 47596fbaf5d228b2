//! The columns of a row that is being read, wherever SQLite hands them over.

use rusqlite::Error;
use rusqlite::functions::Context;
use rusqlite::types::{FromSql, FromSqlError};

use crate::table::Column;

/// The columns of one row.
pub trait Columns {
    /// The value of a column; an error when it is none of `T`.
    fn get<T: FromSql>(&self, index: usize) -> rusqlite::Result<T>;
}

impl Columns for rusqlite::Row<'_> {
    fn get<T: FromSql>(&self, index: usize) -> rusqlite::Result<T> {
        rusqlite::Row::get(self, index)
    }
}

/// The arguments of an SQL function, which are the columns of a row.
pub(crate) struct Arguments<'a, 'b> {
    pub(crate) context: &'a Context<'b>,
    pub(crate) columns: &'static [Column],
}

impl Columns for Arguments<'_, '_> {
    #[inline]
    fn get<T: FromSql>(&self, index: usize) -> rusqlite::Result<T> {
        let value = self.context.get_raw(index);
        T::column_result(value).map_err(|error| {
            let kind = value.data_type();
            // As a row says it.
            match error {
                FromSqlError::InvalidType => {
                    let name = self.columns.get(index).map_or("id", |column| column.name);
                    Error::InvalidColumnType(index, name.to_owned(), kind)
                }
                FromSqlError::OutOfRange(value) => Error::IntegralValueOutOfRange(index, value),
                FromSqlError::Utf8Error(error) => Error::Utf8Error(index, error),
                FromSqlError::Other(error) => Error::FromSqlConversionFailure(index, kind, error),
                error => Error::FromSqlConversionFailure(index, kind, Box::new(error)),
            }
        })
    }
}
