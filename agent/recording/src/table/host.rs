//! Machines, and facts about the recording itself.

use super::table;
use crate::HostId;

table! {
    /// A machine that took part.
    Host in "hosts" {
        /// Its host name.
        name: String,
        /// Processor model as the operating system names it.
        cpu_model: Option<String>,
        /// Logical processors that are online.
        logical_cores: Option<i64>,
        /// Main memory in bytes.
        memory_bytes: Option<i64>,
        /// Operating system and kernel version.
        system: Option<String>,
        /// NVIDIA driver version.
        driver_version: Option<String>,
    }
}

table! {
    /// A GPU of a machine as the driver's management library shows it when the recording starts, whether a recorded process
    /// uses it or not. `devices` with the same UUID are it; counters name it by its index.
    Gpu in "gpus" {
        /// Its machine.
        host_id: HostId,
        /// The library's number for it on that machine.
        gpu_index: i64,
        /// Its UUID (`GPU-…`).
        uuid: Option<String>,
        /// Product name.
        name: Option<String>,
        /// Its place on the bus, `00000000:9B:00.0`.
        pci: Option<String>,
        /// The power limit that is enforced, in watts.
        power_limit_watts: Option<f64>,
        /// The highest clock of its multiprocessors, MHz. Clocks that were locked lower show in the counter `sm_clock`.
        most_sm_clock_mhz: Option<i64>,
        /// The highest clock of its memory, MHz.
        most_memory_clock_mhz: Option<i64>,
    }
}

table! {
    /// A fact about the whole recording: `source`, `perfagent_version`, `command`, `exit_code`, … `job` is the distributed
    /// job that it is of. Recordings with the same `boot_id` have the same monotonic clock: their times minus their
    /// `clock_offset_ns`.
    Meta in "meta" {
        /// Its name.
        key: String,
        /// Its value as text.
        value: String,
    }
}
