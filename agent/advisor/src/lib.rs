//! Figures to advice: what a recording says about where time and memory could be gained.
//!
//! Pure functions over a [`perfagent_analysis::Report`]. Every fact carries the figures that it rests
//! on, where in the recording they were measured, and one sentence of what to do, which may be that
//! there is nothing to gain. Nothing is predicted: a fact says what a run lost, not what another
//! configuration would win. With the ceilings of the device ([`Ceilings`]) two more facts say how near the run came to
//! them.

mod advice;
mod ceilings;
mod collectives;
mod communication;
mod data_stall;
pub mod emit;
mod memory_headroom;
mod operators;
pub mod tune;

use perfagent_analysis::Report;
use perfagent_analysis::report::{Breakdown, Rank};

pub use advice::{Advice, Evidence, Fact, Figure, RankFigure, SCHEMA, Source, Verdict};
pub use ceilings::{CEILINGS_SCHEMA, Ceilings};

/// Shares of the step time below this are not worth a change, percent.
const WORTH_ACTING_PCT: f64 = 5.0;

/// The advice for the run of `report`, held against `ceilings` if there are any.
#[must_use]
pub fn advise(report: &Report, ceilings: Option<&Ceilings>) -> Advice {
    let mut facts =
        vec![data_stall::fact(report), communication::fact(report), memory_headroom::fact(report)];
    if let Some(ceilings) = ceilings {
        facts.push(operators::fact(report, ceilings));
        facts.push(collectives::fact(report, ceilings));
    }
    Advice {
        schema: SCHEMA.to_owned(),
        recording: report.recording.path.clone(),
        source: report.recording.source.clone(),
        facts,
        limits: limits(report, ceilings),
    }
}

fn limits(report: &Report, ceilings: Option<&Ceilings>) -> Vec<String> {
    let mut limits = vec![
        "Nothing here is predicted: the facts say what this run lost, not how fast another configuration would be."
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
    evidence(rank, "ranges", names, rank.step.count, "steps that the share is of")
}
