//! What to change, what it brings, and why.

use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::prediction::{Interval, Prediction};
use crate::predictor::DATA_STALL;

use super::change::{self, Change};
use super::{Candidate, options, ratio};

/// An arrangement to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// What is changed.
    pub changes: Vec<Change>,
    /// The whole job as it would be.
    pub job: Job,
    /// Tokens a second by those of the job as it is, percent more.
    pub tokens_per_s_change_pct: Interval,
    /// What it is expected to take.
    pub prediction: Prediction,
    /// Probability of running out of the memory that was allowed.
    pub oom_probability: f64,
    /// Parts of the step that change most.
    pub why: Vec<Why>,
}

/// A part of the step that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The part, as in `time_breakdown`.
    pub part: String,
    /// Seconds of a step now.
    pub from_s: f64,
    /// Seconds of a step then.
    pub to_s: f64,
}

/// Suggestions at most.
const MOST: usize = 5;
/// Less than this is not worth a change, share.
const WORTH: f64 = 0.01;
/// Parts that are told.
const PARTS: usize = 3;

/// The fastest of all, the fastest in the same precision, with few changes, and with each single one; the fastest first.
pub(super) fn best(
    base: &Candidate,
    candidates: &[Candidate],
    spread: (f64, f64),
) -> Vec<Suggestion> {
    let mut order: Vec<(&Candidate, Vec<Change>)> = candidates
        .iter()
        .filter(|candidate| {
            candidate.tokens_per_s > base.tokens_per_s * (1.0 + WORTH) || base.oom > 0.5
        })
        .map(|candidate| (candidate, change::between(&base.job, &candidate.job)))
        .filter(|(_, changes)| !changes.is_empty())
        .collect();
    order.sort_by(|a, b| {
        b.0.tokens_per_s
            .total_cmp(&a.0.tokens_per_s)
            .then(a.1.len().cmp(&b.1.len()))
            .then(a.0.peak_bytes.total_cmp(&b.0.peak_bytes))
    });
    // Accumulation follows from the micro-batch and the data parallel degree: it is no change of its own.
    let count =
        |changes: &[Change]| changes.iter().filter(|change| change.field != "grad_accum").count();
    let same_precision =
        |changes: &[Change]| changes.iter().all(|change| change.field != "precision");
    let mut picked: Vec<usize> = Vec::new();
    let mut pick = |wanted: &dyn Fn(&[Change]) -> bool| {
        if let Some(place) = order.iter().position(|(_, changes)| wanted(changes))
            && !picked.contains(&place)
            && picked.len() < MOST
        {
            picked.push(place);
        }
    };
    pick(&|_| true);
    pick(&|changes| same_precision(changes));
    pick(&|changes| count(changes) <= 2 && same_precision(changes));
    for field in [
        "recompute",
        "channels_last",
        "micro_batch",
        "cuda_graphs",
        "fused_loss",
        "zero",
        "tp",
        "pp",
        "cp",
        "offload",
        "precision",
    ] {
        pick(&|changes| count(changes) == 1 && changes.iter().any(|change| change.field == field));
    }
    picked.sort_unstable();
    picked
        .iter()
        .map(|place| &order[*place])
        .map(|(candidate, changes)| suggestion(base, candidate, changes, spread))
        .collect()
}

fn suggestion(
    base: &Candidate,
    candidate: &Candidate,
    changes: &[Change],
    spread: (f64, f64),
) -> Suggestion {
    let ratio = ratio(candidate.tokens_per_s, base.tokens_per_s, spread);
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    Suggestion {
        changes: changes.to_vec(),
        job: candidate.job.clone(),
        tokens_per_s_change_pct: Interval {
            p05: percent(ratio.p05),
            p50: percent(ratio.p50),
            p95: percent(ratio.p95),
        },
        prediction: candidate.prediction.clone(),
        oom_probability: candidate.oom,
        why: why(&base.prediction, &candidate.prediction),
    }
}

/// The parts of the step that change most.
fn why(old: &Prediction, new: &Prediction) -> Vec<Why> {
    let (Some(old), Some(new)) = (&old.time_breakdown, &new.time_breakdown) else {
        return Vec::new();
    };
    let mut parts: Vec<Why> = old
        .keys()
        .chain(new.keys().filter(|part| !old.contains_key(*part)))
        .map(|part| {
            let of = |breakdown: &crate::prediction::Breakdown| {
                breakdown.get(part).copied().unwrap_or(0.0)
            };
            Why { part: part.clone(), from_s: of(old), to_s: of(new) }
        })
        .collect();
    parts.sort_by(|a, b| (b.to_s - b.from_s).abs().total_cmp(&(a.to_s - a.from_s).abs()));
    parts.truncate(PARTS);
    parts.retain(|part| (part.to_s - part.from_s).abs() > 1e-3 * part.from_s.max(part.to_s));
    parts
}

/// What was not searched: a faster loader, and captured graphs and a loss that keeps no logits where the framework has none of its own.
pub(super) fn beyond(job: &Job, prediction: &Prediction) -> Vec<String> {
    let run = &job.run;
    let rate = if job.model.is_of_images() { "images/s" } else { "tokens/s" };
    let mut beyond = Vec::new();
    let step = prediction.step_s.map_or(0.0, |step| step.p50);
    if let Some(host) =
        prediction.time_breakdown.as_ref().and_then(|parts| parts.get("host_bound_s"))
        && *host > 0.03 * step
        && run.cuda_graphs != Some(true)
        && !options::can_capture(run)
    {
        beyond.push(format!(
            "CUDA graphs or torch.compile would take away launches: {:.0} % of the step is the GPU waiting for the host, so at most {:+.0} % {rate}",
            100.0 * host / step,
            100.0 * (1.0 / (1.0 - host / step) - 1.0)
        ));
    }
    if let Some(stall) = prediction.time_breakdown.as_ref().and_then(|parts| parts.get(DATA_STALL))
        && *stall > 0.01 * step
    {
        beyond.push(format!(
            "Steps wait {stall:.3} s for data, as measured ({:.0} % of a step): loading ahead, more loader workers or cached data would bring at most {:+.0} % {rate}, and without it no arrangement is faster than the loader",
            100.0 * stall / step,
            100.0 * (1.0 / (1.0 - stall / step) - 1.0)
        ));
    }
    let peak = prediction.peak_mem_bytes.map_or(0.0, |peak| peak.p50);
    if let Some(logits) =
        prediction.memory_breakdown.as_ref().and_then(|parts| parts.get("logits_and_loss_bytes"))
        && *logits > 0.05 * peak
        && run.fused_loss != Some(true)
        && !options::can_fuse_loss(run)
    {
        beyond.push(format!(
            "A fused or chunked cross-entropy would keep no logits: {:.1} GiB less at the peak, {:.0} % of it",
            logits / super::GIB,
            100.0 * logits / peak
        ));
    }
    beyond
}
