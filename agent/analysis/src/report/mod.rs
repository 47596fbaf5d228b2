//! The report document: every figure of a recording that other programs may rely on.
//!
//! Key names, units and order follow the published contract `perfagent.report/1`; fields are only
//! ever added, after the ones that are promised.

mod clock;
mod counter;
mod gap;
mod insight;
mod rank;
mod row;
mod series;

use serde::{Deserialize, Serialize};

pub use crate::alignment::Alignment;
pub use clock::{ClockRow, ThrottleRow};
pub use counter::{KernelCounterRow, KernelCounters, MetricRow};
pub use gap::{GapCause, GapRow, Gaps, HostWaitRow, ShortKernels};
pub use insight::{
    CriticalKind, CriticalName, CriticalPathFigures, DetectedStep, DetectedSteps, GpuLinks,
    LaunchStatistics, LaunchedKernel, LaunchedRow, QueueRow, RooflineRow, SequenceRow,
};
pub use rank::{
    AtPeak, Basis, Breakdown, CategoryShare, HostUsage, Memory, MemoryPoint, PeakGroup, Rank, Step,
    StepSummary,
};
pub use row::{
    CollectiveRow, CollectiveTestRow, CopyRow, HostCostRow, IdleRow, KernelRow, Launch, LossRow,
    OperatorRow, RangeRow,
};
pub use series::{DurationBucket, TimeSeries};

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.report/1";

/// The whole report of one or more recordings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Where the figures come from.
    pub recording: RecordingFacts,
    /// One entry a rank, in order of rank; ranks without a number come last.
    pub ranks: Vec<Rank>,
    /// Sentences that a reader of the figures should know.
    pub warnings: Vec<String>,
    /// What benchmarks of collectives measured, in the order in which it was measured.
    #[serde(default)]
    pub collective_tests: Vec<CollectiveTestRow>,
}

/// Where the figures come from, and what is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingFacts {
    /// Path of the recording as the user gave it; several are joined with `, `.
    pub path: String,
    /// What wrote it, and what took the place of kernels where no GPU took part.
    pub source: String,
    /// From the first to the last thing recorded, ns.
    pub duration_ns: i64,
    /// The machines that took part.
    pub hosts: Vec<HostFacts>,
    /// What could not be kept, summed over all processes.
    pub lost: Lost,
    /// The same by process and cause.
    #[serde(default)]
    pub losses: Vec<LossRow>,
    /// The recordings one by one.
    #[serde(default)]
    pub files: Vec<FileFacts>,
    /// How clocks of different machines were put on each other by the collectives in which they met.
    #[serde(default)]
    pub alignment: Vec<Alignment>,
}

/// One of the recordings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its path as the user gave it.
    pub path: String,
    /// The machines whose processes it holds.
    pub hosts: Vec<String>,
    /// The numbers of its ranks, in order.
    pub ranks: Vec<i64>,
    /// The distributed job that it is of, where its recorder was started in one.
    pub job: Option<String>,
    /// How its command ended.
    pub exit_code: Option<i64>,
    /// The first moment of which something is recorded, ns since the Unix epoch.
    pub start_ns: Option<i64>,
    /// From there to the last, ns.
    pub duration_ns: i64,
    /// Recordings with the same number have a clock in common; times of others must not be compared.
    pub clock: i64,
}

/// A machine that took part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Its host name.
    pub name: String,
    /// Processor model.
    pub cpu_model: Option<String>,
    /// Logical processors that are online.
    pub logical_cores: Option<i64>,
    /// Main memory, bytes.
    pub memory_bytes: Option<i64>,
    /// Operating system and kernel version.
    pub system: Option<String>,
    /// NVIDIA driver version.
    pub driver_version: Option<String>,
}

/// Events that could not be kept, by where they were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// CUPTI ran out of buffers.
    pub cupti_dropped: i64,
    /// Full CUPTI buffers that the recorder had to discard.
    pub declined: i64,
    /// GPU operations that came back without times.
    pub zero_timestamp: i64,
    /// Events that found the buffer of their thread or the ring to the recorder full.
    pub ring_dropped: i64,
    /// Stretches of time, with known ends, in which events are missing.
    pub gaps: i64,
}

/// A GPU of a rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// CUDA ordinal in the process.
    pub id: i64,
    /// The driver's name for this very GPU, by which ranks that share it are known.
    pub uuid: Option<String>,
    /// Product name.
    pub name: String,
    /// Memory, bytes.
    pub total_bytes: Option<i64>,
    /// Compute capability, major and minor, as CUDA numbers it (HIP numbers its own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<(i64, i64)>,
    /// The power limit that was enforced when the recording began, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_limit_watts: Option<f64>,
    /// The highest clock of its multiprocessors, MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_sm_clock_mhz: Option<i64>,
}

/// A library whose version matters for speed, as a rank had it loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LibraryFacts {
    /// `cuda_runtime`, `nccl`, `torch` and others, as in the table `libraries`.
    pub name: String,
    /// Its version, where what lies beside its file tells it.
    pub version: Option<String>,
    /// Its file.
    pub path: String,
}
