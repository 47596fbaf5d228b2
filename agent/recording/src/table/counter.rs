//! Sampled quantities: processor load, resident memory, GPU utilisation, power.

use super::table;
use crate::{CounterId, DeviceId, HostId, ProcessId, Timestamp};

table! {
    /// A quantity that is sampled over time.
    Counter in "counters" {
        /// The machine that it was read on.
        host_id: HostId,
        /// The process that it describes, when it describes one.
        process_id: Option<ProcessId>,
        /// The GPU that it describes, when it describes one.
        device_id: Option<DeviceId>,
        /// The GPU's index on the machine, for counters of whole GPUs that no recorded process used.
        gpu_index: Option<i64>,
        /// What is measured, for example `cpu`, `rss`, `threads`, `gpu_utilization`, `memory_used`, `power`.
        name: String,
        /// Unit of the samples: `pct`, `bytes`, `count`, `W`, `MHz`, `C`, `bytes/s`.
        unit: String,
    }
}

table! {
    /// One reading of a counter.
    CounterSample in "counter_samples" {
        /// The counter.
        counter_id: CounterId,
        /// When, ns.
        time_ns: Timestamp,
        /// The reading, in the counter's unit.
        value: f64,
    }
}
