//! The rows of a recording, one file a family of tables.
//!
//! Each row type is written once, with [`table!`](self): the same text gives the Rust struct, the SQL
//! table, the insert statement, the reader and the page of `SCHEMA.md`.

mod communication;
mod counter;
mod gpu;
mod host;
mod kernel_counter;
mod list;
mod memory;
mod process;
mod quality;
mod range;

pub use communication::{Collective, CollectiveTest, Timing};
pub use counter::{Counter, CounterSample};
pub use gpu::{
    ApiCall, Context, Copy, CopyKind, Device, Kernel, Stream, Synchronization, WaitKind,
};
pub use host::{Gpu, Host, Meta};
pub use kernel_counter::KernelCounter;
pub(crate) use list::tables;
pub use memory::MemoryEvent;
pub use process::{Library, Process, Thread};
pub use quality::{ClockAnchor, Loss, Note, Overhead, Severity, SpoolProgress};
pub use range::{Mark, Operator, Payload, Range};

use crate::Columns;
use crate::kept::Kept;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in SQL.
    pub name: &'static str,
    /// Its declared SQL type, with `NOT NULL` where it always has a value.
    pub sql_type: &'static str,
    /// What it holds, with the unit.
    pub doc: &'static str,
}

/// A row that knows its table.
pub trait Row: Kept + Clone + Send + Sized + 'static {
    /// The table's name.
    const TABLE: &'static str;
    /// What one row stands for.
    const DOC: &'static str;
    /// The columns after the implicit `id INTEGER PRIMARY KEY`.
    const COLUMNS: &'static [Column];

    /// Binds the columns to an insert statement, in the order of [`Row::COLUMNS`], after `column` parameters that are of
    /// other rows.
    fn bind(&self, statement: &mut rusqlite::Statement<'_>, column: usize) -> rusqlite::Result<()>;

    /// Reads the columns, in the order of [`Row::COLUMNS`].
    fn read<C: Columns>(columns: &mut C) -> Result<Self, C::Error>;
}

/// How a Rust type is declared in SQL.
pub(crate) trait Field {
    /// The column's declaration.
    const SQL_TYPE: &'static str;
}

macro_rules! fields {
    ($($sql:literal, $nullable:literal: $($rust:ty),+;)+) => {$($(
        impl Field for $rust {
            const SQL_TYPE: &'static str = $sql;
        }
        impl Field for Option<$rust> {
            const SQL_TYPE: &'static str = $nullable;
        }
    )+)+};
}

fields! {
    "INTEGER NOT NULL", "INTEGER": i64, u32, i32, u16, bool, crate::Timestamp, crate::HostId,
        crate::ProcessId, crate::ThreadId, crate::DeviceId, crate::StreamId, crate::StringId,
        crate::CounterId;
    "REAL NOT NULL", "REAL": f64;
    "TEXT NOT NULL", "TEXT": String, CopyKind, Severity, Timing, WaitKind;
}

impl Field for Payload {
    const SQL_TYPE: &'static str = "";
}

/// Declares a table: the struct, its SQL and its documentation from one text. One of events can be kept packed, too.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        events: $name:ident in $table:literal {
            $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+
        }
    ) => {
        $crate::table::table! {
            $(#[doc = $doc])+
            $name in $table {
                $($(#[doc = $field_doc])+ $field: $type,)+
            }
        }

        const _: () = {
            use $crate::packed::{Event, Packable};

            /// Rows of the table, column by column.
            #[derive(Clone, Debug)]
            pub struct Chunk {
                $($field: <$type as Packable>::Column,)+
            }

            /// Rows of the table that are to be packed.
            #[derive(Default)]
            pub struct Open {
                $($field: <$type as Packable>::Values,)+
            }

            impl Event for $name {
                type Chunk = Chunk;
                type Open = Open;

                #[inline(always)]
                fn push(self, open: &mut Open) {
                    let mut time = 0;
                    $(Packable::push(self.$field, &mut open.$field, &mut time);)+
                }

                fn pack(open: &mut Open) -> Chunk {
                    Chunk {
                        $($field: <$type as Packable>::pack(&mut open.$field),)+
                    }
                }

                #[inline(always)]
                fn unpack(chunk: &Chunk, index: usize) -> Self {
                    let mut time = 0;
                    Self {
                        $($field: <$type as Packable>::unpack(&chunk.$field, index, &mut time),)+
                    }
                }

                fn chunk_bytes(chunk: &Chunk) -> usize {
                    let mut bytes = size_of::<Chunk>();
                    $(bytes += <$type as Packable>::heap_bytes(&chunk.$field);)+
                    bytes
                }

                #[inline(always)]
                fn times(&self) -> (i64, i64) {
                    let (mut start, mut end) = (None, None);
                    $(match stringify!($field) {
                        "start_ns" | "time_ns" => start = Packable::nanos(self.$field),
                        "end_ns" => end = Packable::nanos(self.$field),
                        _ => {}
                    })+
                    let start = start.or(end).unwrap_or(0);
                    (start, end.unwrap_or(start).max(start))
                }
            }
        };
    };
    (
        $(#[doc = $doc:literal])+
        $name:ident in $table:literal {
            $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $type,)+
        }

        impl $crate::table::Row for $name {
            const TABLE: &'static str = $table;
            const DOC: &'static str = concat!($($doc),+);
            const COLUMNS: &'static [$crate::table::Column] = &[$(
                $crate::table::Column {
                    name: stringify!($field),
                    sql_type: <$type as $crate::table::Field>::SQL_TYPE,
                    doc: concat!($($field_doc),+),
                },
            )+];

            fn bind(
                &self,
                statement: &mut rusqlite::Statement<'_>,
                mut column: usize,
            ) -> rusqlite::Result<()> {
                $(
                    column += 1;
                    statement.raw_bind_parameter(column, &self.$field)?;
                )+
                Ok(())
            }

            #[inline]
            fn read<C: $crate::Columns>(columns: &mut C) -> Result<Self, C::Error> {
                Ok(Self { $($field: columns.next()?,)+ })
            }
        }
    };
}

/// Declares an enumeration that is stored as a short text.
macro_rules! text_enum {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[$variant_attr:meta])+ $variant:ident = $text:literal,)+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_attr])+ $variant,)+
        }

        impl $name {
            /// The text in the file and in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Its position in the declaration.
            #[must_use]
            pub const fn number(self) -> i64 {
                self as i64
            }

            /// The one at this position; the default where there is none.
            #[must_use]
            pub fn of_number(number: i64) -> Self {
                const ALL: &[$name] = &[$($name::$variant),+];
                usize::try_from(number).ok().and_then(|at| ALL.get(at)).copied().unwrap_or_default()
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                // NULL where an older version had no such column.
                Ok(match value.as_str_or_null()? {
                    $(Some($text) => Self::$variant,)+
                    _ => Self::default(),
                })
            }
        }
    };
}

pub(crate) use {table, text_enum};
