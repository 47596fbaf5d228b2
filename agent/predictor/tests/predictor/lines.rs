//! Jobs and answers as lines of JSON.

use perfagent_predictor::{Job, Prediction};
use serde_json::json;

use crate::jobs::{line, llama, predictor};

#[test]
fn what_was_measured_is_never_read() {
    let predictor = predictor();
    let mut measured = line();
    for step_s in [json!(1e-9), json!(1e9), json!("nonsense"), json!(null)] {
        measured["measured"] =
            json!({"step_s": step_s, "tokens_per_s": 1.0, "peak_mem_bytes": step_s, "oom": true});
        let with: Job = serde_json::from_value(measured.clone()).unwrap();
        assert_eq!(
            serde_json::to_string(&predictor.predict(&with)).unwrap(),
            serde_json::to_string(&predictor.predict(&llama())).unwrap()
        );
    }
}

#[test]
fn jobs_and_predictions_come_back_as_they_were_written() {
    let job = llama();
    assert_eq!(serde_json::from_str::<Job>(&serde_json::to_string(&job).unwrap()).unwrap(), job);
    let answer = predictor().predict(&job);
    let text = serde_json::to_string(&answer).unwrap();
    // Numbers come back to all digits but the last.
    let again = serde_json::from_str::<Prediction>(&text).unwrap();
    assert!((again.step_s.unwrap().p50 / answer.step_s.unwrap().p50 - 1.0).abs() < 1e-14);
    assert_eq!(again.time_breakdown.unwrap().len(), answer.time_breakdown.clone().unwrap().len());
    assert_eq!((again.schema, again.assumed), (answer.schema, answer.assumed));
    let refused = predictor().predict(&Job::default());
    let text = serde_json::to_string(&refused).unwrap();
    assert_eq!(serde_json::from_str::<Prediction>(&text).unwrap(), refused);
}

#[test]
fn a_whole_number_may_have_a_point() {
    let job: Job =
        serde_json::from_str(r#"{"model": {"layers": 48.0}, "run": {"tp": 8}}"#).unwrap();
    assert_eq!((job.model.layers, job.run.tp), (Some(48), Some(8)));
    for wrong in ["48.5", "-1", "-1.0", "1e300", "\"48\"", "true", "[48]"] {
        let text = format!(r#"{{"model": {{"layers": {wrong}}}}}"#);
        assert!(serde_json::from_str::<Job>(&text).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_stated_is_told() {
    let job: Job = serde_json::from_value(json!({
        "cluster": {"gpu": "H100-80GB"},
        "model": {"arch": "llama", "params": 7e9, "seq": 2048},
        "run": {"global_batch": 4}
    }))
    .unwrap();
    insta::assert_json_snapshot!(predictor().predict(&job).assumed);
}
