//! The rows of a rank's tables.

use serde::{Deserialize, Serialize};

use super::{DurationBucket, TimeSeries};

/// Why one stream waited: the gaps between its operations, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleRow {
    /// CUDA ordinal.
    pub device: i64,
    /// CUPTI's number of the stream.
    pub stream: i64,
    /// The operation was launched only after the previous one had ended, ns.
    pub host_wait_ns: i64,
    /// Gaps under 30 µs between operations that were launched in time, ns.
    pub kernel_wait_ns: i64,
    /// Longer gaps of operations that were launched in time: waiting for other streams, ns.
    pub other_ns: i64,
}

/// One kernel name, or one operator or range name on a run without a GPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelRow {
    /// Its full name.
    pub name: String,
    /// What it is for, by the classification rules: `communication`, `matmul`, `attention`, …
    pub category: String,
    /// The rule that decided it, as it stands in its table; `None` for `other`, which no rule matches.
    #[serde(default)]
    pub rule: Option<String>,
    /// How often it ran.
    pub count: i64,
    /// Sum of the times, ns. Operators and ranges: own time, without what is nested in them.
    pub total_ns: i64,
    /// Mean time, ns.
    pub mean_ns: f64,
    /// Least time, ns.
    pub min_ns: i64,
    /// Greatest time, ns.
    pub max_ns: i64,
    /// Median (nearest rank), ns. Here and below: `None` in documents of versions that did not tell.
    #[serde(default)]
    pub p50_ns: Option<i64>,
    /// 90th percentile (nearest rank), ns.
    #[serde(default)]
    pub p90_ns: Option<i64>,
    /// 99th percentile (nearest rank), ns.
    #[serde(default)]
    pub p99_ns: Option<i64>,
    /// Standard deviation of the times, ns: of the sample, with the sum of squares divided by `count - 1`; `None` of one run.
    #[serde(default)]
    pub std_ns: Option<f64>,
    /// How many runs took about how long, in order; of the 50 rows with the greatest total, else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<DurationBucket>,
    /// Operators and ranges: the sum with what is nested in them, ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusive_ns: Option<i64>,
}

/// One kind of copy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CopyRow {
    /// `HtoD`, `DtoH`, `DtoD`, `HtoH`, `PtoP`, `unified-…`, `memset` or `other`.
    pub kind: String,
    /// How many.
    pub count: i64,
    /// Sum of the times, ns.
    pub total_ns: i64,
    /// Bytes moved or set.
    pub bytes: i64,
    /// `bytes / total_ns`, 1e9 bytes/s; `None` when no time passed.
    pub gbps: Option<f64>,
    /// Time in which at least one of them ran, ns.
    #[serde(default)]
    pub busy_ns: i64,
    /// `bytes / busy_ns`: the mean rate while copying, 1e9 bytes/s.
    #[serde(default)]
    pub busy_gbps: Option<f64>,
    /// The greatest rate of all that ran at one time, each at its mean rate, 1e9 bytes/s.
    #[serde(default)]
    pub peak_gbps: Option<f64>,
    /// That rate from the rank's first copy of any kind to its last, 1e9 bytes/s; `None` where no time passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gbps_over_time: Option<TimeSeries<f64>>,
}

/// What the host spent on one kind of wait for the GPU, or on one kind of overhead of recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCostRow {
    /// Which kind, as in the table `synchronizations` or `overheads` of the recording.
    pub kind: String,
    /// How many.
    pub count: i64,
    /// Sum of the times, ns. Threads wait at the same time: it can be more than the run's length.
    pub total_ns: i64,
}

/// From the launching call to the start on the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Operations whose launching call is in the recording.
    pub count: i64,
    /// Mean delay from the start of the call to the start of the operation, ns.
    pub mean_delay_ns: Option<f64>,
    /// Median delay (nearest rank), ns.
    pub p50_delay_ns: Option<i64>,
    /// 99th percentile (nearest rank), ns.
    pub p99_delay_ns: Option<i64>,
    /// Operations whose launching call is not in the recording.
    pub unlinked: i64,
}

/// Collectives of one operation, element type and group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CollectiveRow {
    /// `all_reduce`, `all_gather`, `reduce_scatter`, …
    pub op: String,
    /// Element type; `None` when unknown.
    pub dtype: Option<String>,
    /// Ranks in the group; `None` when unknown.
    pub group_size: Option<i64>,
    /// The group's name; `None` when unknown.
    pub group: Option<String>,
    /// How many calls.
    pub count: i64,
    /// Sum of the message sizes as nccl-tests counts them; `None` when a size is unknown.
    pub bytes: Option<i64>,
    /// Sum of the times, ns; calls that share a kernel count its time once, calls without a known time none.
    pub total_ns: i64,
    /// `bytes / time` of the calls whose time is known, 1e9 bytes/s.
    pub algbw_gbps: Option<f64>,
    /// `algbw` times the factor that makes it comparable with a link's speed, 1e9 bytes/s.
    pub busbw_gbps: Option<f64>,
    /// Calls of which only the handing over to the GPU is known; they are in `count` and `bytes`.
    #[serde(default)]
    pub untimed: i64,
    /// Sum of the message sizes of these.
    #[serde(default)]
    pub untimed_bytes: i64,
    /// Calls that were found on every rank of their group, in whichever recordings these are.
    #[serde(default)]
    pub matched: i64,
    /// Sum of the message sizes of these; `None` when a size is unknown.
    #[serde(default)]
    pub matched_bytes: Option<i64>,
    /// Of `matched`: how long this rank waited for the last one to start, ns; `None` where the ranks have no clock in common.
    #[serde(default)]
    pub wait_ns: Option<i64>,
    /// Of `matched`: from the last start to the last end on any rank, ns: the time that the transfer took.
    #[serde(default)]
    pub transfer_ns: Option<i64>,
    /// `busbw` with `transfer_ns` for the time, 1e9 bytes/s: without the waiting for other ranks.
    #[serde(default)]
    pub transfer_busbw_gbps: Option<f64>,
}

/// One operator name on the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// Its name, for example `aten::addmm`.
    pub name: String,
    /// What it is for, by the classification rules.
    pub category: String,
    /// The rule that decided it, as it stands in its table; `None` for `other`, which no rule matches.
    #[serde(default)]
    pub rule: Option<String>,
    /// How often it ran.
    pub count: i64,
    /// Sum of the times without nested operators, ns.
    pub self_ns: i64,
    /// Sum of the times with nested operators, ns; a recursive call is not counted twice.
    pub inclusive_ns: i64,
    /// Mean inclusive time, ns.
    pub mean_ns: f64,
}

/// One range name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RangeRow {
    /// Its name.
    pub name: String,
    /// Its NVTX domain; empty for the default one.
    pub domain: String,
    /// How many.
    pub count: i64,
    /// Sum of the times, ns.
    pub total_ns: i64,
    /// Mean time, ns.
    pub mean_ns: f64,
    /// Least time, ns.
    pub min_ns: i64,
    /// Greatest time, ns.
    pub max_ns: i64,
}

/// Events of one cause that could not be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossRow {
    /// The process's number on its machine; `None` when it concerns the whole recording.
    pub pid: Option<i64>,
    /// The process's rank.
    pub rank: Option<i64>,
    /// Why: `ring_full`, `thread_buffer_full`, `cupti_dropped`, …
    pub cause: String,
    /// How many.
    pub count: i64,
    /// From when, ns since the Unix epoch, where that is known.
    pub start_ns: Option<i64>,
    /// Until when, ns since the Unix epoch, where that is known.
    pub end_ns: Option<i64>,
}

/// A measurement of a benchmark of collectives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CollectiveTestRow {
    /// `all_reduce`, …; `unknown` when nothing tells.
    pub op: String,
    /// Element type as the benchmark names it.
    pub dtype: Option<String>,
    /// How elements are combined (`sum`, …); `None` where they are not.
    pub reduction: Option<String>,
    /// Message size, bytes.
    pub bytes: i64,
    /// Elements.
    pub elements: Option<i64>,
    /// Root rank; `None` where there is none.
    pub root: Option<i64>,
    /// Ranks.
    pub ranks: Option<i64>,
    /// Whether input and output were the same buffer.
    pub in_place: bool,
    /// Time of one operation, ns.
    pub time_ns: i64,
    /// Bytes over time, 1e9 bytes/s, as printed.
    pub algbw_gbps: f64,
    /// What a link would have to carry, 1e9 bytes/s, as printed.
    pub busbw_gbps: f64,
    /// Wrong elements found; `None` when results were not checked.
    pub wrong: Option<i64>,
    /// Which of the recording's benchmarks measured it, from 1 on.
    pub run: i64,
}
