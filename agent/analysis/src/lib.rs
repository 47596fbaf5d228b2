//! Recording to figures: busy, idle, overlap, kernels, operators, collectives, memory, steps.
//!
//! Pure functions. A [`perfagent_recording::Recording`] goes in, a [`Report`] comes out; nothing here
//! reads a file, prints, or knows where a recording came from.
//!
//! How the figures are defined:
//!
//! * A GPU operation is a kernel, a copy or a memset, decided by the table it is in. Times are exact
//!   integers of nanoseconds; no step is dropped and nothing is rounded.
//! * Busy, compute, communication and copy times are measures of sets of instants ([`Intervals`]),
//!   unions over all devices and streams of a rank, so that nothing counts twice.
//! * In a recording without GPU operations, operators (or, without operators, NVTX ranges) take the
//!   place of kernels, each with the time in which nothing nested in it ran; collectives are the
//!   communication.

mod activity;
mod alignment;
mod assemble;
mod attribution;
mod breakdown;
mod brief;
mod category;
mod clock;
mod collective;
mod collective_test;
mod copy;
mod counters;
mod critical;
mod difference;
mod distribution;
mod doubt;
mod equipment;
mod extent;
mod file;
mod gaps;
mod gpu_clock;
mod gpu_identity;
mod host_cost;
mod host_wait;
mod host_work;
mod identity;
mod idle;
mod interval;
mod kernel;
mod launch;
mod launched;
mod levels;
mod loss;
mod meeting;
mod memory;
mod message;
mod nesting;
mod operation;
mod operator_gpu;
mod own_time;
mod period;
mod positions;
mod process;
mod queue;
mod range;
mod rank;
pub mod report;
mod roofline;
mod rules;
mod sequence;
mod spread;
mod statistic;
mod step;
mod summary;
mod timeline;
pub mod total;
mod usage;
mod wait;

pub use assemble::{RunFigures, merge, report, report_many, run_figures};
pub use attribution::{Attribution, AttributionRow, PartKind, StepPart, StepSums, StepTimes};
pub use brief::brief_kernel_name;
pub use collective::bus_factor;
pub use copy::CopyRate;
pub use critical::{CriticalPath, EventWait, PathKind, PathName, PathRow, PathSegment};
pub use difference::{
    Difference, KernelDifference, OperatorDifference, OrderDifference, StepProfile, difference,
};
pub use identity::repeated;
pub use interval::{Coverage, Intervals};
pub use meeting::{Skew, SkewCell, SkewRank, skew};
pub use message::{MessageSize, message_sizes};
pub use rank::{RankAnalysis, analyse};
pub use report::{Basis, Report};
pub use rules::{COMMUNICATION, DATA, OTHER, RuleError, Rules};
pub use spread::{Spread, spread};
pub use summary::Summary;
