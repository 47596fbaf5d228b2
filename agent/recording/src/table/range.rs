//! What the program said it was doing: NVTX ranges, marks, and framework operators.

use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

use super::table;
use crate::{ProcessId, StringId, ThreadId, Timestamp};

/// The number that an NVTX event carries: SQL NULL, INTEGER or REAL.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Payload {
    /// It carries none.
    #[default]
    None,
    /// An integer; unsigned 64-bit values keep their bits.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
}

impl Payload {
    /// The integer, when there is one.
    #[must_use]
    pub const fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(value),
            Self::None | Self::Real(_) => None,
        }
    }

    /// The payload as a floating-point number, when there is one.
    #[must_use]
    pub fn real(self) -> Option<f64> {
        match self {
            Self::Real(value) => Some(value),
            Self::Integer(value) => Some(value as f64),
            Self::None => None,
        }
    }
}

impl rusqlite::ToSql for Payload {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::None => rusqlite::types::Null.into(),
            Self::Integer(value) => value.into(),
            Self::Real(value) => value.into(),
        })
    }
}

impl FromSql for Payload {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            _ => Self::None,
        })
    }
}

table! {
    /// An NVTX range. Operators and collectives that arrive as ranges are in their own tables instead.
    events: Range in "ranges" {
        /// The process.
        process_id: ProcessId,
        /// The thread that opened it.
        thread_id: ThreadId,
        /// Start, ns.
        start_ns: Timestamp,
        /// End, ns.
        end_ns: Timestamp,
        /// How many push/pop ranges of the same thread and domain enclose it; NULL for a start/end range,
        /// which need not nest.
        depth: Option<i64>,
        /// The NVTX domain's name in `strings`; 0 is the default domain.
        domain_id: StringId,
        /// The NVTX category's name in `strings`; 0 is none.
        category_id: StringId,
        /// Its message in `strings`.
        name_id: StringId,
        /// Its ARGB colour, when it was given one.
        color: Option<i64>,
        /// The number that it carries.
        payload: Payload,
        /// 1 when its end was not seen and `end_ns` is the last sign of life of the process.
        open: bool,
    }
}

table! {
    /// An NVTX mark: a point in time with a message.
    events: Mark in "marks" {
        /// The process.
        process_id: ProcessId,
        /// The thread that set it.
        thread_id: ThreadId,
        /// When, ns.
        time_ns: Timestamp,
        /// The NVTX domain's name in `strings`; 0 is the default domain.
        domain_id: StringId,
        /// The NVTX category's name in `strings`; 0 is none.
        category_id: StringId,
        /// Its message in `strings`.
        name_id: StringId,
        /// The number that it carries.
        payload: Payload,
    }
}

table! {
    /// A framework operator as it ran on the host, for example `aten::addmm`.
    events: Operator in "operators" {
        /// The process.
        process_id: ProcessId,
        /// The thread that ran it.
        thread_id: ThreadId,
        /// Start on the host, ns.
        start_ns: Timestamp,
        /// End on the host, ns.
        end_ns: Timestamp,
        /// How many operators of the same thread enclose it.
        depth: i64,
        /// Its name in `strings`.
        name_id: StringId,
        /// The shapes of its inputs in `strings`, for example `[[8, 128], [128, 128]]`; 0 when unknown.
        shapes_id: StringId,
        /// The element types of its inputs in `strings`, for example `["float", "float"]`; NULL when unknown.
        types_id: Option<StringId>,
        /// Floating-point operations by the framework's own count; NULL when it did not count.
        flops: Option<i64>,
        /// The autograd sequence number that ties a forward operator to its backward one.
        sequence: Option<i64>,
        /// 1 when its end was not seen.
        open: bool,
    }
}
