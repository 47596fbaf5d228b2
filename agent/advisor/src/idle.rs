//! What findings about an idle GPU have in common.

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, GapCause, GapRow, Gaps, Rank};

use crate::told::gpu_is_missing;
use crate::{Fact, evidence};

/// The gaps of one cause; `None` where a rank has none.
pub(crate) fn row(rank: &Rank, cause: GapCause) -> Option<&GapRow> {
    rank.gaps.as_ref()?.causes.iter().find(|row| row.cause == cause)
}

/// Time of the gaps of one cause, ns.
pub(crate) fn time(rank: &Rank, cause: GapCause) -> i64 {
    row(rank, cause).map_or(0, |row| row.total_ns)
}

/// Idle time behind waits of the host that the waits may have cost, ns: all of a gap, but no more than the wait of one that is
/// longer than any launch takes, as the host did something else then.
pub(crate) fn behind_waits_ns(rank: &Rank) -> i64 {
    time(rank, GapCause::Synchronization) - elsewhere_ns(rank)
}

/// The rest of it, ns.
pub(crate) fn elsewhere_ns(rank: &Rank) -> i64 {
    row(rank, GapCause::Synchronization).map_or(0, |row| row.long_ns - row.long_waited_ns)
}

/// The mean time that the GPU of a rank took from one operation to the next when both were launched in time, ns; 0 where that
/// never happened.
pub(crate) fn turnaround_ns(rank: &Rank) -> f64 {
    row(rank, GapCause::Turnaround)
        .filter(|row| row.count > 0)
        .map_or(0.0, |row| row.total_ns as f64 / row.count as f64)
}

/// The gaps of a rank whose launching calls are in the recording.
pub(crate) fn linked(rank: &Rank) -> Option<&Gaps> {
    rank.gaps.as_ref().filter(|_| rank.launch.count > 0)
}

/// A finding about GPUs in a run that used none. It stays unknown when nothing ran, and when a GPU was used and nothing of it is
/// recorded.
pub(crate) fn without_gpu(mut fact: Fact, report: &Report) -> Fact {
    let used_gpu = report.ranks.iter().any(|rank| rank.basis == Basis::Gpu);
    if report.ranks.iter().any(gpu_is_missing) {
        "The recording holds the host's side alone of a run that used a GPU: record the GPU's work, too (perfagent record, or \
         torch.profiler with ProfilerActivity.CUDA)."
            .clone_into(&mut fact.advice);
    } else if !used_gpu && let Some(rank) = report.ranks.first() {
        let count = report.ranks.len() as i64;
        fact.evidence =
            vec![evidence(rank, "processes", Vec::new(), count, "processes without work on a GPU")];
        fact.nothing("Nothing to gain: the run used no GPU.".to_owned());
    }
    fact
}
