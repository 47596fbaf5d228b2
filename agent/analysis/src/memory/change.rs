//! The changes of a process's memory in the order in which they happened.

use perfagent_recording::table::MemoryEvent;
use perfagent_recording::{DeviceId, Recording, StringId};

use super::peak::POOL;
use crate::process::{ProcessRows, pick};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) time: i64,
    pub(super) device: Option<DeviceId>,
    /// More (positive) or less; `None` for a reading.
    pub(super) bytes: Option<i64>,
    pub(super) address: Option<i64>,
    /// What the allocator says has been handed out on this device after it.
    pub(super) level: Option<i64>,
    pub(super) reserved: Option<i64>,
    pub(super) kind: Option<StringId>,
    pub(super) site: Option<StringId>,
    pub(super) correlation: Option<i64>,
}

/// All that are looked at, in order of time; those of one moment in the order in which they were recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    /// Changes of memory on GPUs, where there are any, else on the host; never both. Those of the framework's allocator,
    /// where it tells its level, else those of the driver: the driver's hold the framework's.
    pub(super) fn of(recording: &Recording, rows: &ProcessRows) -> Self {
        let of_pool =
            |kind: Option<StringId>| kind.is_some_and(|kind| recording.strings.get(kind) == POOL);
        let mut changes: Vec<Change> = pick(&recording.memory, &rows.memory)
            .filter(|row| row.bytes.is_some() || row.allocated_bytes.is_some())
            .filter(|row| !of_pool(row.kind_id))
            .map(|row| Change::of(&row))
            .collect();
        let matters = |change: &Change| change.bytes.is_some();
        if changes.iter().any(|change| matters(change) && change.device.is_some()) {
            changes.retain(|change| change.device.is_some());
        } else {
            changes.retain(|change| change.device.is_none());
        }
        if changes.iter().any(|change| matters(change) && change.level.is_some()) {
            changes.retain(|change| change.level.is_some());
        } else {
            changes.retain(|change| change.level.is_none());
        }
        changes.sort_by_key(|change| change.time);
        Self(changes)
    }
}

impl Change {
    fn of(row: &MemoryEvent) -> Self {
        Self {
            time: row.time_ns.unix_nanos(),
            device: row.device_id,
            bytes: row.bytes,
            address: row.address,
            level: row.allocated_bytes,
            reserved: row.reserved_bytes,
            kind: row.kind_id,
            site: row.site_id,
            correlation: row.correlation,
        }
    }
}
