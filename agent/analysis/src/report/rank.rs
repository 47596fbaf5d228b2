//! The figures of one rank.

use serde::{Deserialize, Serialize};

use super::{
    ClockRow, CollectiveRow, CopyRow, CriticalPathFigures, DetectedSteps, DeviceFacts, Gaps,
    GpuLinks, HostCostRow, HostWaitRow, IdleRow, KernelCounters, KernelRow, Launch,
    LaunchStatistics, LaunchedRow, LibraryFacts, LossRow, OperatorRow, QueueRow, RangeRow,
    RooflineRow, SequenceRow,
};

/// What the busy times and the kernel table of a rank are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Kernels, copies and memsets on a GPU.
    #[default]
    Gpu,
    /// Framework operators on the host, for runs without a GPU.
    Operators,
    /// NVTX ranges, for runs without a GPU and without operators.
    Ranges,
}

/// One rank: a process with its GPU operations or, on a run without any, with its operators or ranges.
///
/// All times are integer nanoseconds. `span = busy + idle`, and
/// `busy = compute + exposed_comm + exposed_copy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rank {
    /// Rank in the distributed job; `None` when the program did not say.
    pub rank: Option<i64>,
    /// Ranks in the job.
    pub world_size: Option<i64>,
    /// The operating system's process number.
    pub pid: i64,
    /// Host name.
    pub host: String,
    /// GPUs that the process saw.
    pub devices: Vec<DeviceFacts>,
    /// Libraries whose version matters for speed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<LibraryFacts>,
    /// From the first start to the last end.
    pub span_ns: i64,
    /// Time in which at least one operation ran.
    pub busy_ns: i64,
    /// Time of the span in which none ran.
    pub idle_ns: i64,
    /// Time in which at least one operation other than communication and copies ran.
    pub compute_ns: i64,
    /// Time in which at least one communication operation ran.
    pub comm_ns: i64,
    /// Time in which at least one copy or memset ran.
    pub copy_ns: i64,
    /// Communication that no computation hid.
    pub exposed_comm_ns: i64,
    /// Copies that neither computation nor communication hid.
    pub exposed_copy_ns: i64,
    /// Share of the communication that ran beside computation, 0..100; `None` without communication.
    pub overlap_pct: Option<f64>,
    /// Why streams waited, one row a stream; empty without a GPU.
    pub idle_causes: Vec<IdleRow>,
    /// Kernels (or what takes their place, see [`Rank::basis`]) by name, greatest total first.
    pub kernels: Vec<KernelRow>,
    /// Copies and memsets by kind, greatest total first.
    pub copies: Vec<CopyRow>,
    /// From the launching call to the start on the GPU.
    pub launch: Launch,
    /// Collectives by operation, element type and group, greatest total first.
    pub collectives: Vec<CollectiveRow>,
    /// Peaks of device memory.
    pub memory: Memory,
    /// Training steps in order of time; only those whose end was seen.
    pub steps: Vec<Step>,
    /// Statistics of `steps`.
    pub step: StepSummary,
    /// What the busy times and the kernel table are made of.
    #[serde(default)]
    pub basis: Basis,
    /// The process's row in the table `processes` of its recording, for queries.
    #[serde(default)]
    pub process_id: i64,
    /// The program's file name.
    #[serde(default)]
    pub program: String,
    /// Which recording this rank is in; matters only when several were given.
    #[serde(default)]
    pub recording_path: String,
    /// The span divided among what it went to; the parts add up to `span_ns`.
    #[serde(default)]
    pub breakdown: Breakdown,
    /// The same from the start of the first step to the end of the last, with the time between steps;
    /// empty without steps.
    #[serde(default)]
    pub training: Breakdown,
    /// Time in ranges that load data, whether or not something else ran beside them.
    #[serde(default)]
    pub data_range_ns: i64,
    /// How many ranges load data.
    #[serde(default)]
    pub data_range_count: i64,
    /// Processor load and memory of the process.
    #[serde(default)]
    pub host_usage: HostUsage,
    /// Framework operators on the host by name, greatest own time first.
    #[serde(default)]
    pub operators: Vec<OperatorRow>,
    /// NVTX ranges by name, greatest total first.
    #[serde(default)]
    pub ranges: Vec<RangeRow>,
    /// Waits for the GPU by what was waited for, greatest total first.
    #[serde(default)]
    pub synchronizations: Vec<HostCostRow>,
    /// What CUPTI and the driver spent on recording and on loading, by kind, greatest total first.
    #[serde(default)]
    pub overheads: Vec<HostCostRow>,
    /// What could not be kept of this process, by cause.
    #[serde(default)]
    pub losses: Vec<LossRow>,
    /// Operators by the time of the GPU operations that they launched, greatest own time first.
    #[serde(default)]
    pub operator_gpu: Vec<LaunchedRow>,
    /// The same of push/pop ranges.
    #[serde(default)]
    pub range_gpu: Vec<LaunchedRow>,
    /// Sequences of GPU operations that operators launch again and again, greatest time first; 50 at most.
    #[serde(default)]
    pub kernel_sequences: Vec<SequenceRow>,
    /// How many GPU operations these tables hold.
    #[serde(default)]
    pub gpu_links: GpuLinks,
    /// What held up the end of the steps, or of the whole where there are none; `None` when nothing is recorded.
    #[serde(default)]
    pub critical_path: Option<CriticalPathFigures>,
    /// What operators achieved of arithmetic and memory traffic, most time first.
    #[serde(default)]
    pub roofline: Vec<RooflineRow>,
    /// How many launches waited for each stream; empty without a GPU.
    #[serde(default)]
    pub queue: Vec<QueueRow>,
    /// What launching cost.
    #[serde(default)]
    pub launch_statistics: LaunchStatistics,
    /// Steps found in the order of the kernels; `None` where the program marks its steps, and where nothing repeats.
    #[serde(default)]
    pub detected_steps: Option<DetectedSteps>,
    /// What hardware counters showed of kernels; `None` where none were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_counters: Option<KernelCounters>,
    /// When its GPUs had nothing to do, and why; `None` without a GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// Calls in which its threads waited for the GPU, by name, greatest total first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_waits: Vec<HostWaitRow>,
    /// The clocks of its GPUs and what held them down; empty where they were not sampled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockRow>,
}

/// Memory of a process. `None`: nothing in the recording says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes handed out by the framework's allocator, summed over devices.
    pub peak_allocated_bytes: Option<i64>,
    /// Bytes held by the framework's allocator, summed over devices.
    pub peak_reserved_bytes: Option<i64>,
    /// Bytes that the driver accounts to the process, summed over devices.
    pub peak_device_bytes: Option<i64>,
    /// What was allocated when most was; absent where allocations are not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_peak: Option<AtPeak>,
    /// The level over time; empty where allocations are not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<MemoryPoint>,
}

/// What was allocated at the moment at which most was, over all devices together (without a GPU: on the host).
///
/// `allocated_bytes` is the sum of the groups' bytes and `unseen_bytes`. Where nothing tells the level, as for memory of the
/// driver, it counts from nothing, and what is older than the recording is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtPeak {
    /// The first moment of the peak, ns since the Unix epoch.
    pub time_ns: i64,
    /// Bytes that were allocated.
    pub allocated_bytes: i64,
    /// What they were for, greatest first.
    pub groups: Vec<PeakGroup>,
    /// Bytes of which no allocation is recorded: those that are older than the recording. Negative where frees are missing.
    pub unseen_bytes: i64,
    /// Frees, up to the peak, of what no recorded allocation made.
    pub unmatched_frees: i64,
    /// Allocations, up to the peak, at an address that was in use: the frees between are missing.
    pub missing_frees: i64,
}

/// Allocations that were alive together and have the same purpose and origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeakGroup {
    /// What kind of memory, or what for: `device`, `parameter`, `activation`, …
    pub kind: Option<String>,
    /// Where the program asked for it: `train.py:42 step`.
    pub site: Option<String>,
    /// Without a site, the operator that ran then: of several threads, on the one whose operator began last.
    pub operator: Option<String>,
    /// Their bytes.
    pub bytes: i64,
    /// How many.
    pub count: i64,
    /// When the oldest was made, ns since the Unix epoch.
    pub oldest_ns: Option<i64>,
}

/// The level of memory from this moment on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPoint {
    /// When, ns since the Unix epoch.
    pub time_ns: i64,
    /// Bytes allocated, over all devices.
    pub allocated_bytes: i64,
    /// Bytes that the framework's allocator holds, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_bytes: Option<i64>,
}

/// One training step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The number that the program gave it, else its position in time from 0.
    pub index: i64,
    /// The range's name.
    pub name: String,
    /// Start, ns since the Unix epoch.
    pub start_ns: i64,
    /// Length, ns.
    pub duration_ns: i64,
    /// Idle time from the start of the step to its first operation, ns; `None` when it holds none.
    #[serde(default)]
    pub lead_in_ns: Option<i64>,
    /// The step divided among what it went to; the parts add up to `duration_ns`.
    #[serde(default)]
    pub breakdown: Breakdown,
}

/// Statistics of the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepSummary {
    /// How many steps ended within the recording.
    pub count: i64,
    /// Mean length, ns.
    pub mean_ns: Option<f64>,
    /// Median length (nearest rank), ns.
    pub p50_ns: Option<i64>,
    /// 99th percentile (nearest rank), ns.
    pub p99_ns: Option<i64>,
}

/// A stretch of time divided into parts that do not overlap and add up to `window_ns`.
///
/// An instant counts once, for the first of these that holds: computation (without a GPU: loading of
/// data first), exposed communication, exposed copy, loading of data, idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// The whole stretch, ns.
    pub window_ns: i64,
    /// Computation, ns.
    pub compute_ns: i64,
    /// The computation by category, greatest first; where two ran at once, the one with more time in
    /// the whole recording counts.
    pub categories: Vec<CategoryShare>,
    /// Communication that no computation hid, ns.
    pub exposed_comm_ns: i64,
    /// Copies that nothing hid, ns.
    pub exposed_copy_ns: i64,
    /// Loading of data while nothing computed or communicated, ns.
    pub data_ns: i64,
    /// The rest, ns.
    pub idle_ns: i64,
    /// All communication, hidden or not, ns. Not one of the parts.
    #[serde(default)]
    pub comm_ns: i64,
}

/// One category's part of a breakdown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryShare {
    /// The category, as in [`KernelRow::category`].
    pub category: String,
    /// Its time, ns.
    pub total_ns: i64,
}

/// What the process took of its machine, from samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostUsage {
    /// Samples that the figures rest on.
    pub samples: i64,
    /// Mean processor load in percent of one logical processor.
    pub cpu_mean_pct: Option<f64>,
    /// Greatest processor load in percent of one logical processor.
    pub cpu_peak_pct: Option<f64>,
    /// Mean resident memory, bytes.
    pub rss_mean_bytes: Option<i64>,
    /// Greatest resident memory, bytes.
    pub rss_peak_bytes: Option<i64>,
    /// Greatest number of threads.
    pub threads_peak: Option<i64>,
}
