//! Rows of a table by the names of their columns, of which any may be missing.

use rusqlite::types::ValueRef;

use super::problem::{Problem, Problems};

/// A row of which some columns are wanted.
pub(crate) trait FromRow {
    /// The columns, in the order in which [`FromRow::read`] takes their values.
    const COLUMNS: &'static [&'static str];

    /// Takes the values.
    fn read(cells: &mut Cells<'_, '_>) -> Self;
}

/// A row of which only the number matters.
impl FromRow for () {
    const COLUMNS: &'static [&'static str] = &[];

    fn read(_: &mut Cells<'_, '_>) -> Self {}
}

/// The values of one row, taken one after the other.
pub(crate) struct Cells<'a, 'row> {
    table: &'a str,
    number: i64,
    row: &'a rusqlite::Row<'row>,
    columns: &'static [&'static str],
    next: usize,
    problems: &'a mut Problems,
}

impl<'a, 'row> Cells<'a, 'row> {
    /// The values behind the row's number, which is the first.
    pub(super) fn new(
        table: &'a str,
        number: i64,
        row: &'a rusqlite::Row<'row>,
        columns: &'static [&'static str],
        problems: &'a mut Problems,
    ) -> Self {
        Self { table, number, row, columns, next: 0, problems }
    }

    /// The next value; `None` where there is none, or one of another type, which is counted.
    pub(crate) fn take<T: Cell>(&mut self) -> Option<T> {
        let column = self.columns.get(self.next)?;
        self.next += 1;
        let value = self.row.get_ref(self.next).ok()?;
        if matches!(value, ValueRef::Null) {
            return None;
        }
        let taken = T::of(value);
        if taken.is_none() {
            self.problems.add(self.table, Problem::Value(column), self.number, || shown(value));
        }
        taken
    }
}

/// A type that a value can have.
pub(crate) trait Cell: Sized {
    /// The value, when it is of that type.
    fn of(value: ValueRef<'_>) -> Option<Self>;
}

impl Cell for i64 {
    fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(value) => Some(value),
            _ => None,
        }
    }
}

impl Cell for f64 {
    fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(value) => Some(value as Self),
            ValueRef::Real(value) => Some(value),
            _ => None,
        }
    }
}

impl Cell for String {
    fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Text(bytes) => Some(Self::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }
}

/// A value for a message, shortened.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(value) => value.to_string(),
        // With an exponent where it would else have hundreds of digits.
        ValueRef::Real(value) => format!("{value:?}"),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            format!("`{}`", text.chars().take(40).collect::<String>().escape_debug())
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

/// Declares a row: the struct, its columns, and how it is read, from one text.
macro_rules! row {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($field:ident: $type:ty = $column:literal,)+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        struct $name {
            $($field: Option<$type>,)+
        }

        impl $crate::nsys::row::FromRow for $name {
            const COLUMNS: &'static [&'static str] = &[$($column,)+];

            fn read(cells: &mut $crate::nsys::row::Cells<'_, '_>) -> Self {
                Self { $($field: cells.take(),)+ }
            }
        }
    };
}

pub(crate) use row;
