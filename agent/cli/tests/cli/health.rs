//! `perfagent health` on the machine that runs the tests, whatever that is.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Outcome, run};

fn health(arguments: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let words: Vec<_> = ["health"].iter().chain(arguments).copied().collect();
    let start = Instant::now();
    let outcome = run(folder.path(), &words);
    assert!(start.elapsed() < Duration::from_secs(40), "took {:?}", start.elapsed());
    assert_eq!(outcome.stderr, "");
    outcome
}

fn document() -> (i32, Value) {
    let outcome = health(&["--json"]);
    (outcome.code, serde_json::from_str(&outcome.stdout).unwrap())
}

#[test]
fn the_document_keeps_the_contract() {
    let (code, document) = document();
    assert_eq!(document["schema"], "perfagent.health/1");
    let verdict = document["verdict"].as_str().unwrap();
    let expected = match verdict {
        "ok" | "warning" => 0,
        "critical" => 1,
        "unknown" => 3,
        other => panic!("{other}"),
    };
    assert_eq!(code, expected);
    let time = document["time"].as_str().unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    let keys =
        ["name", "target", "status", "severity", "value", "expected", "unit", "action", "detail"];
    for check in document["checks"].as_array().unwrap() {
        let has: Vec<_> = check.as_object().unwrap().keys().collect();
        assert_eq!(has, keys);
        let quiet = check["status"] == "ok" || check["severity"] == "none";
        assert_eq!(check["action"].is_null(), quiet, "{check}");
        if check["status"] == "critical" {
            assert_eq!(verdict, "critical");
        }
    }
}

#[test]
fn every_part_of_the_node_is_looked_at() {
    let (_, document) = document();
    let names: Vec<_> =
        document["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    for name in [
        "host_memory",
        "memory_errors",
        "machine_checks",
        "disk_space",
        "clock_sync",
        "infiniband_link",
        "ethernet_link",
        "xid",
        "nvidia_driver",
        "nvml",
        "gpu_count",
    ] {
        assert!(names.iter().any(|found| *found == name), "{name} is not in {names:?}");
    }
}

#[test]
fn a_node_without_gpus_is_not_ok() {
    let (_, document) = document();
    if document["gpus"].as_array().is_some_and(|gpus| !gpus.is_empty()) {
        return println!("skipped: this machine has GPUs");
    }
    assert_ne!(document["verdict"], "ok");
    let gpu: Vec<_> = document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| {
            ["nvidia_driver", "nvml", "gpu_count"].iter().any(|name| check["name"] == *name)
        })
        .collect();
    if gpu.iter().any(|check| check["status"] == "critical") {
        return println!("skipped: this machine has GPUs without a working driver");
    }
    insta::assert_json_snapshot!("gpu_checks_without_a_gpu", gpu);
}

#[test]
fn each_style_has_its_output_and_code() {
    let npd = health(&["--exit-style", "npd"]);
    assert_eq!(npd.stdout.lines().count(), 1, "{}", npd.stdout);
    assert!((0..=2).contains(&npd.code));
    let nagios = health(&["--exit-style", "nagios"]);
    let word = nagios.stdout.split(' ').next().unwrap();
    let codes = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
    assert_eq!(codes.get(nagios.code as usize), Some(&word), "{}", nagios.stdout);
    assert!(nagios.stdout.lines().count() > 8);
    assert!(!nagios.stdout.contains('|'), "performance data: {}", nagios.stdout);
}

/// With no time at all for NVML, that it did not answer is the finding, not a failure of the command.
#[test]
fn a_limit_that_nothing_can_keep_is_never_ok() {
    let outcome = health(&["--timeout", "0.001", "--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_ne!(document["verdict"], "ok");
}

#[test]
fn the_process_that_asks_nvml_answers_in_lines() {
    let folder = tempfile::tempdir().unwrap();
    let answer = run(folder.path(), &["nvml-answer"]).answer();
    let lines: Vec<Value> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], serde_json::json!({"calling": "nvmlInit"}));
    let last = lines.last().unwrap();
    assert!(last == "end" || last.get("failed").is_some(), "{last}");
}

/// The memory of the host is really written and read, by a child, and the figures of the processors have no weight.
#[test]
fn the_processors_are_loaded_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["health", "--active", "--device", "cpu", "--only", "memory", "--force", "--json"];
    let outcome = run(folder.path(), &[&words[..], &["--budget", "20"]].concat());
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == "memory_pattern").unwrap();
    assert_eq!((&found["status"], &found["value"]), (&"ok".into(), &0.into()), "{found}");
    assert!(found["detail"].as_str().unwrap().starts_with("no wrong word in "), "{found}");
}

#[test]
fn loading_a_node_without_gpus_is_unknown_and_options_of_it_need_it() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &["health", "--active", "--json"]);
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("no GPU was found, so none was loaded"), "{}", outcome.stdout);
    let alone = run(folder.path(), &["health", "--force"]);
    assert_eq!(alone.code, 2, "{}", alone.stderr);
    assert!(alone.stderr.contains("--active"), "{}", alone.stderr);
    let before = ["health", "--active", "--device", "cpu", "--before", "no/such/folder"];
    let missing = run(folder.path(), &before);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("no/such/folder: cannot be read"), "{}", missing.stderr);
}

#[test]
fn a_device_that_is_not_there_is_told_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["active-answer", "--device", "cuda:4000", "--memory-bytes", "1000", "--ceilings"];
    let answer = run(folder.path(), &words).answer();
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 5, "{answer}");
    assert!(lines[1].starts_with("{\"failed\":\"cuda") && lines[4] == "\"end\"", "{answer}");
}
