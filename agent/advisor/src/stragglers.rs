//! Ranks that others wait for.

use perfagent_analysis::Report;
use perfagent_analysis::report::Rank;

use crate::told::communication_is_missing;
use crate::{
    Fact, Figure, Gain, RankFigure, WORTH_ACTING_PCT, evidence, rank_name, share_pct,
    step_evidence, stretch,
};

/// How long a rank waits for the slowest one, ns.
type Wait<'a> = (&'a Rank, i64);

/// Share of the time that the rank which waits most loses to others that come late.
pub(crate) fn fact(report: &Report) -> Fact {
    let mut fact = Fact::unknown(
        "stragglers",
        "pct",
        (None, Vec::new()),
        "One rank does not tell which of them is late: give the recordings of all ranks at once.",
    );
    let alone = |rank: &Rank| {
        rank.world_size.unwrap_or(1) <= 1
            && stretch(rank).comm_ns == 0
            && rank.collectives.is_empty()
            && !communication_is_missing(rank)
    };
    let [first, others @ ..] = &*report.ranks else {
        "The recording holds nothing that ran: record at least one whole step."
            .clone_into(&mut fact.advice);
        return fact;
    };
    if others.is_empty() && first.world_size.unwrap_or(2) <= 1 || report.ranks.iter().all(alone) {
        fact.evidence = vec![evidence(first, "processes", Vec::new(), 1, "ranks of no group")];
        fact.nothing("Nothing to gain: no rank waits for another one.".to_owned());
        return fact;
    }
    if others.is_empty() {
        return fact;
    }
    let by_collectives = waits(report);
    let is_measured = by_collectives.is_some();
    let Some(waits) = by_collectives.or_else(|| behind_slowest(report)) else {
        "The ranks have neither a clock nor steps in common: record all of them with perfagent record, and mark steps."
            .clone_into(&mut fact.advice);
        return fact;
    };
    fill(&mut fact, &waits, is_measured);
    fact
}

fn fill(fact: &mut Fact, waits: &[Wait<'_>], is_measured: bool) {
    let share = |&(rank, wait): &Wait<'_>| share_pct(wait, stretch(rank).window_ns);
    fact.ranks = waits
        .iter()
        .map(|wait| RankFigure {
            rank: wait.0.rank,
            host: wait.0.host.clone(),
            pid: wait.0.pid,
            value: share(wait),
        })
        .collect();
    let (Some(&most), Some(&least)) =
        (waits.iter().max_by_key(|wait| wait.1), waits.iter().min_by_key(|wait| wait.1))
    else {
        return;
    };
    let Some(value) = share(&most) else { return };
    let mean = waits.iter().map(|wait| wait.1 as f64).sum::<f64>() / waits.len() as f64;
    let window = stretch(most.0).window_ns;
    (fact.value, fact.rank) = (Some(value), most.0.rank);
    let name = if is_measured { "longest_wait_ns" } else { "longest_wait_by_busy_time_ns" };
    fact.figures = vec![
        Figure::derived("longest_wait_share_pct", Some(value)),
        Figure::derived(name, Some(most.1 as f64)),
        Figure::derived("shortest_wait_ns", Some(least.1 as f64)),
        Figure::derived("mean_wait_ns", Some(mean)),
        Figure::measured("window_ns", Some(window as f64)),
    ];
    let late = rank_name(least.0);
    let (table, what) = if is_measured {
        ("collectives", "collectives that were found on every rank")
    } else {
        ("kernels", "kernels; communication is not counted")
    };
    let count = |rank: &Rank| {
        if is_measured {
            rank.collectives.iter().map(|row| row.matched).sum()
        } else {
            rank.kernels.iter().map(|row| row.count).sum()
        }
    };
    fact.evidence =
        [most.0, least.0].map(|rank| evidence(rank, table, Vec::new(), count(rank), what)).into();
    if most.0.step.count > 0 {
        fact.evidence.push(step_evidence(most.0));
    }
    fact.gain = Gain::of(
        mean,
        most.1 as f64,
        window,
        "at most f = the longest wait of a rank / window, when the late ranks become as fast as it; likely the mean wait, when \
         the same work is shared evenly",
    );
    let how = if is_measured { "" } else { ", by the work of each" };
    if value >= WORTH_ACTING_PCT {
        fact.act(format!(
            "Look at what {late} does when the others wait for it (more or longer work, data that comes late, a slower GPU or \
             host): {} waits {value:.1} % of its time for other ranks{how}.",
            rank_name(most.0)
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: no rank waits more than {value:.1} % of its time for others{how}."
        ));
    }
}

/// How long each rank waited for the last one of its groups to come, where the ranks have a clock in common.
fn waits(report: &Report) -> Option<Vec<Wait<'_>>> {
    let wait = |rank: &Rank| {
        let rows = || rank.collectives.iter().filter(|row| row.matched > 0);
        (rows().count() > 0).then_some(())?;
        rows().try_fold(0_i64, |sum, row| Some(sum.saturating_add(row.wait_ns?)))
    };
    report.ranks.iter().map(|rank| Some((rank, wait(rank)?))).collect()
}

/// How long each rank would wait for the one that is busy longest with other work than communication, where all are of the same
/// steps, or where there are none.
fn behind_slowest(report: &Report) -> Option<Vec<Wait<'_>>> {
    let steps = report.ranks.first()?.step.count;
    let comparable = |rank: &Rank| {
        rank.step.count == steps && stretch(rank).comm_ns > 0 && stretch(rank).window_ns > 0
    };
    if !report.ranks.iter().all(comparable) {
        return None;
    }
    let busy = |rank: &Rank| stretch(rank).compute_ns + stretch(rank).exposed_copy_ns;
    let slowest = report.ranks.iter().map(busy).max()?;
    Some(report.ranks.iter().map(|rank| (rank, slowest - busy(rank))).collect())
}
