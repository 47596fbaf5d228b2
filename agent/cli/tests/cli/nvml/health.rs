//! `perfagent health` and the process that asks NVML for it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{folder, run};

/// The whole document.
fn document(script: &str, timeout: &str) -> Value {
    let folder = folder();
    let start = Instant::now();
    let outcome = run(folder.path(), script, &["health", "--json", "--timeout", timeout]);
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    assert_eq!(outcome.stderr, "");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Status and detail of a check.
fn check(document: &Value, name: &str, target: &str) -> (String, String) {
    let checks = document["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == name && check["target"] == target)
        .unwrap_or_else(|| panic!("no {name} of {target} in {document:#}"));
    (check["status"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
}

#[test]
fn gpus_that_are_well_are_ok_in_every_check() {
    let document = document("gpus=2", "10");
    assert_eq!(document["gpus"].as_array().unwrap().len(), 2);
    let gpu = &document["gpus"][1];
    assert_eq!(gpu["name"], "Fake GPU 1000");
    assert_eq!(gpu["pci"], "0000:9c:00.0");
    assert_eq!(check(&document, "nvml", "host"), ("ok".into(), "answers, driver 580.82.07".into()));
    let checks = document["checks"].as_array().unwrap();
    let of_gpus: Vec<_> = checks
        .iter()
        .filter(|check| check["target"].as_str().unwrap().starts_with("GPU "))
        .collect();
    assert!(of_gpus.len() >= 20, "{of_gpus:#?}");
    for check in of_gpus {
        assert_eq!(check["status"], "ok", "{check:#}");
    }
}

#[test]
fn faults_are_found_on_the_gpu_that_has_them() {
    let document = document("gpus=3 ecc=0:4@0 reasons=1:0x40@0 lost=2@0", "10");
    assert_eq!(document["verdict"], "critical");
    let (ecc, detail) = check(&document, "gpu_ecc_errors", "GPU 0");
    assert_ne!(ecc, "ok");
    assert!(detail.contains('4'), "{detail}");
    assert_eq!(check(&document, "gpu_ecc_errors", "GPU 1").0, "ok");
    assert_eq!(check(&document, "gpu_throttle", "GPU 1").0, "critical");
    assert_eq!(check(&document, "gpu_access", "GPU 2").0, "critical");
}

#[test]
fn what_a_gpu_does_not_have_is_unknown() {
    let document = document("refuse=nvmlDeviceGetCurrentClocksThrottleReasons:3", "10");
    assert_eq!(check(&document, "gpu_throttle", "GPU 0").0, "unknown");
}

/// The second GPU hangs: that is critical, and what was read of the first is not lost.
#[test]
fn a_hang_is_critical_and_what_came_before_it_is_kept() {
    let start = Instant::now();
    let document = document("gpus=2 hang=nvmlDeviceGetPersistenceMode/1", "2");
    assert!(start.elapsed() >= Duration::from_secs(2), "the deadline is what ends it");
    assert_eq!(document["verdict"], "critical");
    let hung = ("critical".to_owned(), "hangs in reading GPU 1".to_owned());
    assert_eq!(check(&document, "nvml", "host"), hung);
    assert_eq!(document["gpus"].as_array().unwrap().len(), 1);
    assert_eq!(check(&document, "gpu_persistence", "GPU 0").0, "ok");
}

#[test]
fn a_driver_of_another_version_wants_a_reboot() {
    let document = document("refuse=nvmlInit_v2:18", "10");
    assert_eq!(check(&document, "nvml", "host").0, "critical");
}

/// The hidden command itself: a line before each step, so that it is known where it hung.
#[test]
fn the_process_that_asks_tells_each_step() {
    let folder = folder();
    let answer = run(folder.path(), "gpus=2", &["nvml-answer"]).answer();
    let lines: Vec<Value> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["calling"], "nvmlInit");
    assert_eq!(lines[1]["calling"], "nvmlDeviceGetCount");
    assert_eq!(lines[2]["started"], serde_json::json!({"driver": "580.82.07", "count": 2}));
    assert_eq!(lines[3]["calling"], "reading GPU 0");
    assert_eq!(lines[4]["gpu"]["identity"]["vbios"], "96.00.89.00.01");
    assert_eq!(lines[4]["gpu"]["memory_temperature_c"], serde_json::json!({"value": 61}));
    assert_eq!(lines[5]["calling"], "reading GPU 1");
    assert_eq!(lines.last().unwrap(), "end");
}
