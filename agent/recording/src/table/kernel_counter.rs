//! Hardware counters of kernels.

use super::table;
use crate::{DeviceId, ProcessId, StringId, Timestamp};

table! {
    /// What one hardware counter showed of one kernel, or of a whole stretch of a run. Measured by CUPTI's range profiler, which
    /// runs kernels one after the other, and each as often as its counters need.
    events: KernelCounter in "kernel_counters" {
        /// The process.
        process_id: ProcessId,
        /// The GPU, where that is known.
        device_id: Option<DeviceId>,
        /// The range that was measured, numbered from 0 within the process, of each GPU in the order of the launches. Rows with
        /// the same number are of one range.
        range_index: i64,
        /// Start of the range, ns. PyTorch makes the times up: it divides the stretch that was measured evenly among its kernels.
        start_ns: Timestamp,
        /// End of the range, ns; made up as its start is.
        end_ns: Timestamp,
        /// The kernel, in `strings`; `__profile__` for a whole stretch.
        name_id: StringId,
        /// What was counted, in `strings`, as CUPTI calls it: `dram__bytes_read.sum`.
        metric_id: StringId,
        /// How much of it, in the metric's own unit.
        value: f64,
        /// Joins it to the row of `api_calls` of the same process that launched the kernel.
        correlation: Option<i64>,
    }
}
