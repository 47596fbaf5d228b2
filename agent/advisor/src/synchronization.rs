//! Calls that stop the host until the GPU has caught up.

use perfagent_analysis::Report;
use perfagent_analysis::report::{GapCause, Gaps, Rank};

use crate::idle::{behind_waits_ns, elsewhere_ns, row, without_gpu};
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, worst};

/// Functions whose names are told.
const MOST_NAMES: usize = 3;

/// Share of the time in which nothing ran since the host had waited for the GPU to run out of work.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| share_pct(behind_waits_ns(rank), told(rank)?.window_ns));
    let found = worst.0;
    let mut fact = Fact::unknown(
        "synchronization",
        "pct",
        worst,
        "The recording holds neither calls nor waits of the host: record with perfagent record, or let the tracer keep the \
         calls of the runtime (torch.profiler with ProfilerActivity.CPU and CUDA, nsys profile --trace=cuda).",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let Some(gaps) = told(rank) else { return fact };
    let behind = row(rank, GapCause::Synchronization);
    let time_ns = behind_waits_ns(rank);
    let (count, waited) = behind.map_or((0, 0), |row| (row.count, row.waited_ns));
    let calls: i64 = rank.host_waits.iter().map(|row| row.count).sum();
    let in_calls = rank.host_waits.iter().fold(0_i64, |sum, row| sum.saturating_add(row.total_ns));
    fact.figures = vec![
        Figure::derived("idle_behind_waits_share_pct", Some(share)),
        Figure::measured("idle_behind_waits_ns", Some(time_ns as f64)),
        Figure::measured("waits_that_left_the_gpu_idle_count", Some(count as f64)),
        Figure::measured("idle_by_something_else_after_waits_ns", Some(elsewhere_ns(rank) as f64)),
        Figure::derived("earlier_without_the_waits_ns", Some(waited as f64)),
        Figure::measured("waiting_calls_count", Some(calls as f64)),
        Figure::measured("host_time_in_waiting_calls_ns", Some(in_calls as f64)),
        Figure::measured("window_ns", Some(gaps.window_ns as f64)),
    ];
    let names: Vec<String> =
        rank.host_waits.iter().take(MOST_NAMES).map(|row| row.name.clone()).collect();
    let what = "calls in which the host waited; the longest is told";
    let mut calls_made = evidence(rank, "api_calls, synchronizations", names.clone(), calls, what);
    if let Some(longest) = rank.host_waits.iter().max_by_key(|row| row.longest_ns) {
        calls_made = calls_made.at(longest.longest_start_ns, longest.longest_ns);
    }
    fact.evidence = vec![calls_made];
    if let Some(row) = behind {
        let what = "gaps that such a call left; the longest is told";
        let left = evidence(rank, "kernels, copies", Vec::new(), row.count, what);
        fact.evidence.push(left.at(row.longest_start_ns, row.longest_ns));
    }
    fact.gain = Gain::of(
        waited as f64,
        time_ns as f64,
        gaps.window_ns,
        "at most f = idle time behind waits / window, of gaps of 1 ms and more only as much as the host waited; likely that of \
         all gaps",
    );
    let who = rank_name(rank);
    if share >= WORTH_ACTING_PCT {
        fact.act(format!(
            "Let the host run ahead of the GPU (no .item(), .cpu(), print or torch.cuda.synchronize in the step; read losses \
             steps later; copy from pinned memory with non_blocking=True): {} left the GPU of {who} idle for {share:.1} % of \
             its time.",
            names.join(", ")
        ));
    } else if calls == 0 {
        fact.nothing(format!("Nothing to gain: no call of {who} waited for the GPU."));
    } else {
        fact.nothing(format!(
            "Nothing to gain: {calls} calls of {who} waited for the GPU, which idled behind them {share:.1} % of its time."
        ));
    }
    fact
}

/// The gaps of a rank whose waits would be seen.
fn told(rank: &Rank) -> Option<&Gaps> {
    rank.gaps.as_ref().filter(|_| rank.launch.count > 0 || !rank.host_waits.is_empty())
}
