//! `perfagent doctor`.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{folder, run};

fn check(script: &str) -> Value {
    let folder = folder();
    let document: Value =
        serde_json::from_str(&run(folder.path(), script, &["doctor", "--json"]).stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == "nvml").unwrap().clone()
}

#[test]
fn gpus_are_named() {
    let check = check("gpus=2");
    assert_eq!((&check["status"], &check["remedy"]), (&"ok".into(), &Value::Null));
    assert_eq!(check["detail"], "Fake GPU 1000, Fake GPU 1000");
}

#[test]
fn a_gpu_that_gives_no_name_is_named_by_its_error() {
    let check = check("gpus=2 lost=1@0");
    let detail = check["detail"].as_str().unwrap();
    assert!(detail.starts_with("Fake GPU 1000, GPU 1: device fell off the bus"), "{detail}");
}

#[test]
fn what_nvml_refuses_is_told() {
    let no_gpu = check("gpus=0");
    assert_eq!(
        (&no_gpu["status"], &no_gpu["detail"]),
        (&"missing".into(), &"works, but shows no GPU".into())
    );
    let mismatch = check("refuse=nvmlInit_v2:18");
    assert_eq!(mismatch["status"], "missing");
    assert!(mismatch["detail"].as_str().unwrap().contains("version mismatch"), "{mismatch}");
    let uncounted = check("refuse=nvmlDeviceGetCount_v2:999");
    assert_eq!(uncounted["status"], "warning");
}

#[test]
fn a_driver_that_hangs_does_not_take_the_doctor_with_it() {
    let start = Instant::now();
    let check = check("hang=nvmlDeviceGetHandleByIndex_v2");
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(check["status"], "warning");
    assert_eq!(check["detail"], "has not answered for 10 s: nvmlDeviceGetHandleByIndex_v2");
}
