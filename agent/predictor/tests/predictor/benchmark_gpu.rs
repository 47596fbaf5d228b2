//! perfagent-bench on a GPU, against runs of it on an H200 that are stored in the repository.

use perfagent_predictor::benchmark::read_result;
use perfagent_predictor::{Ceilings, Job, Measured, Predictor};
use serde_json::Value;

fn stored(name: &str) -> String {
    let path = format!("{}/../../data/h200/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn predictor() -> Predictor {
    let ceilings = Ceilings::parse(&stored("ceilings.json")).unwrap();
    Predictor::built_in().unwrap().with_ceilings(ceilings)
}

/// Model, options, job and what was measured.
fn runs() -> Vec<(String, String, Job, Measured)> {
    let all: Vec<Value> = serde_json::from_str(&stored("configurations.json")).unwrap();
    let runs: Vec<_> = all
        .iter()
        .map(|run| {
            let (mut job, measured) = read_result(&run["result"]).unwrap();
            job.cluster.gpu = Some("NVIDIA H200".to_owned());
            let word = |key: &str| run[key].as_str().unwrap().to_owned();
            (word("model"), word("options"), job, measured)
        })
        .collect();
    assert!(runs.len() >= 15, "{}", runs.len());
    runs
}

#[test]
fn steps_and_memory_of_stored_runs_are_near() {
    let predictor = predictor();
    for (model, options, job, measured) in runs() {
        let predicted = predictor.predict(&job);
        assert_eq!(predicted.refused, None, "{model} {options}");
        for (of, value, within) in [
            (predicted.step_s.unwrap(), measured.step_s.unwrap(), 0.10),
            (predicted.peak_mem_bytes.unwrap(), measured.peak_mem_bytes.unwrap(), 0.05),
        ] {
            let off = of.p50 / value - 1.0;
            assert!(off.abs() < within, "{model} {options}: {of:?}, measured {value}");
            assert!(
                of.p05 < value && value < of.p95,
                "{model} {options}: {of:?}, measured {value}"
            );
        }
    }
}

#[test]
fn beside_a_measured_run_others_of_its_model_are_nearer() {
    let predictor = predictor();
    let runs = runs();
    for (model, options, job, measured) in &runs {
        let (_, of_first, first, known) = runs.iter().find(|(of, ..)| of == model).unwrap();
        if options == of_first {
            continue;
        }
        let anchor = predictor.anchor(first, known.step_s, known.peak_mem_bytes).unwrap();
        let predicted = predictor.predict_beside(&anchor, job);
        let off = |p50: f64, value: Option<f64>| (p50 / value.unwrap() - 1.0).abs();
        let time = off(predicted.step_s.unwrap().p50, measured.step_s);
        let memory = off(predicted.peak_mem_bytes.unwrap().p50, measured.peak_mem_bytes);
        assert!(time < 0.08 && memory < 0.03, "{model} {options}: {time} {memory}");
    }
}

/// Small micro-batches wait for the host; what the host takes does not grow with them.
#[test]
fn small_micro_batches_wait_for_the_host() {
    let predictor = predictor();
    let (_, _, job, _) = &runs()[0];
    let waits = |micro_batch: u64| {
        let mut job = job.clone();
        job.run.micro_batch = Some(micro_batch);
        let predicted = predictor.predict(&job);
        let share = predicted.time_breakdown.as_ref().unwrap()["host_bound_s"]
            / predicted.step_s.unwrap().p50;
        (share, predicted.step_s.unwrap().p50)
    };
    let [one, two, large] = [1, 2, 32].map(waits);
    assert!(one.0 > 0.5 && large.0 < 0.02, "{one:?} {large:?}");
    assert!(two.1 < 1.1 * one.1, "{one:?} {two:?}");
}

/// A model of 5 million parameters on two machines with such GPUs (results-b and -e): hosts differ by half, which the interval
/// knows.
#[test]
fn hosts_differ_and_the_interval_says_so() {
    let predictor = predictor();
    let (_, _, mut job, _) = runs().remove(0);
    let model = &mut job.model;
    (model.layers, model.hidden, model.ffn) = (Some(6), Some(256), Some(1024));
    (model.heads, model.kv_heads) = (Some(8), Some(8));
    (model.vocab, model.seq) = (Some(2048), Some(256));
    for (precision, figure) in [("fp32", "fp32_step_p50_plain"), ("bf16", "bf16_step_p50_plain")] {
        job.run.precision = Some(precision.to_owned());
        let predicted = predictor.predict(&job);
        let step = predicted.step_s.unwrap();
        assert!(predicted.assumed.iter().any(|assumed| assumed.contains("hosts differ")));
        for results in ["results-b.json", "results-e.json"] {
            let all: Value = serde_json::from_str(&stored(results)).unwrap();
            let checks = all["checks"].as_array().unwrap();
            let bench = checks.iter().find(|check| check["name"] == "bench").unwrap();
            let measured = bench["figures"][figure]["value"].as_f64().unwrap() / 1e9;
            assert!(step.p05 < measured && measured < step.p95, "{precision}: {step:?} {measured}");
        }
    }
}

/// Without a measurement of the GPU, of ranks that exchange, and of states on the host, it is predicted as other frameworks are.
#[test]
fn what_was_not_measured_is_predicted_as_of_other_frameworks() {
    let (_, _, job, _) = &runs()[0];
    let width = |predictor: &Predictor, job: &Job| {
        let predicted = predictor.predict(job);
        let step = predicted.step_s.unwrap();
        step.p95 / step.p50
    };
    assert!(width(&predictor(), job) < 1.5);
    assert!(width(&Predictor::built_in().unwrap(), job) > 1.5);
    let mut shared = job.clone();
    (shared.cluster.gpus_per_node, shared.run.dp) = (Some(8), Some(8));
    assert!(width(&predictor(), &shared) > 1.5);
    let mut offloaded = job.clone();
    offloaded.run.offload = Some("optimizer".to_owned());
    assert!(width(&predictor(), &offloaded) > 1.5);
}
