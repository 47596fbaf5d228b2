//! What is expected of a search before anything has run.

use anyhow::{anyhow, ensure};
use perfagent_advisor::start::read_command_line;
use perfagent_advisor::tune::{Analytic, Candidate, Flat, Modelled, Prior, Space};
use perfagent_predictor::{Job, Predictor};

use super::plan::Plan;

/// Predictions, where the job of `--job` or of the command line can be predicted; else what holds of every training.
///
/// # Errors
///
/// When the user has given a job or ceilings and nothing can be made of them.
pub(super) fn prior(
    plan: &Plan,
    space: &Space,
    predictor: Predictor,
) -> anyhow::Result<Box<dyn Prior>> {
    let given = match (&plan.job, predictor.device()) {
        (Some(_), _) => Some("--job"),
        (None, Some(_)) => Some("--ceilings"),
        (None, None) => None,
    };
    if !plan.is_throughput() {
        if let Some(option) = given {
            return Err(anyhow!(
                "{option}: predicts tokens a second, which is not what is measured; leave it out"
            ));
        }
        return Ok(Box::new(Flat));
    }
    if let Some(option) = given {
        ensure!(
            plan.is_in_tokens(),
            "{option}: predicts tokens a second, and steps are measured; give --tokens-per-step"
        );
    }
    let job = jobs(plan, &predictor);
    let refused =
        space.candidates().first().and_then(|first| predictor.predict(&job(first)).refused);
    let name = format!(
        "the predictor, for the job {}{}",
        if plan.job.is_some() { "that was given" } else { "of the command line" },
        predictor
            .device()
            .map_or_else(String::new, |device| format!(", by the ceilings of {device}"))
    );
    let predict = move |job: &Job| {
        let prediction = predictor.predict(job);
        let value = prediction.tokens_per_s?;
        Some((value, prediction.oom_probability.unwrap_or(0.0)))
    };
    let prior = Modelled { name, job, predict };
    // Some candidates may be predicted although the first cannot.
    let is_known = |one| prior.expect(one).value.is_some();
    if plan.is_in_tokens() && space.candidates().iter().any(is_known) {
        return Ok(Box::new(prior));
    }
    if let Some(option) = given {
        return Err(anyhow!(
            "{option}: nothing can be predicted of the command: {}; say the rest with --job JOB.json, or leave {option} out",
            refused.unwrap_or_default()
        ));
    }
    // On GPUs each rank has a device of its own, and processors are not what limits it.
    let here = plan.machine.surroundings();
    Ok(Box::new(Analytic { cores: if here.gpus > 0 { 0 } else { here.cores } }))
}

/// The job of a candidate's command: as the user has given it, then as the command line says; on the device that the command
/// line names, else on the first one here.
fn jobs(plan: &Plan, predictor: &Predictor) -> impl Fn(&Candidate) -> Job + use<> {
    let (given, template) = (plan.job.clone().unwrap_or_default(), plan.template());
    let gpu = plan.machine.gpus.first().cloned();
    let by_processor = predictor.processor().is_some();
    move |candidate| {
        let words = template.fill(|name| candidate.get(name).map(str::to_owned));
        let is_cpu = match option(&words, "--device") {
            Some(device) => device == "cpu",
            None => by_processor || gpu.is_none(),
        };
        let mut job = given.or(&read_command_line(&words.join(" ")));
        let device = if is_cpu { Some("cpu".to_owned()) } else { gpu.clone() };
        job.cluster.gpu = job.cluster.gpu.or(device);
        job
    }
}

/// The value of an option of a command line.
fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(name) {
        Some("") => words.get(at + 1).map(String::as_str),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    })
}
