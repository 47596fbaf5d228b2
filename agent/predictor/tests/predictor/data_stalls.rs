//! Waits for data are as measured, and other arrangements wait for what the loader needs.

use perfagent_predictor::plan::{Observed, Wishes, plan};
use perfagent_predictor::{Anchor, Job, Prediction};

use crate::jobs::{check, llama, part, predictor};

/// Llama's step as it would be without a wait, and an anchor of a run that waited so many of its seconds more.
fn stalled(share: f64) -> (f64, Anchor) {
    let work = 1.2 * predictor().predict(&llama()).step_s.unwrap().p50;
    let step = work / (1.0 - share);
    let anchor = predictor().anchor(&llama(), Some(step), None).unwrap();
    (work, anchor.waiting(step, share * step))
}

fn beside(anchor: &Anchor, job: &Job) -> (f64, f64) {
    let prediction = predictor().predict_beside(anchor, job);
    check(job, &prediction);
    let stall = part(prediction.time_breakdown.as_ref().unwrap(), "data_stall_s");
    (prediction.step_s.unwrap().p50, stall)
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-9 * expected, "{value} is not {expected}");
}

#[test]
fn a_stalled_run_is_predicted_as_measured_with_its_wait_as_a_part() {
    let (work, anchor) = stalled(0.25);
    let (step, stall) = beside(&anchor, &llama());
    near(step, work / 0.75);
    near(stall, work / 3.0);
    let prediction = predictor().predict_beside(&anchor, &llama());
    assert!(!prediction.assumed.iter().any(|what| what == "no data stalls"));
    assert!(predictor().predict(&llama()).assumed.iter().any(|what| what == "no data stalls"));
}

#[test]
fn a_faster_arrangement_waits_for_the_same_loader_and_gains_nothing() {
    let (work, anchor) = stalled(0.25);
    let mut faster = llama();
    faster.run.micro_batch = Some(2);
    faster.run.grad_accum = Some(8);
    let [plain, before] =
        [&faster, &llama()].map(|job| predictor().predict(job).step_s.unwrap().p50);
    assert!(plain < before);
    // The model is of the step without the wait, so it says what the step would work.
    let (step, stall) = beside(&anchor, &faster);
    near(step, work / 0.75);
    near(stall, work / 0.75 - work * plain / before);
}

#[test]
fn more_ranks_with_a_loader_each_wait_less_and_a_longer_step_hides_the_wait() {
    let (work, anchor) = stalled(0.25);
    let mut spread = llama();
    spread.run.dp = Some(32);
    spread.run.tp = Some(2);
    spread.run.grad_accum = Some(8);
    let [plain, before] =
        [&spread, &llama()].map(|job| predictor().predict(job).step_s.unwrap().p50);
    // Half the sequences a rank: half of what the loader needs, against what the step works.
    let (step, _) = beside(&anchor, &spread);
    near(step, (work / 0.75 / 2.0).max(work * plain / before));
    let mut slow = llama();
    slow.run.recompute = Some("full".to_owned());
    slow.run.tp = Some(8);
    slow.run.dp = Some(8);
    slow.run.grad_accum = Some(32);
    let more = beside(&anchor, &slow);
    let (_, calm) = stalled(0.0);
    near(more.0, beside(&calm, &slow).0.max(2.0 * work / 0.75));
}

#[test]
fn handing_over_of_data_is_no_stalled_loader() {
    let (work, anchor) = stalled(0.01);
    let (step, stall) = beside(&anchor, &llama());
    near(step, work / 0.99);
    near(stall, work / 0.99 * 0.01);
    let mut faster = llama();
    (faster.run.micro_batch, faster.run.grad_accum) = (Some(2), Some(8));
    let [plain, before] =
        [&faster, &llama()].map(|job| predictor().predict(job).step_s.unwrap().p50);
    near(beside(&anchor, &faster).0, work * plain / before + work / 0.99 * 0.01);
}

#[test]
fn impossible_waits_change_nothing() {
    let step = predictor().predict(&llama()).step_s.unwrap().p50;
    let anchor = predictor().anchor(&llama(), Some(step), None).unwrap();
    for (step_s, wait_s) in
        [(step, step), (step, -1.0), (step, f64::NAN), (0.0, 0.0), (step, 2.0 * step)]
    {
        assert_eq!(anchor.clone().waiting(step_s, wait_s), anchor);
    }
}

#[test]
fn a_plan_says_what_loading_ahead_would_bring() {
    let of = |wait: f64| {
        let wishes = Wishes { gpus: None, nodes: None, memory_limit: None, most_oom: 0.05 };
        let step_s = Some(10.0);
        let observed = Observed { step_s, data_stall_s: Some(wait), ..Observed::default() };
        plan(predictor(), &llama(), observed, &wishes).unwrap()
    };
    let stall =
        |prediction: &Prediction| part(prediction.time_breakdown.as_ref().unwrap(), "data_stall_s");
    let (calm, stalled) = (of(0.0), of(4.0));
    near(stall(&stalled.base_prediction), 4.0);
    assert!(stall(&calm.base_prediction) == 0.0);
    insta::assert_snapshot!(stalled.beyond.join("\n"));
    assert!(!calm.beyond.iter().any(|what| what.contains("for data")));
    // What only computes faster is no suggestion any more.
    for suggestion in &stalled.suggestions {
        let (ranks, least) = (suggestion.job.run.dp.unwrap() as f64, 10.0 * 16.0);
        let step = suggestion.prediction.step_s.unwrap().p50;
        assert!(step >= least / ranks * (1.0 - 1e-9), "{suggestion:?}");
    }
    assert!(!calm.suggestions.is_empty());
}
