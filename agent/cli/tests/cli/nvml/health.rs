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
        // Whether all processes of the machine can be seen depends on where the test runs.
        if check["name"] != "gpu_processes" {
            assert_eq!(check["status"], "ok", "{check:#}");
        }
    }
}

/// What happens to a GPU (`#` is its number), which check finds it, as what, and words of what it says to do.
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    ("ecc=#:40000", "gpu_ecc_errors", "critical", "reset", "--gpu-reset -i #"),
    ("corrected=#:30000000", "gpu_ecc_errors", "warning", "monitor", "XID 92"),
    ("sram=#:3", "gpu_sram_errors", "critical", "reset", "--gpu-reset -i #"),
    ("sram_threshold=#:1", "gpu_sram_errors", "critical", "isolate", "field diagnostic"),
    ("sram_corrected=#:20000", "gpu_sram_errors", "warning", "monitor", "watch"),
    ("remap_pending=#:1", "gpu_row_remapping", "warning", "reset", "--gpu-reset -i #"),
    ("remap_failed=#:1", "gpu_row_remapping", "critical", "isolate", "field diagnostic"),
    ("spare_low=#:2", "gpu_row_reserve", "warning", "monitor", "watch"),
    ("spare_none=#:1", "gpu_row_reserve", "warning", "triage", "replaced"),
    ("reasons=#:0x80", "gpu_throttle", "critical", "triage", "power supplies"),
    ("reasons=#:0x40", "gpu_throttle", "critical", "triage", "cooling"),
    ("reasons=#:0x8", "gpu_throttle", "warning", "monitor", "under load"),
    ("reasons=#:0x20", "gpu_throttle", "warning", "monitor", "under load"),
    ("brake=#:50", "gpu_throttle_time", "critical", "triage", "power supplies"),
    ("hot_hardware=#:50", "gpu_throttle_time", "critical", "triage", "cooling"),
    ("hot_software=#:50", "gpu_throttle_time", "warning", "monitor", "cooling"),
    ("temperature=#:95", "gpu_temperature", "critical", "triage", "cooling"),
    ("memory_temperature=#:106", "gpu_memory_temperature", "critical", "triage", "cooling"),
    ("margin=#:-3", "gpu_temperature_margin", "critical", "triage", "cooling"),
    ("margin=#:2", "gpu_temperature_margin", "warning", "monitor", "cooling"),
    ("clock=#:400", "gpu_clocks", "warning", "triage", "gpu_throttle"),
    ("app_clock=#:1200", "gpu_clocks", "warning", "config", "nvidia-smi -rac -i #"),
    ("pcie_width=#:8", "gpu_pcie_width", "warning", "triage", "seating"),
    ("pcie_gen=#:3", "gpu_pcie_generation", "warning", "triage", "seating"),
    ("replays=#:200", "gpu_pcie_replays", "warning", "", "seating"),
    ("link_down=#:7", "gpu_nvlink", "critical", "isolate", "XID 74"),
    ("link_crc=#:4000", "gpu_nvlink_errors", "critical", "triage", "nvlink -e"),
    ("link_replay=#:40", "gpu_nvlink_errors", "warning", "monitor", "nvlink -e"),
    ("link_recovery=#:1", "gpu_nvlink_errors", "warning", "monitor", "nvlink -e"),
    ("fabric=#:1", "gpu_fabric", "critical", "config", "systemctl start nvidia-fabricmanager"),
    ("fabric=#:2", "gpu_fabric", "warning", "monitor", "again"),
    ("fabric_status=#:999", "gpu_fabric", "critical", "reset", "fabricmanager"),
    ("fabric_health=#:0xa9", "gpu_fabric", "critical", "triage", "fabricmanager"),
    ("mig_pending=#:1", "gpu_mig_mode", "warning", "reset", "--gpu-reset -i #"),
    ("compute=#:2", "gpu_compute_mode", "critical", "config", "-c DEFAULT -i #"),
    ("persistence=#:0", "gpu_persistence", "warning", "config", "nvidia-persistenced"),
    ("ecc_mode=#:0", "gpu_ecc_mode", "warning", "config", "nvidia-smi -e 1"),
    ("recovery=#:2", "gpu_recovery_action", "critical", "reset", "reboot"),
    ("lost=#", "gpu_access", "critical", "isolate", "power-cycle"),
];

/// The same for the fifth generation of NVLink, which counts other errors.
const FAULTS_OF_NVLINK_5: &[Fault] = &[
    ("link_recovery_failed=#:1", "gpu_nvlink_errors", "critical", "reset", "--gpu-reset -i"),
    ("link_recovery=#:1", "gpu_nvlink_errors", "warning", "monitor", "nvlink -e"),
    ("link_crc=#:40", "gpu_nvlink_errors", "warning", "monitor", "nvlink -e"),
];

/// A node on which every GPU has another fault, played by the stand-in: each is found by its check and by no other.
#[track_caller]
fn each_is_found_alone(faults: &[Fault], more: &str) {
    let played: Vec<String> = faults
        .iter()
        .enumerate()
        .map(|(gpu, (script, ..))| script.replace('#', &gpu.to_string()))
        .collect();
    let script = format!("gpus={} {more} {}", faults.len(), played.join(" "));
    let document = document(&script, "60");
    for (gpu, (script, name, status, severity, action)) in faults.iter().enumerate() {
        let target = format!("GPU {gpu}");
        let checks = document["checks"].as_array().unwrap();
        let of_gpu = || checks.iter().filter(|check| check["target"] == target.as_str());
        let found = of_gpu().find(|check| check["name"] == *name);
        let found = found.unwrap_or_else(|| panic!("{script}: no {name} in {document:#}"));
        assert_eq!(found["status"], *status, "{script}: {found:#}");
        let told = found["severity"].as_str().unwrap();
        assert!(severity.is_empty() || told == *severity, "{script}: {found:#}");
        let advised = found["action"].as_str().unwrap();
        let action = action.replace('#', &gpu.to_string());
        assert!(advised.contains(&action) && !advised.contains("INDEX"), "{script}: {found:#}");
        for other in of_gpu() {
            if [*name, "gpu_processes"].contains(&other["name"].as_str().unwrap()) {
                continue;
            }
            assert_eq!(other["status"], "ok", "{script}: {other:#}");
        }
    }
}

#[test]
fn each_fault_is_found_by_its_check() {
    each_is_found_alone(FAULTS, "");
}

#[test]
fn each_fault_of_nvlink_5_is_found() {
    each_is_found_alone(FAULTS_OF_NVLINK_5, "nvlink5");
}

#[test]
fn an_xid_that_comes_meanwhile_is_told() {
    let document = document("gpus=2 xid=0:79@0 xid=1:13@0", "20");
    assert_eq!(check(&document, "xid", "GPU 0").0, "critical");
    let (status, detail) = check(&document, "xid", "GPU 1");
    assert_eq!(status, "warning");
    assert!(
        detail.starts_with("XID 13 ROBUST_CHANNEL_GR_EXCEPTION once, told by NVML"),
        "{detail}"
    );
}

/// What a GPU that is cut into instances does not tell is unknown and has no say; nothing of it is ok unseen.
#[test]
fn instances_make_some_things_unknown() {
    let document = document("gpus=1 mig=0:1", "20");
    assert_eq!(check(&document, "gpu_mig_mode", "GPU 0").0, "ok");
    for name in ["gpu_row_reserve", "gpu_nvlink"] {
        assert_eq!(check(&document, name, "GPU 0").0, "unknown", "{name}");
    }
}

#[test]
fn gpus_that_are_set_up_differently_are_told() {
    let document = document("gpus=3 ecc_mode=1:0", "20");
    let (status, detail) = check(&document, "gpu_uniformity", "host");
    assert_eq!((status.as_str(), detail.as_str()), ("warning", "ECC: off on GPU 1, on on GPU 0 2"));
}

/// A process that has ended and that nobody waits for still counts as the holder of its memory.
#[test]
fn a_zombie_that_holds_memory_is_found() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = child.id();
    let stat = format!("/proc/{pid}/stat");
    while !std::fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    let document = document(&format!("process=0:{pid}"), "20");
    let (status, detail) = check(&document, "gpu_processes", "GPU 0");
    child.wait().unwrap();
    assert_eq!(status, "critical");
    assert!(detail.contains(&format!("dead but not gone: process {pid}")), "{detail}");
}

#[test]
fn fewer_gpus_than_expected_are_critical() {
    let folder = folder();
    let count = |words: &[&str]| {
        let words: Vec<&str> =
            ["health", "--json", "--timeout", "20"].iter().chain(words).copied().collect();
        let outcome = run(folder.path(), "gpus=2", &words);
        assert_eq!(outcome.stderr, "");
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        check(&document, "gpu_count", "host").0
    };
    assert_eq!(count(&["--expect-gpus", "2"]), "ok");
    assert_eq!(count(&["--expect-gpus", "8"]), "critical");
    let file = folder.path().join("node.toml");
    let file = file.to_str().unwrap();
    assert_eq!(count(&["--write-expect", file, "--expect-gpus", "2"]), "ok");
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.contains("gpus = 2") && written.contains("nvlinks = 18"), "{written}");
    assert_eq!(count(&["--expect", file]), "ok");
    std::fs::write(file, "gpus = 4\n").unwrap();
    assert_eq!(count(&["--expect", file]), "critical");
}

#[test]
fn a_file_of_expectations_that_is_none_is_refused() {
    let folder = folder();
    for (text, message) in [
        (None, "cannot be read; make it on a node that is well"),
        (Some("gpus = 2\ngpu = 3\n"), "line 2: unknown field `gpu`"),
        (Some("gpus = \"two\"\n"), "line 1: invalid type"),
    ] {
        let file = folder.path().join("node.toml");
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let words = ["health", "--expect", file.to_str().unwrap()];
        let outcome = run(folder.path(), "", &words);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
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
    assert_eq!(
        lines[2]["started"],
        serde_json::json!({"driver": "580.82.07", "library": "13.580.82.07", "count": 2})
    );
    assert_eq!(lines[3]["calling"], "registering for XIDs");
    assert_eq!(lines[4]["calling"], "reading GPU 0");
    assert_eq!(lines[5]["gpu"]["identity"]["vbios"], "96.00.89.00.01");
    assert_eq!(lines[5]["gpu"]["memory_temperature_c"], serde_json::json!({"value": 61}));
    assert_eq!(lines[5]["gpu"]["slowdown_margin_c"], serde_json::json!({"value": -2}));
    assert_eq!(lines[6]["calling"], "reading GPU 1");
    assert_eq!(lines[8]["calling"], "reading counters of GPU 0 again");
    assert_eq!(lines[9]["again"]["index"], 0);
    assert_eq!(lines.last().unwrap(), "end");
}
