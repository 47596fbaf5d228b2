//! Rows of the time in which a GPU had nothing to do, and of the calls in which the host waited for it.

use serde::{Deserialize, Serialize};

/// The time in which no operation of the rank ran on any stream of any GPU, by what ended it: from the start of the first step
/// to the end of the last, or over the whole span where there are no steps.
///
/// `idle_ns` is the sum of `data_ns` and of the causes' `total_ns`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// Where the stretch begins, ns since the Unix epoch.
    pub start_ns: i64,
    /// Its length, ns.
    pub window_ns: i64,
    /// Time of it in which nothing ran, ns.
    pub idle_ns: i64,
    /// Of that, the time in which data was being loaded, ns.
    pub data_ns: i64,
    /// The rest by cause, greatest total first.
    pub causes: Vec<GapRow>,
    /// Kernels that ran for a short time only, of the whole recording.
    pub short: ShortKernels,
}

/// What an idle GPU was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The host had stopped in a call that waits for the GPU: the call was there before the GPU ran out of work, and ended
    /// before it got more.
    Synchronization,
    /// The launch came late: its call began after the GPU had run out of work.
    LateLaunch,
    /// The launch was in time, and the gap is under 30 µs: what the GPU needs from one operation to the next.
    Turnaround,
    /// A longer gap before an operation that was launched in time: a wait for another stream or another rank. Also the idle
    /// end of the stretch.
    Other,
    /// A longer gap before an operation whose launching call is not in the recording.
    Unlinked,
}

/// The gaps of one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRow {
    /// The cause.
    pub cause: GapCause,
    /// How many.
    pub count: i64,
    /// Their time without loading of data, ns.
    pub total_ns: i64,
    /// Gaps of 1 ms and more: longer than any launch takes, so that the host did something else.
    pub long: i64,
    /// Their time, ns.
    pub long_ns: i64,
    /// Shorter gaps that a kernel ended which ran for a short time, see [`ShortKernels`].
    pub before_short: i64,
    /// Their time, ns.
    pub before_short_ns: i64,
    /// Of [`GapCause::Synchronization`]: by how much the host would have been earlier without the wait, each time at most the
    /// gap, ns.
    pub waited_ns: i64,
    /// The part of `waited_ns` in gaps of 1 ms and more.
    pub long_waited_ns: i64,
    /// Where the longest gap begins, ns since the Unix epoch.
    pub longest_start_ns: i64,
    /// Its length, ns.
    pub longest_ns: i64,
}

/// Kernels that ran for a short time only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortKernels {
    /// What is shorter than this is short, ns.
    pub below_ns: i64,
    /// How many kernels are.
    pub count: i64,
    /// Their time, ns.
    pub total_ns: i64,
    /// Kernels of any length.
    pub of: i64,
}

/// Calls of one name in which a thread waited until the GPU had done something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWaitRow {
    /// The function; of a copy that returned only when the data was there, with the direction: `cudaMemcpyAsync (DtoH)`. Of a
    /// wait whose call is not in the recording, `(stream)`, `(event)` or `(context)`.
    pub name: String,
    /// How many.
    pub count: i64,
    /// Sum of the times, ns.
    pub total_ns: i64,
    /// Where the longest one begins, ns since the Unix epoch.
    pub longest_start_ns: i64,
    /// Its length, ns.
    pub longest_ns: i64,
}
