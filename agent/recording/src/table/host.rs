//! Machines, and facts about the recording itself.

use super::table;

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
