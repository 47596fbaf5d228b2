//! Time that goes to communication between ranks.

use perfagent_analysis::report::{Basis, Rank};
use perfagent_analysis::{COMMUNICATION, Report, brief_kernel_name};

use crate::told::communication_is_missing;
use crate::{
    Evidence, Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, step_evidence,
    stretch, worst,
};

/// Ranks that hide more of their communication than this gain little from more overlap, percent.
const WELL_HIDDEN_PCT: f64 = 50.0;

/// Share of the time in communication that no computation hides.
pub(crate) fn fact(report: &Report) -> Fact {
    let (worst, ranks) = worst(report, |rank| {
        (!communication_is_missing(rank)).then_some(())?;
        share_pct(stretch(rank).exposed_comm_ns, stretch(rank).window_ns)
    });
    let mut fact = Fact::unknown(
        "communication",
        "pct",
        (worst, ranks),
        "The recording holds nothing that ran for any length of time: record at least one whole step.",
    );
    let Some((rank, exposed)) = worst else {
        if report.ranks.iter().any(communication_is_missing) {
            "The recording names communication whose times it does not hold: record the GPU's work, or the collectives \
             themselves (perfagent record)."
                .clone_into(&mut fact.advice);
        }
        return fact;
    };
    let whole = stretch(rank);
    let total = share_pct(whole.comm_ns, whole.window_ns);
    let hidden = share_pct(whole.comm_ns - whole.exposed_comm_ns, whole.comm_ns);
    fact.figures = vec![
        Figure::derived("exposed_communication_share_pct", Some(exposed)),
        Figure::derived("communication_share_pct", total),
        Figure::derived("overlap_pct", hidden),
        Figure::measured("exposed_comm_ns", Some(whole.exposed_comm_ns as f64)),
        Figure::measured("comm_ns", Some(whole.comm_ns as f64)),
        Figure::measured("window_ns", Some(whole.window_ns as f64)),
    ];
    fact.evidence = vec![communication_evidence(rank)];
    if rank.step.count > 0 {
        fact.evidence.push(step_evidence(rank));
    }
    let who = rank_name(rank);
    // What waits for a rank that is late is not hidden by starting earlier.
    let waiting =
        rank.collectives.iter().filter_map(|row| row.wait_ns).fold(0, i64::saturating_add);
    let beside = whole.compute_ns - (whole.comm_ns - whole.exposed_comm_ns);
    let likely = (whole.exposed_comm_ns - waiting).min(beside);
    fact.gain = Gain::of(
        likely as f64,
        whole.exposed_comm_ns as f64,
        whole.window_ns,
        "at most f = exposed communication / window; likely as much of it as fits beside computation that hides none yet, \
         without the waiting for other ranks",
    );
    if whole.comm_ns == 0 {
        fact.nothing("Nothing to gain: no communication was recorded.".to_owned());
    } else if exposed < WORTH_ACTING_PCT {
        fact.nothing(format!(
            "Nothing to gain: communication that nothing hides is {exposed:.1} % of the time of {who}."
        ));
    } else if hidden.is_some_and(|hidden| hidden < WELL_HIDDEN_PCT) {
        fact.act(format!(
            "Start collectives while the backward pass still computes (smaller buckets, asynchronous calls) or accumulate \
             more micro-batches between them: {who} spends {exposed:.1} % of its time in communication that nothing hides."
        ));
    } else {
        fact.act(format!(
            "Send fewer bytes or send them less often (accumulate more micro-batches, 16-bit gradients): {who} already hides \
             {:.0} % of its communication, and the rest is {exposed:.1} % of its time.",
            hidden.unwrap_or(0.0)
        ));
    }
    fact
}

fn communication_evidence(rank: &Rank) -> Evidence {
    if rank.basis == Basis::Gpu {
        let rows = || rank.kernels.iter().filter(|row| row.category == COMMUNICATION);
        let mut names: Vec<_> = rows().map(|row| brief_kernel_name(&row.name)).collect();
        names.dedup();
        let count = rows().map(|row| row.count).sum();
        return evidence(rank, "kernels", names, count, "kernels classed as communication");
    }
    let mut names: Vec<String> = rank.collectives.iter().map(|row| row.op.clone()).collect();
    names.dedup();
    let count = rank.collectives.iter().map(|row| row.count).sum();
    evidence(rank, "collectives", names, count, "collectives")
}
