//! The value of a field as one integer, or none.

use crate::table::{CopyKind, Timing, WaitKind};
use crate::{CounterId, DeviceId, HostId, ProcessId, StreamId, StringId, ThreadId, Timestamp};

/// A field that fits an integer without loss.
pub(crate) trait Cell: Copy {
    /// Whether it is a time, which is near to the one before it in the row.
    const IS_TIME: bool = false;

    /// Its integer; `None` when it has no value.
    fn to_cell(self) -> Option<i64>;

    /// The field again.
    fn from_cell(cell: Option<i64>) -> Self;
}

macro_rules! cells {
    ($($type:ty, $to:expr, $from:expr;)+) => {$(
        impl Cell for $type {
            #[inline]
            fn to_cell(self) -> Option<i64> {
                Some(($to)(self))
            }

            #[inline]
            fn from_cell(cell: Option<i64>) -> Self {
                ($from)(cell.unwrap_or(0))
            }
        }
    )+};
}

cells! {
    i64, |value| value, |cell| cell;
    bool, i64::from, |cell| cell != 0;
    f64, |value: f64| value.to_bits().cast_signed(), |cell: i64| f64::from_bits(cell.cast_unsigned());
    HostId, |id: HostId| id.0, HostId;
    ProcessId, |id: ProcessId| id.0, ProcessId;
    ThreadId, |id: ThreadId| id.0, ThreadId;
    DeviceId, |id: DeviceId| id.0, DeviceId;
    StreamId, |id: StreamId| id.0, StreamId;
    StringId, |id: StringId| id.0, StringId;
    CounterId, |id: CounterId| id.0, CounterId;
    CopyKind, CopyKind::number, CopyKind::of_number;
    Timing, Timing::number, Timing::of_number;
    WaitKind, WaitKind::number, WaitKind::of_number;
}

impl Cell for Timestamp {
    const IS_TIME: bool = true;

    #[inline]
    fn to_cell(self) -> Option<i64> {
        Some(self.unix_nanos())
    }

    #[inline]
    fn from_cell(cell: Option<i64>) -> Self {
        Self::from_unix_nanos(cell.unwrap_or(0))
    }
}

impl<T: Cell> Cell for Option<T> {
    const IS_TIME: bool = T::IS_TIME;

    #[inline]
    fn to_cell(self) -> Option<i64> {
        self.and_then(T::to_cell)
    }

    #[inline]
    fn from_cell(cell: Option<i64>) -> Self {
        cell.map(|cell| T::from_cell(Some(cell)))
    }
}
