//! Kernels so short that launching them is what takes the time.

use perfagent_analysis::Report;
use perfagent_analysis::report::{GapCause, Gaps, Rank};

use crate::idle::{row, turnaround_ns, without_gpu};
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, stretch, worst};

/// With fewer short kernels than this it is not they that are too many, percent.
const MANY_PCT: f64 = 50.0;
/// Kernels whose names are told.
const MOST_NAMES: usize = 3;

/// Share of the kernels that run for less than 10 µs, and what the GPU loses before them.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let short = with_kernels(rank)?.short;
        share_pct(short.count, short.of)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "tiny_kernels",
        "pct",
        worst,
        "The recording holds no kernels: record a stretch in which the GPU computes.",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let Some(gaps) = with_kernels(rank) else { return fact };
    let before =
        |cause| row(rank, cause).map_or((0, 0), |row| (row.before_short, row.before_short_ns));
    let (late, late_ns) = before(GapCause::LateLaunch);
    let (_, turnaround) = before(GapCause::Turnaround);
    let lost_ns = late_ns.saturating_add(turnaround);
    let lost = share_pct(lost_ns, gaps.window_ns).unwrap_or(0.0);
    fact.figures = vec![
        Figure::derived("short_kernels_share_pct", Some(share)),
        Figure::measured("short_kernels_count", Some(gaps.short.count as f64)),
        Figure::measured("kernels_count", Some(gaps.short.of as f64)),
        Figure::measured("time_of_short_kernels_ns", Some(gaps.short.total_ns as f64)),
        Figure::derived("idle_before_short_kernels_share_pct", Some(lost)),
        Figure::measured("late_launches_before_short_kernels_ns", Some(late_ns as f64)),
        Figure::measured("turnaround_before_short_kernels_ns", Some(turnaround as f64)),
        Figure::measured("mean_turnaround_ns", Some(turnaround_ns(rank))),
        Figure::measured("window_ns", Some(gaps.window_ns as f64)),
    ];
    let mut rows: Vec<_> = rank.kernels.iter().filter(|row| is_short(gaps, row.mean_ns)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    let names =
        rows.iter().take(MOST_NAMES).map(|row| perfagent_analysis::brief_kernel_name(&row.name));
    let what = "kernels under 10 µs; those that run most often are named";
    let kernels = evidence(rank, "kernels", names.collect(), gaps.short.count, what);
    fact.evidence = vec![kernels.at(gaps.start_ns, gaps.window_ns)];
    fact.gain = Gain::of(
        late_ns as f64 - late as f64 * turnaround_ns(rank),
        lost_ns as f64,
        gaps.window_ns,
        "at most f = (late launches under 1 ms + turnaround before kernels under 10 µs) / window, as if they were fused; likely the late \
         launches but for the mean turnaround, as in a CUDA graph",
    );
    let who = rank_name(rank);
    if share >= MANY_PCT && lost >= WORTH_ACTING_PCT {
        fact.act(format!(
            "Fuse kernels (torch.compile, fused optimizers, norms and activations) or capture the step in a CUDA graph: \
             {share:.0} % of the kernels of {who} run for less than 10 µs, and the GPU idles {lost:.1} % of its time before them."
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: {share:.0} % of the kernels of {who} run for less than 10 µs, and the GPU idles {lost:.1} % of \
             its time before them; {:.1} % of its time is theirs.",
            share_pct(gaps.short.total_ns, stretch(rank).window_ns).unwrap_or(0.0)
        ));
    }
    fact
}

fn is_short(gaps: &Gaps, mean_ns: f64) -> bool {
    mean_ns < gaps.short.below_ns as f64
}

fn with_kernels(rank: &Rank) -> Option<&Gaps> {
    rank.gaps.as_ref().filter(|gaps| gaps.short.of > 0)
}
