//! Which arrangement of a job is best: candidates, their predictions, and what speaks against the others.

mod candidates;
mod change;
mod front;
mod options;
mod rejected;
mod suggestion;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use change::Change;
pub use front::Point;
pub use rejected::Rejected;
pub use suggestion::{Suggestion, Why};

use crate::job::Job;
use crate::prediction::{Interval, Prediction};
use crate::predictor::{Anchor, Predictor};

/// The name and version of the document.
pub const PLAN_SCHEMA: &str = "perfagent.plan/1";

/// What is asked of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// GPUs in all; those of the job if not said.
    pub gpus: Option<u64>,
    /// Machines; those of the job, or as many as the GPUs fill.
    pub nodes: Option<u64>,
    /// Memory of a GPU that may be used, bytes; all that it has if not said.
    pub memory_limit: Option<f64>,
    /// Probability of running out of memory that is accepted.
    pub most_oom: f64,
}

/// What was measured of the job as it runs now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// Seconds of a step.
    pub step_s: Option<f64>,
    /// Peak memory of the fullest GPU, bytes.
    pub peak_bytes: Option<f64>,
    /// Seconds of a step in which it waits for data, zero if it does not; `None` if the recording does not tell.
    pub data_stall_s: Option<f64>,
}

/// The best arrangements of a job for the machines that are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Always [`PLAN_SCHEMA`].
    pub schema: String,
    /// The job that is changed.
    pub base: Job,
    /// What it is expected to take.
    pub base_prediction: Prediction,
    /// Whether its recording was used: predictions are then by how much others differ from it.
    pub measured: bool,
    /// Arrangements that were predicted.
    pub considered: usize,
    /// Memory of a GPU that counts as all, bytes.
    pub memory_bytes: f64,
    /// Arrangements to try, the fastest first.
    pub suggestions: Vec<Suggestion>,
    /// None of all is faster with less memory than these, the leanest first.
    pub front: Vec<Point>,
    /// Why others are not suggested.
    pub rejected: Vec<Rejected>,
    /// What the job's own fields cannot say, and would gain something.
    pub beyond: Vec<String>,
}

/// A candidate with its prediction.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub job: Job,
    pub prediction: Prediction,
    pub tokens_per_s: f64,
    pub peak_bytes: f64,
    pub oom: f64,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPlan(pub String);

impl fmt::Display for NoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoPlan {}

/// A plan with everything that was looked at for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The plan.
    pub plan: Plan,
    /// Every arrangement that was predicted, those that may run out of memory among them, in a fixed order.
    pub points: Vec<Point>,
}

/// Plans for `base`, by its recording if there is one.
///
/// # Errors
///
/// Why the job itself cannot be predicted.
pub fn plan(
    predictor: &Predictor,
    base: &Job,
    observed: Observed,
    wishes: &Wishes,
) -> Result<Plan, NoPlan> {
    survey(predictor, base, observed, wishes).map(|survey| survey.plan)
}

/// The same with all arrangements that were predicted.
///
/// # Errors
///
/// Why the job itself cannot be predicted.
pub fn survey(
    predictor: &Predictor,
    base: &Job,
    observed: Observed,
    wishes: &Wishes,
) -> Result<Survey, NoPlan> {
    let anchor = (observed != Observed::default())
        .then(|| predictor.anchor(base, observed.step_s, observed.peak_bytes))
        .transpose()
        .map_err(NoPlan)?
        .map(|anchor| match (observed.step_s, observed.data_stall_s) {
            (Some(step_s), Some(wait_s)) => anchor.waiting(step_s, wait_s),
            _ => anchor,
        });
    let predict = |job: &Job| predict(predictor, anchor.as_ref(), job);
    let moved = candidates::moved(base, wishes).map_err(NoPlan)?;
    let base_prediction = predict(&moved);
    if let Some(why) = base_prediction.refused {
        return Err(NoPlan(why));
    }
    let memory_bytes = wishes.memory_limit.unwrap_or_else(|| predictor.memory_of(&moved));
    let mut rejections = rejected::Rejections::default();
    let mut candidates = Vec::new();
    for job in candidates::all(&moved, &mut rejections) {
        let mut variants = Vec::new();
        match candidate(job.clone(), predict(&job), memory_bytes) {
            Ok(candidate) => variants.extend(candidate),
            Err(why) => {
                rejections.add(&rejected::kind(&why), &job, &why);
                continue;
            }
        }
        for job in options::of(&job, &mut rejections) {
            if let Ok(Some(variant)) = candidate(job.clone(), predict(&job), memory_bytes)
                && options::is_worth(&variant, &variants)
            {
                variants.push(variant);
            }
        }
        candidates.append(&mut variants);
    }
    let considered = candidates.len();
    let points = candidates.iter().map(Point::of).collect();
    let (fitting, full): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.oom <= wishes.most_oom);
    for candidate in &full {
        rejections.add(
            "out of memory",
            &candidate.job,
            &format!(
                "would need {:.1} GiB of {:.1}, out of memory with a probability of {:.0} %",
                candidate.peak_bytes / GIB,
                memory_bytes / GIB,
                100.0 * candidate.oom
            ),
        );
    }
    let base_candidate =
        candidate(moved.clone(), base_prediction.clone(), memory_bytes).map_err(NoPlan)?;
    let suggestions = base_candidate
        .as_ref()
        .map(|base| suggestion::best(base, &fitting, predictor.ratio_spread(&moved)))
        .unwrap_or_default();
    let plan = Plan {
        schema: PLAN_SCHEMA.to_owned(),
        measured: anchor.is_some(),
        considered,
        memory_bytes,
        suggestions,
        front: front::of(&fitting),
        rejected: rejections.finish(),
        beyond: suggestion::beyond(&moved, &base_prediction),
        base: moved,
        base_prediction,
    };
    Ok(Survey { plan, points })
}

/// A job as a candidate, none if its prediction has no figures.
fn candidate(
    job: Job,
    prediction: Prediction,
    memory_bytes: f64,
) -> Result<Option<Candidate>, String> {
    if let Some(why) = prediction.refused {
        return Err(why);
    }
    let (Some(tokens), Some(peak)) = (prediction.tokens_per_s, prediction.peak_mem_bytes) else {
        return Ok(None);
    };
    Ok(Some(Candidate {
        tokens_per_s: tokens.p50,
        peak_bytes: peak.p50,
        oom: peak.above(memory_bytes),
        job,
        prediction,
    }))
}

pub(crate) const GIB: f64 = 1_073_741_824.0;

fn predict(predictor: &Predictor, anchor: Option<&Anchor>, job: &Job) -> Prediction {
    match anchor {
        Some(anchor) => predictor.predict_beside(anchor, job),
        None => predictor.predict(job),
    }
}

/// An interval of `new` by `old`, both with the same error.
pub(crate) fn ratio(new: f64, old: f64, spread: (f64, f64)) -> Interval {
    let ratio = new / old;
    Interval { p05: ratio * spread.0.exp(), p50: ratio, p95: ratio * spread.1.exp() }
}
