//! Allocations on a device.

use super::table;
use crate::{DeviceId, ProcessId, StringId, Timestamp};

table! {
    /// A change or a reading of a process's device memory.
    events: MemoryEvent in "memory" {
        /// The process.
        process_id: ProcessId,
        /// The device; NULL for host memory.
        device_id: Option<DeviceId>,
        /// When, ns.
        time_ns: Timestamp,
        /// Bytes allocated (positive) or freed (negative) by this event; NULL for a reading.
        bytes: Option<i64>,
        /// Address of the block.
        address: Option<i64>,
        /// Bytes handed out by the framework's allocator after this event.
        allocated_bytes: Option<i64>,
        /// Bytes that the framework's allocator holds after this event.
        reserved_bytes: Option<i64>,
        /// Bytes that the driver accounts to the process.
        device_bytes: Option<i64>,
        /// Who reported it: `cupti`, `nvml`, `kineto`, … in `strings`.
        source_id: StringId,
        /// What kind of memory, in `strings`: `device`, `pinned`, `managed`, `pool`, …, or what a tensor is for:
        /// `parameter`, `activation`, …; NULL where not told.
        kind_id: Option<StringId>,
        /// Where the program asked for it, in `strings`: `train.py:42 step`; NULL where not told.
        site_id: Option<StringId>,
        /// Joins it to the row of `api_calls` of the same process that asked for it.
        correlation: Option<i64>,
    }
}
