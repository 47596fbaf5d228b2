//! One event of a lane.

use crate::model::names::NameId;
use crate::model::tint::Tint;

/// Times beyond this are not believed (the year 2043 is 2.3e18 ns), so that differences cannot overflow.
pub const FURTHEST_TIME: i64 = 1 << 61;

/// What many events have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Their name.
    pub name: NameId,
    /// What they are drawn as.
    pub tint: Tint,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Start, ns.
    pub start: i64,
    /// End, ns; not before the start.
    pub end: i64,
    /// Its name.
    pub name: NameId,
    /// What it is drawn as.
    pub tint: Tint,
    /// Its position in the table of the recording that it came from.
    pub row: u32,
}

impl Event {
    /// An event with its times brought into order and range.
    #[must_use]
    pub fn new(start: i64, end: i64, name: NameId, tint: Tint, row: usize) -> Self {
        let (start, end) = believed(start, end);
        Self { start, end, name, tint, row: u32::try_from(row).unwrap_or(u32::MAX) }
    }
}

/// Times in order and range.
pub(crate) fn believed(start: i64, end: i64) -> (i64, i64) {
    let start = start.clamp(-FURTHEST_TIME, FURTHEST_TIME);
    (start, end.clamp(start, FURTHEST_TIME))
}
