//! What is expected of a candidate before anything has run.

use perfagent_predictor::{Interval, Job};

use super::Candidate;

/// What is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// In the unit of the objective, or in a unit of its own (see [`Prior::is_absolute`]). `None`: nothing is known.
    pub value: Option<Interval>,
    /// How probable it is that the memory does not suffice, 0..=1.
    pub oom_probability: f64,
}

/// Knowledge of candidates that nothing has measured.
pub trait Prior {
    /// What is expected of it.
    fn expect(&self, candidate: &Candidate) -> Expectation;

    /// Whether values are in the objective's unit. Else only their ratios count, and the first trial gives the scale.
    fn is_absolute(&self) -> bool;

    /// What it is, in a few words for a page.
    fn name(&self) -> &str;
}

/// Nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Flat;

impl Prior for Flat {
    fn expect(&self, _: &Candidate) -> Expectation {
        Expectation { value: None, oom_probability: 0.0 }
    }

    fn is_absolute(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "none: every configuration is expected alike before it is measured"
    }
}

/// A step as something that is paid once, something for each pass, and the work of each sequence; on `cores` processors.
///
/// Only ratios count, so the work of one sequence is the unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Analytic {
    /// Logical processors; 0 where each rank has a device of its own, as on GPUs.
    pub cores: u64,
}

/// Of a small model on a processor: its optimizer, and the launches of a pass, beside one sequence's work.
const FIXED: f64 = 0.5;
const LAUNCHES: f64 = 0.5;
/// Threads share caches and wait for each other.
const THREAD_EXPONENT: f64 = 0.8;
/// The interval, as a factor to both sides.
const SPREAD: f64 = 1.6;

impl Analytic {
    /// Of a rank, beside one with a thread of its own.
    fn speed(self, candidate: &Candidate, ranks: f64) -> f64 {
        if self.cores == 0 {
            return 1.0;
        }
        let cores = self.cores as f64;
        let threads =
            candidate.number("threads").map_or((cores / ranks).max(1.0), |n| n.max(1) as f64);
        // More threads than processors take turns.
        let turns = (threads * ranks / cores).max(1.0);
        threads.powf(THREAD_EXPONENT) / turns
    }
}

impl Prior for Analytic {
    fn expect(&self, candidate: &Candidate) -> Expectation {
        let of = |name| candidate.number(name).unwrap_or(1).max(1) as f64;
        let (micro_batch, passes, ranks) = (of("micro_batch"), of("accumulate"), of("nproc"));
        let (tensor, stages) = (of("tp"), of("pp"));
        let speed = self.speed(candidate, ranks);
        let again = match candidate.get("recompute") {
            Some("full") => 4.0 / 3.0,
            Some("selective") => 1.1,
            _ => 1.0,
        };
        let length = candidate.number("seq").map_or(1.0, |n| n.max(1) as f64);
        let work = micro_batch * length * again / (tensor * stages).max(1.0);
        let bubble = (passes + stages - 1.0) / passes;
        let update = match candidate.get("offload") {
            None | Some("none") => FIXED,
            Some(_) => 3.0 * FIXED,
        };
        let pass = (LAUNCHES * length + work) / speed;
        let step = update * length + passes * bubble * pass;
        let done = micro_batch * passes * length * candidate.replicas() as f64;
        let value = done / step;
        Expectation {
            value: Some(Interval { p05: value / SPREAD, p50: value, p95: value * SPREAD }),
            oom_probability: 0.0,
        }
    }

    fn is_absolute(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "analytic: a fixed part of a step, launches for each pass, work for each sequence"
    }
}

/// A job of which the candidate changes the arrangement, and a model that predicts it.
pub struct Modelled<J, P> {
    /// What it is, in a few words for a page.
    pub name: String,
    /// What is known of a candidate's job beside the parameters whose names are fields of a job.
    pub job: J,
    /// The job's tokens a second and its probability of running out of memory; nothing where it refuses.
    pub predict: P,
}

impl<J: Fn(&Candidate) -> Job, P> Modelled<J, P> {
    /// The job of a candidate.
    pub fn job_of(&self, candidate: &Candidate) -> Job {
        let mut job = (self.job)(candidate);
        let run = &mut job.run;
        for (name, field) in [
            ("micro_batch", &mut run.micro_batch),
            ("accumulate", &mut run.grad_accum),
            ("tp", &mut run.tp),
            ("pp", &mut run.pp),
            ("cp", &mut run.cp),
            ("ep", &mut run.ep),
            ("vpp", &mut run.vpp),
            ("zero", &mut run.zero),
            ("seq", &mut job.model.seq),
            ("threads", &mut run.threads),
            ("nproc", &mut job.cluster.gpus_per_node),
        ] {
            if let Some(number) = candidate.number(name) {
                *field = Some(number);
            }
        }
        for (name, field) in [
            ("precision", &mut run.precision),
            ("recompute", &mut run.recompute),
            ("offload", &mut run.offload),
        ] {
            if let Some(word) = candidate.get(name) {
                *field = (word != "none" || name == "recompute").then(|| word.to_owned());
            }
        }
        let varies = |name| candidate.get(name).is_some();
        if ["micro_batch", "accumulate", "tp", "pp", "nproc"].into_iter().any(varies) {
            // They follow from the rest.
            (run.dp, run.global_batch) = (None, None);
        }
        job
    }
}

impl<J: Fn(&Candidate) -> Job, P: Fn(&Job) -> Option<(Interval, f64)>> Prior for Modelled<J, P> {
    fn expect(&self, candidate: &Candidate) -> Expectation {
        match (self.predict)(&self.job_of(candidate)) {
            Some((value, oom_probability)) => Expectation { value: Some(value), oom_probability },
            None => Expectation { value: None, oom_probability: 0.0 },
        }
    }

    fn is_absolute(&self) -> bool {
        true
    }

    fn name(&self) -> &str {
        &self.name
    }
}
