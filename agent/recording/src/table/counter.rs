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
        /// What is measured, for example `cpu`, `rss`, `threads`, `gpu_utilization`, `memory_used`, `power`, `tree_cpu`
        /// (all processes of the command together), `throttle_power_cap` (a reason why the GPU's clocks are held down).
        name: String,
        /// Unit of the samples: `pct`, `bytes`, `count`, `W`, `J`, `MHz`, `C`, `bytes/s`, `1/s`, or `state`: 1 from that
        /// moment on, 0 no longer.
        unit: String,
    }
}

table! {
    /// One reading of a counter. Of quantities that rarely change, only the first and last of equal readings are kept.
    events: CounterSample in "counter_samples" {
        /// The counter.
        counter_id: CounterId,
        /// When, ns.
        time_ns: Timestamp,
        /// The reading, in the counter's unit.
        value: f64,
    }
}
