//! perfagent-bench on a processor, against runs of it that are stored in the repository.

use perfagent_predictor::benchmark::read_result;
use perfagent_predictor::{Ceilings, Job, Measured, Predictor};
use serde_json::{Value, json};

pub(crate) fn stored(name: &str) -> Value {
    let path = format!("{}/../../data/runs/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn ceilings() -> Ceilings {
    Ceilings::parse(&stored("ceilings-cpu.json")["result"].to_string()).unwrap()
}

/// The cases of the stored suite that trained a language model, in a precision that processors have.
fn runs() -> Vec<(String, Job, Measured)> {
    let suite = stored("suite-ci.json");
    let cases = suite["result"]["cases"].as_array().unwrap();
    let runs: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let (job, measured) = read_result(&case["result"]).ok()?;
            Some((case["case"].as_str()?.to_owned(), job, measured))
        })
        .filter(|(_, job, _)| job.run.precision.as_deref() != Some("fp8"))
        .collect();
    assert!(runs.len() >= 13, "{}", runs.len());
    runs
}

#[test]
fn memory_of_stored_runs_is_known_from_the_source() {
    let predictor = Predictor::built_in().unwrap().with_ceilings(ceilings());
    for (name, job, measured) in runs() {
        let predicted = predictor.predict(&job);
        assert_eq!(predicted.refused, None, "{name}");
        let (predicted, measured) =
            (predicted.peak_mem_bytes.unwrap(), measured.peak_mem_bytes.unwrap());
        let off = predicted.p50 / measured - 1.0;
        println!("{name:24} {:>11.0} {measured:>11.0} {:+.2} %", predicted.p50, 100.0 * off);
        assert!(off.abs() < 0.03, "{name}: {} predicted, {measured} measured", predicted.p50);
        assert!(predicted.p05 < measured && measured < predicted.p95, "{name}: {predicted:?}");
    }
}

/// Ceilings of a made-up device, whose products take what a law says.
pub(crate) fn made_up(kind: &str, name: &str, change: impl Fn(&mut Value)) -> String {
    let sides = [64.0, 256.0, 1024.0, 4096.0];
    let mut shapes = Vec::new();
    for m in sides {
        for n in sides {
            for k in sides {
                let (operations, edges) = (2.0 * m * n * k, 2.0 * (m + 8.0) * (n + 8.0) * k);
                let seconds = edges / 1e14 + 1e-6;
                shapes.push(
                    json!({"m": m, "n": n, "k": k, "median_tflops": operations / seconds / 1e12}),
                );
            }
        }
    }
    let part = json!({
        "total_bytes": 80e9, "compute_capability": "9.0",
        "matrix_products": {"threads": 4, "dtypes": [{"dtype": "fp32", "shapes": shapes}, {"dtype": "bf16", "shapes": shapes}]},
    });
    let mut document = json!({
        "schema": "perfagent.ceilings/1", "device": kind, "name": name, "host": "vm",
        "memory_bandwidth": {"kernels": [{"median_gbps": 2000.0}]},
    });
    document[if kind == "cpu" { "cpu" } else { "cuda" }] = part;
    change(&mut document);
    document.to_string()
}

fn with(ceilings: &str) -> Predictor {
    Predictor::built_in().unwrap().with_ceilings(Ceilings::parse(ceilings).unwrap())
}

pub(crate) fn nano() -> Value {
    let runs = runs();
    let (_, job, _) = runs.iter().find(|(name, ..)| name == "gpt-fp32").unwrap();
    serde_json::to_value(job).unwrap()
}

fn seconds(predictor: &Predictor, job: &Value) -> f64 {
    let prediction = predictor.predict(&serde_json::from_value(job.clone()).unwrap());
    assert_eq!(prediction.refused, None);
    prediction.step_s.unwrap().p50
}

#[test]
fn a_processor_needs_ceilings_and_a_program_whose_work_is_known() {
    let own = Predictor::built_in().unwrap();
    let job: Job = serde_json::from_value(nano()).unwrap();
    insta::assert_snapshot!(own.predict(&job).refused.unwrap(), @r#"cluster.gpu "cpu": a processor is predicted by its measurements; make them with perfagent ceilings --device cpu -o ceilings.json and name them with --ceilings ceilings.json"#);
    let measured = own.with_ceilings(ceilings());
    let mut other = job.clone();
    other.run.framework = Some("fsdp".to_owned());
    insta::assert_snapshot!(measured.predict(&other).refused.unwrap(), @r#"run.framework "fsdp": on a processor only perfagent-bench can be predicted, whose work is known; say "perfagent-bench", or name a GPU"#);
    let mut other = job;
    other.run.precision = Some("fp8".to_owned());
    insta::assert_snapshot!(measured.predict(&other).refused.unwrap(), @r#"run.precision "fp8": the ceilings of AMD EPYC have no products in it; perfagent ceilings measures those that the processor has"#);
    // The processor's own name is as good as its kind.
    let mut named = nano();
    named["cluster"]["gpu"] = json!("AMD EPYC");
    assert!((seconds(&measured, &named) - seconds(&measured, &nano())).abs() < 1e-12);
}

#[test]
fn what_is_no_ceilings_is_said_with_the_remedy() {
    let why = |text: &str| Ceilings::parse(text).unwrap_err();
    let all = [
        why("{"),
        why("{}"),
        why(r#"{"schema": "perfagent.report/1"}"#),
        why(r#"{"schema": "perfagent.ceilings/1", "device": "cpu"}"#),
        why(&made_up("cpu", "Test", |document| document["cpu"]["matrix_products"] = json!({}))),
        why(&made_up("cpu", "Test", |document| document["cpu"] = Value::Null)),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn ranks_that_share_cores_take_longer_and_more_work_takes_longer() {
    let predictor = with(&made_up("cpu", "Test", |_| ()));
    let job = |micro: u64, ranks: u64| {
        let mut job = nano();
        job["run"]["micro_batch"] = json!(micro);
        job["run"]["threads"] = Value::Null;
        job["cluster"]["gpus_per_node"] = json!(ranks);
        job["run"]["dp"] = json!(ranks);
        seconds(&predictor, &job)
    };
    assert!(job(8, 1) > 1.5 * job(2, 1));
    // Two ranks share four threads: each takes longer than one alone, less than both one after the other.
    assert!(job(8, 2) > 1.2 * job(8, 1), "{} {}", job(8, 2), job(8, 1));
    // More ranks than threads wait for one another.
    assert!(job(8, 8) > 1.5 * job(8, 4));
}

#[test]
fn threads_of_a_rank_are_counted() {
    let predictor = with(&made_up("cpu", "Test", |_| ()));
    let job = |threads: Option<u64>| {
        let mut job = nano();
        job["run"]["threads"] = json!(threads);
        seconds(&predictor, &job)
    };
    // Measured with four.
    let (one, two, all) = (job(Some(1)), job(Some(2)), job(Some(4)));
    assert!(one > 1.3 * two && two > 1.1 * all, "{one} {two} {all}");
    assert!((job(None) - all).abs() < 1e-12);
    // More than there are take turns.
    assert!(job(Some(8)) > 1.3 * all, "{} {all}", job(Some(8)));
    let mut none = nano();
    none["run"]["threads"] = json!(0);
    let refused = predictor.predict(&serde_json::from_value(none).unwrap()).refused;
    assert_eq!(refused.as_deref(), Some("run.threads is 0"));
}

#[test]
fn ceilings_of_a_gpu_change_what_is_predicted_by_how_it_differs_from_others() {
    let llama = |predictor: &Predictor| predictor.predict(&crate::jobs::small());
    let own = llama(crate::jobs::predictor()).step_s.unwrap().p50;
    let gpu = "NVIDIA A100-SXM4-80GB";
    let rate = |times: f64| {
        with(&made_up("cuda:0", gpu, |document| {
            document["memory_bandwidth"]["kernels"][0]["median_gbps"] = json!(2039.0 * 0.91);
            for dtype in document["cuda"]["matrix_products"]["dtypes"].as_array_mut().unwrap() {
                for shape in dtype["shapes"].as_array_mut().unwrap() {
                    let rate = shape["median_tflops"].as_f64().unwrap();
                    shape["median_tflops"] = json!(times * rate);
                }
            }
        }))
    };
    let (usual, slow) = (llama(&rate(2.5)), llama(&rate(1.6)));
    let of = |prediction: &perfagent_predictor::Prediction| prediction.step_s.unwrap().p50;
    assert!((of(&usual) / own - 1.0).abs() < 0.35, "{} {own}", of(&usual));
    assert!(of(&slow) > 1.2 * of(&usual), "{} {}", of(&slow), of(&usual));
    // Of another device they say nothing, and that is said.
    let other = llama(&with(&made_up("cuda:0", "NVIDIA H200", |_| ())));
    assert!((of(&other) - own).abs() < 1e-12);
    let said = "ceilings are of NVIDIA H200, not of A100-80GB: not used";
    assert!(other.assumed.iter().any(|assumed| assumed == said), "{:?}", other.assumed);
}

#[test]
fn a_gpu_without_a_datasheet_is_predicted_by_its_ceilings() {
    let predictor = with(&made_up("cuda:0", "Unheard-of 9000", |_| ()));
    let mut job = crate::jobs::line();
    job["cluster"] = json!({"gpu": "Unheard-of 9000", "gpus_per_node": 8, "nodes": 8});
    assert!(seconds(&predictor, &job) > 0.0);
    let refused = crate::jobs::predictor().predict(&serde_json::from_value(job).unwrap()).refused;
    assert!(refused.unwrap().contains("perfagent ceilings -o ceilings.json"));
}

#[test]
fn a_recorded_run_beside_others_narrows_their_intervals() {
    let predictor = with(&made_up("cpu", "Test", |_| ()));
    let job = |micro: u64| {
        let mut job = nano();
        job["run"]["micro_batch"] = json!(micro);
        serde_json::from_value::<Job>(job).unwrap()
    };
    let ahead = predictor.predict(&job(4)).step_s.unwrap();
    let anchor = predictor.anchor(&job(2), Some(1.0), Some(3e7)).unwrap();
    let beside = predictor.predict_beside(&anchor, &job(4)).step_s.unwrap();
    assert!(beside.p95 / beside.p05 < ahead.p95 / ahead.p05);
    // What one run is slower than predicted, another one is expected to be in part.
    assert!(beside.p50 > 3.0 * ahead.p50 && beside.p50 < 2.0);
    let itself = predictor.predict_beside(&anchor, &job(2)).step_s.unwrap();
    assert!((itself.p50 - 1.0).abs() < 1e-9);
}
