//! `perfagent ceilings`: measured on the processor, refused without a CUDA driver.

use std::fs;

use serde_json::Value;

use crate::command::{outcome, perfagent, run};

#[test]
fn the_processor_is_measured_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    // What libtorch makes of it is measured in the end-to-end tests.
    let mut command = perfagent(folder.path());
    command.env("PERFAGENT_BENCH", "no-such-program");
    let page = outcome(command.args(["ceilings", "--quick", "-o", "ceilings.json"])).answer();
    assert!(page.contains("Not measured: no-such-program: is not a program"), "{page}");
    assert!(page.starts_with("Ceilings of cpu: "), "{page}");
    let document: Value =
        serde_json::from_slice(&fs::read(folder.path().join("ceilings.json")).unwrap()).unwrap();
    assert_eq!(document["schema"], "perfagent.ceilings/1");
    let array_bytes = document["memory_bandwidth"]["array_bytes"].as_f64().unwrap();
    if let Some(cache) = document["cpu"]["last_level_cache_bytes"].as_f64() {
        assert!(array_bytes >= 3.99 * cache, "{array_bytes} is not beyond a cache of {cache}");
    }
    for rate in document["memory_bandwidth"]["kernels"].as_array().unwrap() {
        let (best, median) = (&rate["best_gbps"], &rate["median_gbps"]);
        let (best, median) = (best.as_f64().unwrap(), median.as_f64().unwrap());
        // No memory system of any machine is below or above these.
        assert!(0.05 < median && median <= best && best < 50_000.0, "{rate}");
        let (low, high) = (&rate["interval_gbps"]["low"], &rate["interval_gbps"]["high"]);
        assert!(low.as_f64().unwrap() <= median && median <= high.as_f64().unwrap(), "{rate}");
        assert!(rate["interval_gbps"]["coverage"].as_f64().unwrap() >= 0.95, "{rate}");
    }
    let mut document = document;
    blank(&mut document);
    insta::assert_json_snapshot!("ceilings_of_the_processor", document);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// Replaces what differs from machine to machine; names, order and units stay.
fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "host" | "time" | "name" if value != "copy" => match value.as_str() {
                        Some("scale" | "add" | "triad") => {}
                        _ => *value = "[machine]".into(),
                    },
                    "host_cpu" | "kernel" | "cpu_governor" | "stopped" => {
                        *value = "[machine]".into();
                    }
                    "caches" | "cpus" => *value = Value::Array(Vec::new()),
                    "threads"
                    | "bytes"
                    | "array_bytes"
                    | "last_level_cache_bytes"
                    | "repetitions"
                    | "host_cpus"
                    | "low"
                    | "high"
                    | "coverage"
                    | "best_gbps"
                    | "median_gbps" => *value = "[number]".into(),
                    _ => blank(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blank),
        _ => {}
    }
}

#[test]
fn without_a_cuda_driver_one_line_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for device in ["cuda", "cuda:0", "cuda:7"] {
        let outcome = run(folder.path(), &["ceilings", "--device", device, "-o", "c.json"]);
        if outcome.code == 0 {
            return println!("skipped: this machine has a CUDA device");
        }
        let message = outcome.refusal("cuda");
        assert!(message.contains("; "), "names no remedy: {message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a file was left");
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["ceilings", "-o", "no/such/c.json"]).refusal("no/such/c.json");
    run(folder.path(), &["ceilings", "-o", "."]).refusal("is a directory");
}

#[test]
fn a_file_of_datasheets_that_is_none_is_told_before_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gpus.toml"), "sources = 1\n").unwrap();
    let refused = run(folder.path(), &["ceilings", "--datasheets", "gpus.toml"]);
    let message = refused.refusal("gpus.toml");
    assert!(message.contains("line 1"), "{message}");
    run(folder.path(), &["ceilings", "--datasheets", "no.toml"]).refusal("no.toml");
}
