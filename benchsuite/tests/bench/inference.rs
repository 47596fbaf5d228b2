//! Inference as its users run it: the result document, and everything that can be asked wrongly.

use std::fs;

use serde_json::Value;

use crate::run::run;

const SHAPE: [&str; 14] = [
    "--layers",
    "2",
    "--hidden",
    "32",
    "--heads",
    "4",
    "--seq",
    "64",
    "--vocab",
    "320",
    "--threads",
    "1",
    "--device",
    "cpu",
];

/// Serves with a very small `model`; returns the summary and the result document.
fn serve(model: &str, extra: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let mut arguments = vec!["inference", model];
    arguments.extend(SHAPE);
    arguments.extend(["--quiet", "--peak-tflops", "0.1", "--json", json.to_str().unwrap()]);
    arguments.extend(extra);
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stderr, "", "--quiet says nothing");
    (ended.stdout, serde_json::from_slice(&fs::read(&json).unwrap()).unwrap())
}

#[track_caller]
fn number(document: &Value, path: &str) -> f64 {
    document.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}"))
}

#[track_caller]
fn whole(document: &Value, path: &str) -> u64 {
    document.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}"))
}

#[test]
fn a_result_adds_up() {
    let options = ["--requests", "20", "--rate", "200", "--batch", "4", "--prompt", "4..20"];
    let (summary, document) = serve("llama", &[&options[..], &["--output", "1..16"]].concat());
    assert_eq!(document["schema"], "perfagent.inference/1");
    assert_eq!(document["config"]["prompt"]["most"], 20);
    assert_eq!(document["slot_tokens"], 36);
    // Two blocks, two heads of keys of width 8, keys and values of four bytes.
    assert_eq!(document["kv_cache_bytes"], 4 * 36 * (2 * 2 * 2 * 8 * 4));
    assert_eq!(whole(&document, "/model_bytes"), 4 * whole(&document, "/params"));
    let rows = document["requests"].as_array().unwrap();
    assert_eq!((rows.len(), &document["completed"]), (20, &20.into()));
    let mut last_arrival = 0;
    for row in rows {
        let of = |name: &str| whole(row, &format!("/{name}"));
        assert!(of("arrival_ns") >= last_arrival);
        last_arrival = of("arrival_ns");
        assert!(of("queue_ns") < of("ttft_ns") && of("ttft_ns") <= of("latency_ns"), "{row}");
        let further = of("output_tokens") - 1;
        let rest = of("latency_ns") - of("ttft_ns");
        match row["time_per_output_token_ns"].as_u64() {
            None => assert_eq!((further, rest), (0, 0), "{row}"),
            Some(time) => assert_eq!(rest / further, time, "{row}"),
        }
    }
    let sum = |name: &str| rows.iter().map(|row| whole(row, &format!("/{name}"))).sum::<u64>();
    assert_eq!(sum("output_tokens"), whole(&document, "/output_tokens"));
    assert_eq!(sum("prompt_tokens"), whole(&document, "/prefill/tokens"));
    assert_eq!(whole(&document, "/decode/tokens"), sum("output_tokens") - 20);
    let seconds = number(&document, "/duration_ns") / 1e9;
    assert!(whole(&document, "/duration_ns") >= last_arrival);
    assert!((number(&document, "/requests_per_s") * seconds - 20.0).abs() < 1e-9);
    let mfu = number(&document, "/prefill/flops") / number(&document, "/prefill/busy_ns") * 1e9;
    assert!((number(&document, "/prefill/mfu_pct") - 100.0 * mfu / 1e11).abs() < 1e-9);
    let occupancy = number(&document, "/slot_occupancy_pct");
    assert!(occupancy > 0.0 && occupancy <= 100.0, "{occupancy}");
    assert!((1.0..=4.0).contains(&number(&document, "/decode/mean_batch")));
    let latency = |name: &str| whole(&document, &format!("/latency_ns/{name}"));
    assert!(latency("p50") <= latency("p90") && latency("p90") <= latency("p99"));
    let longest = rows.iter().map(|row| whole(row, "/latency_ns")).max();
    assert_eq!(Some(latency("p99")), longest, "of 20 requests");
    for part in ["20 requests, 200 a second", "requests/s", "time to first token: P50", "prefill: "]
    {
        assert!(summary.contains(part), "{part}: {summary}");
    }
}

/// Arrivals, lengths and what is counted follow from the seed; times do not.
#[test]
fn a_seed_decides_what_is_served() {
    let served = |seed: &str| {
        let (_, document) = serve("gpt", &["--requests", "9", "--rate", "500", "--seed", seed]);
        let keys = ["arrival_ns", "prompt_tokens", "output_tokens"];
        let rows = document["requests"].as_array().unwrap().clone();
        rows.into_iter().map(|row| keys.map(|key| row[key].clone())).collect::<Vec<_>>()
    };
    assert_eq!(served("5"), served("5"));
    assert_ne!(served("5"), served("6"));
}

#[test]
fn every_model_and_number_format_serves() {
    for (model, precision) in
        [("gpt", "fp32"), ("gpt", "bf16"), ("llama", "fp16"), ("moe", "bf16"), ("moe", "fp32")]
    {
        let options = ["--requests", "5", "--batch", "2", "--precision", precision];
        let (_, document) = serve(model, &options);
        assert_eq!(document["completed"], 5, "{model} {precision}");
        let size = if precision == "fp32" { 4 } else { 2 };
        assert_eq!(whole(&document, "/model_bytes"), size * whole(&document, "/params"));
        assert!(number(&document, "/decode/bandwidth_bytes_per_s") > 0.0);
    }
}

#[test]
fn prefill_alone_has_no_time_between_tokens() {
    let options = ["--requests", "8", "--batch", "4", "--prompt", "16", "--output", "1"];
    let (summary, document) = serve("llama", &options);
    assert_eq!(
        (&document["prefill"]["passes"], &document["decode"]["passes"]),
        (&2.into(), &0.into())
    );
    assert_eq!(document["time_per_output_token_ns"], Value::Null);
    assert_eq!(document["decode"]["pass_ns"], Value::Null);
    assert!(!summary.contains("decode") && !summary.contains("per output token"), "{summary}");
}

#[test]
fn who_finds_no_slot_waits() {
    let options = ["--requests", "12", "--prompt", "8", "--output", "8", "--batch"];
    let (_, one) = serve("llama", &[&options[..], &["1"]].concat());
    let (_, all) = serve("llama", &[&options[..], &["12"]].concat());
    let rows = |document: &Value| document["requests"].as_array().unwrap().clone();
    // With one slot a request waits for the end of the one before it; with twelve all are in one pass.
    for pair in rows(&one).windows(2) {
        assert!(whole(&pair[1], "/queue_ns") >= whole(&pair[0], "/latency_ns"), "{pair:?}");
    }
    let first = rows(&all)[0]["queue_ns"].clone();
    assert!(rows(&all).iter().all(|row| row["queue_ns"] == first), "{all}");
    assert_eq!((&one["decode"]["passes"], &all["decode"]["passes"]), (&84.into(), &7.into()));
    assert_eq!(
        (&one["decode"]["mean_batch"], &all["decode"]["mean_batch"]),
        (&1.0.into(), &12.0.into())
    );
}

#[track_caller]
fn assert_refused(arguments: &[&str], says: &[&str]) {
    let ended = run(&[&["inference"], arguments].concat());
    assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{arguments:?}: {part:?} not in {}", ended.stderr);
    }
}

#[test]
fn what_cannot_be_served_is_refused_in_a_line() {
    assert_refused(&[], &["MODEL"]);
    assert_refused(&["bert"], &["bert", "gpt, llama, moe"]);
    assert_refused(&["gpt", "--steps", "3"], &["--steps"]);
    assert_refused(&["gpt", "--preset", "huge"], &["'huge'", "nano"]);
    assert_refused(&["gpt", "--batch", "0"], &["--batch 0"]);
    assert_refused(&["gpt", "--requests", "0"], &["--requests 0"]);
    assert_refused(&["gpt", "--prompt", "9..4"], &["9..4", "16..64"]);
    assert_refused(&["gpt", "--output", "0"], &["--output", "16..64"]);
    for rate in ["0", "-1", "nan"] {
        assert_refused(&["gpt", "--rate", rate], &["--rate", "inf"]);
    }
    assert_refused(&["gpt", "--temperature", "-1"], &["--temperature"]);
    assert_refused(&["gpt", "--prefill-tokens", "0"], &["--prefill-tokens"]);
    assert_refused(&["gpt", "--peak-tflops", "0"], &["--peak-tflops"]);
    assert_refused(&["gpt", "--threads", "0"], &["--threads 0"]);
    assert_refused(
        &["gpt", "--prompt", "100", "--output", "8..40"],
        &["--prompt 100", "--output 8..40", "140 positions", "128", "--seq"],
    );
    assert_refused(&["llama", "--precision", "fp8", "--hidden", "64"], &["fp8", "bf16"]);
    assert_refused(&["llama", "--precision", "tf32", "--device", "cpu", "--quiet"], &["tf32"]);
    assert_refused(
        &["gpt", "--json", "/does/not/exist/run.json"],
        &["--json", "a folder that exists"],
    );
}

#[test]
fn a_cache_that_does_not_fit_is_refused_with_one_that_does() {
    let options =
        ["llama", "--device", "cpu", "--seq", "4096", "--prompt", "2048", "--output", "2048"];
    assert_refused(
        &[&options[..], &["--batch", "500000", "--requests", "4", "--quiet"]].concat(),
        &[
            "the KV cache does not fit in memory: --batch 500000 of 4096 tokens",
            "GiB are free",
            "--batch",
        ],
    );
}
