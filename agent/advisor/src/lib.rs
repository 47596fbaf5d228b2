//! Figures to advice: what a recording says about where time and memory could be gained.
//!
//! Pure functions over a [`perfagent_analysis::Report`]. Every fact carries the figures that it rests
//! on, where in the recording they were measured, and one sentence of what to do, which may be that
//! there is nothing to gain, or what to record to know it. What is to be acted on says what it is worth by
//! Amdahl's law ([`Gain`]), as it can be expected and at most, and is ranked by that. No other configuration is predicted here. With the ceilings of the device ([`Ceilings`]) two more facts say how near the run came to
//! them.

mod advice;
mod ceilings;
mod collectives;
mod communication;
mod data_stall;
mod dtype_casts;
pub mod emit;
mod exposed_copies;
mod fragmentation;
mod gain;
mod host_bound;
mod idle;
mod kernel_name;
mod memory_headroom;
mod operators;
mod rank_order;
pub mod start;
mod stragglers;
mod synchronization;
mod tensor_cores;
mod throttling;
mod tiny_kernels;
mod told;
pub mod tune;
mod unaligned_products;

use perfagent_analysis::Report;
use perfagent_analysis::report::{Breakdown, Rank};

pub use advice::{Advice, Evidence, Fact, Figure, RankFigure, SCHEMA, Source, Verdict};
pub use ceilings::{CEILINGS_SCHEMA, Ceilings};
pub use gain::Gain;

/// Shares of the step time below this are not worth a change, percent.
const WORTH_ACTING_PCT: f64 = 5.0;

/// The advice for the run of `report`, held against `ceilings` if there are any.
#[must_use]
pub fn advise(report: &Report, ceilings: Option<&Ceilings>) -> Advice {
    let mut facts = vec![
        data_stall::fact(report),
        communication::fact(report),
        memory_headroom::fact(report),
        host_bound::fact(report),
        synchronization::fact(report),
        exposed_copies::fact(report),
        stragglers::fact(report),
        tensor_cores::fact(report),
        unaligned_products::fact(report),
        dtype_casts::fact(report),
        tiny_kernels::fact(report),
        throttling::fact(report),
        fragmentation::fact(report),
    ];
    if let Some(ceilings) = ceilings {
        facts.push(operators::fact(report, ceilings));
        facts.push(collectives::fact(report, ceilings));
    }
    rank_order::place(&mut facts);
    Advice {
        summary: rank_order::summary(&facts),
        schema: SCHEMA.to_owned(),
        recording: report.recording.path.clone(),
        source: report.recording.source.clone(),
        facts,
        limits: limits(report, ceilings),
    }
}

fn limits(report: &Report, ceilings: Option<&Ceilings>) -> Vec<String> {
    let mut limits = vec![
        "Gains are by Amdahl's law, each as if nothing else changed: they do not add up, as two facts may name the same time, \
         and how fast another configuration would be is not in them."
            .to_owned(),
        format!(
            "A share under {WORTH_ACTING_PCT} % of the time is called nothing to gain; the first and last steps count like any other."
        ),
    ];
    if report.ranks.iter().all(|rank| rank.step.count == 0) {
        limits.push(
            "No steps are marked: shares are of the whole recorded span, with set-up and tear-down.".to_owned(),
        );
    }
    if let Some(ceilings) = ceilings {
        limits.extend(ceilings.limits(report));
    }
    limits.extend(report.warnings.iter().map(|warning| format!("The recording: {warning}")));
    limits
}

/// The stretch that shares are of: from the first step to the last, else everything.
fn stretch(rank: &Rank) -> &Breakdown {
    if rank.training.window_ns > 0 { &rank.training } else { &rank.breakdown }
}

/// `part` of `whole` in percent; `None` when there is no whole.
fn share_pct(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// The rank with the greatest value, and all values, in order of rank.
fn worst(
    report: &Report,
    value: impl Fn(&Rank) -> Option<f64>,
) -> (Option<(&Rank, f64)>, Vec<RankFigure>) {
    let mut worst: Option<(&Rank, f64)> = None;
    let mut all = Vec::new();
    for rank in &report.ranks {
        let value = value(rank);
        all.push(RankFigure { rank: rank.rank, host: rank.host.clone(), pid: rank.pid, value });
        if let Some(value) = value
            && worst.is_none_or(|(_, greatest)| value > greatest)
        {
            worst = Some((rank, value));
        }
    }
    (worst, all)
}

/// How a sentence names a rank.
fn rank_name(rank: &Rank) -> String {
    rank.rank.map_or_else(|| format!("process {}", rank.pid), |number| format!("rank {number}"))
}

/// Where figures of `rank` were measured.
fn evidence(rank: &Rank, table: &str, names: Vec<String>, count: i64, what: &str) -> Evidence {
    Evidence {
        recording: rank.recording_path.clone(),
        rank: rank.rank,
        pid: rank.pid,
        process_id: rank.process_id,
        table: table.to_owned(),
        names,
        count,
        what: what.to_owned(),
        start_ns: None,
        end_ns: None,
    }
}

/// The steps behind a share.
fn step_evidence(rank: &Rank) -> Evidence {
    let mut names: Vec<String> = Vec::new();
    for step in &rank.steps {
        if !names.contains(&step.name) && names.len() < 3 {
            names.push(step.name.clone());
        }
    }
    let steps = evidence(rank, "ranges", names, rank.step.count, "steps that the share is of");
    match rank.steps.first() {
        Some(first) => steps.at(first.start_ns, rank.training.window_ns),
        None => steps,
    }
}
