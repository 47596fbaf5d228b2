//! Time in which a GPU idles because launches come late.

use perfagent_analysis::Report;
use perfagent_analysis::report::{GapCause, Rank};

use crate::idle::{behind_waits_ns, elsewhere_ns, linked, row, time, turnaround_ns, without_gpu};
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, worst};

/// Share of the time in which nothing ran because the next launch had not been made.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| share_pct(late_ns(rank), linked(rank)?.window_ns));
    let found = worst.0;
    let mut fact = Fact::unknown(
        "host_bound",
        "pct",
        worst,
        "The recording holds nothing that ran: record a stretch in which the GPU computes.",
    );
    let Some((rank, share)) = found else { return without_calls(fact, report) };
    let Some(gaps) = linked(rank) else { return fact };
    let late = row(rank, GapCause::LateLaunch);
    let time_ns = late_ns(rank);
    let (count, long) = late.map_or((0, 0), |row| (row.count, row.long));
    let long_ns = elsewhere_ns(rank) + late.map_or(0, |row| row.long_ns);
    let unlinked = time(rank, GapCause::Unlinked);
    let turnaround = turnaround_ns(rank);
    fact.figures = vec![
        Figure::derived("idle_by_late_launches_share_pct", Some(share)),
        Figure::measured("idle_by_late_launches_ns", Some(time_ns as f64)),
        Figure::measured("late_launches_count", Some(count as f64)),
        Figure::measured("idle_by_late_launches_of_1_ms_and_more_ns", Some(long_ns as f64)),
        Figure::measured("idle_before_operations_without_a_call_ns", Some(unlinked as f64)),
        Figure::measured("mean_turnaround_ns", Some(turnaround)),
        Figure::measured("median_launch_delay_ns", rank.launch.p50_delay_ns.map(|ns| ns as f64)),
        Figure::measured("idle_ns", Some(gaps.idle_ns as f64)),
        Figure::measured("window_ns", Some(gaps.window_ns as f64)),
    ];
    let what =
        "gaps that ended with an operation whose call had begun only then; the longest is told";
    let gap = evidence(rank, "kernels, copies, api_calls", Vec::new(), count, what);
    fact.evidence =
        vec![late.map_or(gap.clone(), |row| gap.at(row.longest_start_ns, row.longest_ns))];
    fact.gain = Gain::of(
        (time_ns - long_ns) as f64 - (count - long) as f64 * turnaround,
        time_ns as f64,
        gaps.window_ns,
        "at most f = idle time by late launches / window; likely without gaps of 1 ms and more, in which the host \
         did something else, and without the mean turnaround of this run at each of the others",
    );
    let who = rank_name(rank);
    if share >= WORTH_ACTING_PCT {
        fact.act(advice(rank, &who, share, 2 * long_ns > time_ns));
    } else if share_pct(unlinked, gaps.window_ns).is_some_and(|pct| pct >= WORTH_ACTING_PCT) {
        fact.gain = None;
        fact.advice = format!(
            "Record again with all launches: the GPU of {who} idles {} before operations whose calls are missing.",
            pct(share_pct(unlinked, gaps.window_ns))
        );
    } else {
        fact.nothing(format!(
            "Nothing to gain: the GPU of {who} waits {share:.1} % of its time for launches."
        ));
    }
    fact
}

fn advice(rank: &Rank, who: &str, share: f64, is_long: bool) -> String {
    let short =
        rank.gaps.as_ref().map(|gaps| gaps.short).filter(|short| 2 * short.count > short.of);
    let remedy = if is_long {
        "Find what the host does in the long gaps (set-up, compilation, loading and preparing data, logging, checkpoints)"
    } else if short.is_some() {
        "Launch fewer and larger kernels (torch.compile, CUDA graphs, fused optimizers and norms, larger micro-batches)"
    } else {
        "Shorten what the host does between launches (Python, logging; a CPU that is shared or clocked down)"
    };
    format!("{remedy}: the GPU of {who} idles {share:.1} % of its time because launches come late.")
}

/// Idle time because the host came late: after the GPU had run out of work, or long after it had waited for that.
fn late_ns(rank: &Rank) -> i64 {
    time(rank, GapCause::LateLaunch) + elsewhere_ns(rank)
}

/// Without the calls it is known only that launches cost no more than the GPU idled.
fn without_calls(mut fact: Fact, report: &Report) -> Fact {
    let idle = |rank: &Rank| {
        let gaps = rank.gaps.as_ref()?;
        let waited = behind_waits_ns(rank);
        share_pct(gaps.idle_ns - gaps.data_ns - waited, gaps.window_ns)
    };
    let (Some((rank, share)), _) = worst(report, idle) else { return without_gpu(fact, report) };
    let gaps = rank.gaps.as_ref();
    let (start, window) = gaps.map_or((0, 0), |gaps| (gaps.start_ns, gaps.window_ns));
    fact.figures = vec![
        Figure::derived("idle_of_unknown_cause_share_pct", Some(share)),
        Figure::measured("idle_ns", gaps.map(|gaps| gaps.idle_ns as f64)),
        Figure::measured("window_ns", Some(window as f64)),
    ];
    let count = gaps.map_or(0, |gaps| gaps.causes.iter().map(|row| row.count).sum());
    let what = "gaps between operations without a call";
    fact.evidence =
        vec![evidence(rank, "kernels, copies", Vec::new(), count, what).at(start, window)];
    let who = rank_name(rank);
    if share < WORTH_ACTING_PCT {
        fact.nothing(format!(
            "Nothing to gain: the GPU of {who} idles {share:.1} % of its time beside loading of data and waits of the host."
        ));
    } else {
        fact.advice = format!(
            "The GPU of {who} idles {share:.1} % of its time, and the recording holds no calls that would tell whether launches \
             come late: record with perfagent record --api, or let the tracer keep the calls of the runtime (torch.profiler with \
             ProfilerActivity.CPU and CUDA, nsys profile --trace=cuda)."
        );
    }
    fact
}

fn pct(share: Option<f64>) -> String {
    format!("{:.1} % of its time", share.unwrap_or(0.0))
}
