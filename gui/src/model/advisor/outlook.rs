//! What one arrangement is expected to take, beside the present one.

use std::sync::Arc;

use perfagent_advisor::start::Start;
use perfagent_predictor::plan::Observed;
use perfagent_predictor::{Anchor, Interval, Job, Prediction, Predictor};

use super::given::predictor;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The recorded job, with what was measured of it.
    pub start: Start,
    /// The job as it would be.
    pub job: Job,
    /// What was measured of the device, the document's text.
    pub ceilings: Option<Arc<str>>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// What the arrangement is expected to take.
    pub prediction: Prediction,
    /// The same of the run as it was recorded; refused where it cannot be predicted.
    pub present: Prediction,
    /// Tokens a second by those of the recorded run, percent more; `None` on other machines, where errors are not shared.
    pub change_pct: Option<Interval>,
    /// Memory of a GPU that a program can have, bytes; infinite where it is not known.
    pub memory_bytes: f64,
    /// Whether the recording was measured: predictions are then by how much others differ from it.
    pub is_anchored: bool,
}

/// Predicts. Takes a few milliseconds, more for long pipelines: for a worker.
#[must_use]
pub fn outlook(question: &Question) -> Outlook {
    let predictor = match predictor(question.ceilings.as_ref()) {
        Ok(predictor) => predictor,
        Err(why) => return refused(why),
    };
    let Question { start, job, .. } = question;
    let anchor = anchor(&predictor, start);
    let predict = |job: &Job| match &anchor {
        Some(anchor) => predictor.predict_beside(anchor, job),
        None => predictor.predict(job),
    };
    let (prediction, present) = (predict(job), predict(&start.job));
    let same_machines = job.cluster == start.job.cluster;
    let change_pct = prediction
        .tokens_per_s
        .zip(present.tokens_per_s)
        .filter(|_| same_machines)
        .map(|(new, own)| percent(predictor.ratio(job, new.p50, own.p50)));
    Outlook {
        memory_bytes: predictor.memory_of(job),
        is_anchored: anchor.is_some(),
        prediction,
        present,
        change_pct,
    }
}

/// What was measured of the recorded job, for others beside it.
#[must_use]
pub fn anchor(predictor: &Predictor, start: &Start) -> Option<Anchor> {
    let observed = start.observed;
    if observed == Observed::default() {
        return None;
    }
    let anchor = predictor.anchor(&start.job, observed.step_s, observed.peak_bytes).ok()?;
    Some(match (observed.step_s, observed.data_stall_s) {
        (Some(step_s), Some(wait_s)) => anchor.waiting(step_s, wait_s),
        _ => anchor,
    })
}

fn percent(ratio: Interval) -> Interval {
    let of = |ratio: f64| 100.0 * (ratio - 1.0);
    Interval { p05: of(ratio.p05), p50: of(ratio.p50), p95: of(ratio.p95) }
}

fn refused(why: String) -> Outlook {
    let prediction = Prediction::refused(None, why);
    Outlook {
        present: prediction.clone(),
        prediction,
        change_pct: None,
        memory_bytes: f64::INFINITY,
        is_anchored: false,
    }
}

/// How likely an arrangement fits, in a word that stands beside its figure.
#[must_use]
pub fn fit_in_words(oom: f64) -> &'static str {
    if oom <= 0.05 {
        "Fits"
    } else if oom <= 0.5 {
        "May run out of memory"
    } else {
        "Runs out of memory"
    }
}

#[cfg(test)]
mod tests {
    use perfagent_advisor::start::{Start, known_models};
    use perfagent_predictor::plan::Observed;
    use perfagent_predictor::{Cluster, Job, Run};

    use super::{Question, outlook};
    use crate::model::advisor::Arrangement;

    fn start(observed: Observed) -> Start {
        let (_, model) = known_models().find(|(name, _)| name == "gpt gpt2-124m").unwrap();
        let job = Job {
            cluster: Cluster {
                gpu: Some("A100".to_owned()),
                gpus_per_node: Some(8),
                nodes: Some(1),
                ..Cluster::default()
            },
            model,
            run: Run {
                framework: Some("fsdp".to_owned()),
                micro_batch: Some(4),
                grad_accum: Some(2),
                zero: Some(0),
                precision: Some("bf16".to_owned()),
                recompute: Some("none".to_owned()),
                ..Run::default()
            },
            ..Job::default()
        };
        let job = Job { run: Arrangement::of(&job).job(&job).run, ..job };
        Start { job, observed, told: Vec::new() }
    }

    #[test]
    fn what_was_measured_moves_the_prediction_and_more_memory_is_told() {
        let measured = Observed { step_s: Some(0.8), ..Observed::default() };
        let start = start(measured);
        let mut job = start.job.clone();
        let ask = |job: &Job| {
            outlook(&Question { start: start.clone(), job: job.clone(), ceilings: None })
        };
        let own = ask(&job);
        assert!(own.is_anchored, "{own:?}");
        let step = own.prediction.step_s.unwrap();
        assert!((step.p50 - 0.8).abs() < 1e-9, "{step:?}");
        assert!(own.change_pct.unwrap().p50.abs() < 1e-9);
        assert!(own.memory_bytes > 7e10 && own.memory_bytes < 9e10);
        job.run.micro_batch = Some(16);
        job.run.global_batch = Some(16 * 2 * 8);
        let larger = ask(&job);
        let peak = |of: &super::Outlook| of.prediction.peak_mem_bytes.unwrap().p50;
        assert!(peak(&larger) > peak(&own));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let start = start(Observed::default());
        let mut job = start.job.clone();
        job.run.pp = Some(5);
        let told = outlook(&Question { start, job, ceilings: None }).prediction.refused.unwrap();
        assert!(told.contains("run.pp") || told.contains("degrees"), "{told}");
    }
}
