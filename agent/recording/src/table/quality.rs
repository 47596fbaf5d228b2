//! How good the recording is: what was lost, how the clocks relate, what went wrong.

use super::{table, text_enum};
use crate::{HostId, ProcessId, StringId, ThreadId, Timestamp};

table! {
    /// The same moment read on two clocks of a machine.
    ClockAnchor in "clock_anchors" {
        /// The machine.
        host_id: HostId,
        /// The process that read it; NULL for the recorder.
        process_id: Option<ProcessId>,
        /// On the recording's clock, ns.
        time_ns: Timestamp,
        /// `CLOCK_REALTIME` at that moment, ns since the Unix epoch.
        realtime_ns: Timestamp,
    }
}

table! {
    /// Events that could not be kept, by cause.
    Loss in "losses" {
        /// The process; NULL when it concerns the whole recording.
        process_id: Option<ProcessId>,
        /// Why, for example `ring_full`, `thread_buffer_full`, `cupti_dropped`, `zero_timestamp`, `nvml_hang`,
        /// `gpu_lost`.
        cause: String,
        /// How many events.
        count: i64,
        /// From when, ns, where that is known.
        start_ns: Option<Timestamp>,
        /// Until when, ns, where that is known.
        end_ns: Option<Timestamp>,
    }
}

table! {
    /// Time that CUPTI or the driver spent on recording, and on what a program pays for once.
    events: Overhead in "overheads" {
        /// The process.
        process_id: ProcessId,
        /// The thread that it held up, where that is known.
        thread_id: Option<ThreadId>,
        /// Start, ns.
        start_ns: Timestamp,
        /// End, ns.
        end_ns: Timestamp,
        /// What for, in `strings`: `buffer-flush`, `instrumentation`, `resource`, `module-loading`, …
        kind_id: StringId,
        /// Joins it to the row of `api_calls` of the same process that it happened in.
        correlation: Option<i64>,
    }
}

text_enum! {
    /// How much a note matters.
    Severity {
        /// Good to know.
        #[default]
        Info = "info",
        /// Figures may be incomplete.
        Warning = "warning",
    }
}

table! {
    /// Something the reader of the report should know.
    Note in "notes" {
        /// The process; NULL when it concerns the whole recording.
        process_id: Option<ProcessId>,
        /// When, ns, where that is known.
        time_ns: Option<Timestamp>,
        /// `info` or `warning`.
        severity: Severity,
        /// One sentence.
        text: String,
    }
}

table! {
    /// How far each spool file has been read into this recording. Empty in a finished one.
    SpoolProgress in "spool_progress" {
        /// The spool file's name.
        ring: String,
        /// The process that it belongs to.
        process_id: ProcessId,
        /// Byte position up to which its records are in the recording.
        position: i64,
    }
}
