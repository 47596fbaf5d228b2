//! Time that steps spend waiting for data.

use perfagent_analysis::report::{RangeRow, Rank};
use perfagent_analysis::{DATA, Report, Rules};

use crate::{
    Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, step_evidence, stretch,
    worst,
};

/// Share of the time that went to loading of data, and to idling before the first operation of a step.
pub(crate) fn fact(report: &Report) -> Fact {
    let (worst, ranks) = worst(report, share);
    let mut fact = Fact::unknown(
        "data_stall",
        "pct",
        (worst, ranks),
        "The recording marks neither steps nor loading of data: put an NVTX range `step` around each step and `data` around \
         the loading in it, and record again.",
    );
    let Some((rank, share)) = worst else { return fact };
    let whole = stretch(rank);
    let lead_in = lead_in_ns(rank);
    fact.figures = vec![
        Figure::derived("data_stall_share_pct", Some(share)),
        Figure::measured("data_ns", Some(whole.data_ns as f64)),
        Figure::measured("idle_before_first_operation_ns", Some(lead_in as f64)),
        Figure::measured("window_ns", Some(whole.window_ns as f64)),
    ];
    fact.evidence = vec![data_evidence(rank)];
    if rank.step.count > 0 {
        fact.evidence.push(step_evidence(rank));
    }
    let who = rank_name(rank);
    fact.gain = Gain::of(
        whole.data_ns as f64,
        whole.data_ns.saturating_add(lead_in) as f64,
        whole.window_ns,
        "at most f = (loading of data + idle time before the first operation of a step) / window; likely the loading alone",
    );
    if share < WORTH_ACTING_PCT {
        fact.nothing(format!("Nothing to gain: {who} waits {share:.1} % of its time for data."));
    } else if whole.data_ns >= lead_in {
        fact.act(format!(
            "Load data ahead (more loader workers, prefetching, cached tokens): {who} spends {share:.1} % of its time \
             waiting for it."
        ));
    } else {
        fact.act(format!(
            "Look at what {who} does on the host at the start of a step: {share:.1} % of its time passes before the first \
             operation runs, most of it outside ranges that load data."
        ));
    }
    fact
}

fn share(rank: &Rank) -> Option<f64> {
    if rank.step.count == 0 && rank.data_range_count == 0 {
        return None;
    }
    let whole = stretch(rank);
    share_pct(whole.data_ns.saturating_add(lead_in_ns(rank)), whole.window_ns)
}

fn lead_in_ns(rank: &Rank) -> i64 {
    rank.steps.iter().filter_map(|step| step.lead_in_ns).fold(0, i64::saturating_add)
}

fn data_evidence(rank: &Rank) -> crate::Evidence {
    let rules = Rules::built_in();
    let loads = |row: &&RangeRow| rules.category(&row.name) == DATA;
    let mut names: Vec<String> =
        rank.ranges.iter().filter(loads).map(|row| row.name.clone()).collect();
    names.extend(
        rank.operators.iter().filter(|row| row.category == DATA).map(|row| row.name.clone()),
    );
    evidence(rank, "ranges, operators", names, rank.data_range_count, "loading of data")
}
