//! Rows of what is found by following a rank's work from the host to the GPU.

use serde::{Deserialize, Serialize};

use super::TimeSeries;

/// The time of the GPU that belongs to one operator or range name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedRow {
    /// The operator's or range's name.
    pub name: String,
    /// The range's NVTX domain; empty for the default one and for operators.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// How often it ran on the host.
    pub count: i64,
    /// Time of the GPU operations that were launched while it was the innermost one on its thread, ns. Operations that ran at
    /// the same time count each.
    pub own_gpu_ns: i64,
    /// The same with what was launched in what is nested in it, ns.
    pub gpu_ns: i64,
    /// GPU operations that make up `own_gpu_ns`.
    pub own_operations: i64,
    /// GPU operations that make up `gpu_ns`.
    pub operations: i64,
    /// The kernels and kinds of copies with most of `own_gpu_ns`, greatest first.
    pub kernels: Vec<LaunchedKernel>,
}

/// A kernel of a [`LaunchedRow`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedKernel {
    /// Its full name, or the kind of copy.
    pub name: String,
    /// How often it ran.
    pub count: i64,
    /// Sum of the times, ns.
    pub total_ns: i64,
}

/// A sequence of GPU operations that one operator launched more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceRow {
    /// The operator.
    pub operator: String,
    /// The kernels and kinds of copies in the order of their launches.
    pub kernels: Vec<String>,
    /// How often the operator ran and launched exactly these.
    pub count: i64,
    /// Sum of the times of the operations, ns.
    pub gpu_ns: i64,
    /// Sum of the times of the operator on the host, ns.
    pub host_ns: i64,
}

/// How many GPU operations could be tied to what launched them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuLinks {
    /// All GPU operations.
    pub operations: i64,
    /// Their launching call is not in the recording.
    pub without_call: i64,
    /// Their call is known and was in no operator.
    pub without_operator: i64,
    /// Their call is known and was in no push/pop range.
    pub without_range: i64,
}

/// The chain of causes that leads to the end of a stretch of time: the steps of the rank, or all of it when it has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CriticalPathFigures {
    /// Where the stretch begins, ns since the Unix epoch.
    pub start_ns: i64,
    /// Its length, ns: the sum of all pieces of the path.
    pub window_ns: i64,
    /// How many pieces the path has.
    pub segments: i64,
    /// The path by what its pieces are, greatest total first; they add up to `window_ns`.
    pub by_kind: Vec<CriticalKind>,
    /// The path by kernel, copy, operator, call and range, greatest total first; 50 at most.
    pub by_name: Vec<CriticalName>,
}

/// One kind of piece of a critical path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CriticalKind {
    /// `host`, `launch_delay`, `kernel`, `communication`, `copy`, `wait` or `idle`.
    pub kind: String,
    /// How many pieces.
    pub count: i64,
    /// Their time, ns.
    pub total_ns: i64,
    /// Their share of the stretch, 0..100.
    pub share_pct: f64,
    /// Of `communication`: the time of those pieces whose collective was found on every rank of its group, with times of one
    /// clock, ns. `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_ns: Option<i64>,
    /// Of `matched_ns`: the time until the last rank of the group had begun, ns. It was waiting for other ranks, whose own paths
    /// say what these did meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_ns: Option<i64>,
}

/// One name on a critical path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CriticalName {
    /// The kernel, kind of copy, operator, call or range; what has no name stands in round brackets.
    pub name: String,
    /// As in [`CriticalKind::kind`].
    pub kind: String,
    /// How many pieces of the path.
    pub count: i64,
    /// Their time, ns. The stretch becomes shorter by this at most when it is made free: another path may then be the longest.
    pub total_ns: i64,
    /// Their share of the stretch, 0..100.
    pub share_pct: f64,
}

/// What one operator achieved on inputs of one shape and type. See the crate's documentation of roofline points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RooflineRow {
    /// The operator's name.
    pub name: String,
    /// The shapes of its inputs.
    pub shapes: String,
    /// The element type of its matrices; `None` when unknown.
    pub dtype: Option<String>,
    /// How often it ran.
    pub count: i64,
    /// Floating-point operations of all runs.
    pub flops: i64,
    /// The least that all runs had to move, bytes; `None` when the element types or the outputs are unknown.
    pub bytes: Option<i64>,
    /// The time that they took, ns: of their GPU operations, or their own on a run without a GPU.
    pub time_ns: i64,
    /// `flops / time_ns`, 1e12 operations/s.
    pub tflops: f64,
    /// `bytes / time_ns`, 1e9 bytes/s.
    pub gbps: Option<f64>,
    /// `flops / bytes`.
    pub intensity: Option<f64>,
}

/// How many launches waited for one stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueRow {
    /// CUDA ordinal.
    pub device: i64,
    /// CUPTI's number of the stream.
    pub stream: i64,
    /// The greatest number of launches whose operation had not begun.
    pub max: i64,
    /// Their mean number over `window_ns`; `None` when no time passed.
    pub mean: Option<f64>,
    /// Time in which the queue was full (1000 launches or more) and a further launch is held to block its thread, ns.
    pub blocked_ns: i64,
    /// Time in which nothing waited, ns: the stream had to wait for the host as soon as it had nothing to run.
    pub empty_ns: i64,
    /// From the first launch to the last end of an operation, ns.
    pub window_ns: i64,
    /// Launches that the figures rest on.
    pub launches: i64,
    /// Operations without a launching call, or that began before it.
    pub left_out: i64,
    /// Their number over `window_ns`; `None` when no time passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_over_time: Option<TimeSeries<i64>>,
}

/// What launching cost. A launch is a call with the GPU operations that it launched: one, or all of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaunchStatistics {
    /// Launches whose operations are in the recording.
    pub launches: i64,
    /// Time that their calls took on the host, added up over threads, ns.
    pub call_ns: i64,
    /// Launches whose operations together ran for less time than their call.
    pub short: i64,
    /// Their share, 0..100; `None` without launches.
    pub short_pct: Option<f64>,
    /// Launches whose call took longer than `slow_above_ns`.
    pub slow: i64,
    /// Their share, 0..100.
    pub slow_pct: Option<f64>,
    /// Launches whose first operation began more than `late_above_ns` after the end of their call.
    pub late: i64,
    /// Their share, 0..100.
    pub late_pct: Option<f64>,
    /// Where `slow` begins, ns.
    pub slow_above_ns: i64,
    /// Where `late` begins, ns.
    pub late_above_ns: i64,
}

/// Steps that were found in the order of the kernels, where the program marks none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DetectedSteps {
    /// Always true: nobody marked these steps.
    pub detected: bool,
    /// The kernel that begins each of them.
    pub anchor: String,
    /// How many.
    pub count: i64,
    /// Mean length, ns.
    pub mean_ns: Option<f64>,
    /// Median length (nearest rank), ns.
    pub p50_ns: Option<i64>,
    /// 99th percentile (nearest rank), ns.
    pub p99_ns: Option<i64>,
    /// In order of time; each ends where the next one begins.
    pub steps: Vec<DetectedStep>,
}

/// One of [`DetectedSteps`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectedStep {
    /// Start on the GPU, ns since the Unix epoch.
    pub start_ns: i64,
    /// Length, ns.
    pub duration_ns: i64,
}
