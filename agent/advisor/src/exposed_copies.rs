//! Copies and memsets that nothing else runs beside.

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, Rank};

use crate::idle::without_gpu;
use crate::{
    Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, step_evidence, stretch,
    worst,
};

/// Share of the time in copies that neither computation nor communication hides.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        (rank.basis == Basis::Gpu).then_some(())?;
        share_pct(stretch(rank).exposed_copy_ns, stretch(rank).window_ns)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "exposed_copies",
        "pct",
        worst,
        "The recording holds nothing that ran for any length of time: record at least one whole step.",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let whole = stretch(rank);
    fact.figures = vec![
        Figure::derived("exposed_copies_share_pct", Some(share)),
        Figure::measured("exposed_copy_ns", Some(whole.exposed_copy_ns as f64)),
        Figure::measured("window_ns", Some(whole.window_ns as f64)),
    ];
    for row in rank.copies.iter().filter(|row| row.total_ns > 0) {
        let kind = row.kind.to_lowercase().replace('-', "_");
        fact.figures.push(Figure::measured(&format!("{kind}_ns"), Some(row.total_ns as f64)));
    }
    let names = rank.copies.iter().map(|row| row.kind.clone()).collect();
    let count = rank.copies.iter().map(|row| row.count).sum();
    fact.evidence = vec![evidence(rank, "copies", names, count, "copies and memsets by kind")];
    if rank.step.count > 0 {
        fact.evidence.push(step_evidence(rank));
    }
    fact.gain = Gain::of(
        whole.exposed_copy_ns.min(whole.compute_ns) as f64,
        whole.exposed_copy_ns as f64,
        whole.window_ns,
        "at most f = copies that nothing hides / window; likely as much of them as there is computation to run beside",
    );
    let who = rank_name(rank);
    if share >= WORTH_ACTING_PCT {
        fact.act(format!(
            "{}: {who} spends {share:.1} % of its time in copies that nothing hides.",
            remedy(rank)
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: copies that nothing hides are {share:.1} % of the time of {who}."
        ));
    }
    fact
}

fn remedy(rank: &Rank) -> &'static str {
    match rank.copies.first().map(|row| &*row.kind) {
        Some("HtoD" | "unified-HtoD") => {
            "Copy the next inputs while the GPU computes (pinned memory, non_blocking=True, a stream of their own), or keep on \
             the GPU what is copied again and again"
        }
        Some("DtoH" | "unified-DtoH") => {
            "Copy results while the GPU computes (pinned memory, non_blocking=True, a stream of their own), or fewer of them"
        }
        Some("memset") => {
            "Do not clear what is written anyway (zero_grad(set_to_none=True), torch.empty)"
        }
        _ => {
            "Avoid copies within and between GPUs (views, outputs in place, buckets that are views of gradients), or run them \
              on a stream beside computation"
        }
    }
}
