//! Drivers that hang, go away and come back; GPUs that are lost; XIDs.

use std::fs;

use serde_json::Value;

use super::runner::{Exporter, value};

/// The lines of the log so far.
fn log(exporter: &Exporter) -> Vec<Value> {
    let text = fs::read_to_string(exporter.path("log.json")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn actions(exporter: &Exporter) -> Vec<String> {
    let log = log(exporter);
    log.iter().map(|line| line["event.action"].as_str().unwrap().to_owned()).collect()
}

/// The call hangs for ever; what hangs with it is the process that asks, which another one follows. That one works until the
/// script hangs it again.
#[test]
fn a_driver_that_hangs_takes_its_metrics_with_it_until_it_returns() {
    let script = "gpus=8 hang=nvmlDeviceGetTemperature/3@3000";
    let exporter = Exporter::start(script, &["--interval", "0.3", "--logs", "log.json"]);
    let is_up = |page: &str| value(page, "perfagent_exporter_nvml_up") == Some(1.0);
    exporter.until("a first look", is_up);
    let page = exporter.until("a hang", |page| !is_up(page));
    assert_eq!(value(&page, "perfagent_exporter_nvml_down{reason=\"hung\"}"), Some(1.0), "{page}");
    assert_eq!(value(&page, "perfagent_gpus_present"), Some(0.0));
    assert_eq!(value(&page, "perfagent_gpus_expected"), Some(8.0));
    assert!(!page.contains("perfagent_gpu_power_watts"), "{page}");
    let page = exporter.until("the next look", is_up);
    assert!(value(&page, "perfagent_exporter_nvml_failures_total{reason=\"hung\"}") >= Some(1.0));
    assert_eq!(page.matches("\nperfagent_gpu_power_watts{").count(), 8);
    let log = log(&exporter);
    let lost = log.iter().find(|line| line["event.action"] == "driver-lost").unwrap();
    assert_eq!(
        lost["message"],
        "NVML does not answer: nvmlDeviceGetTemperature of GPU 3 does not return"
    );
    assert_eq!(lost["labels"]["reason"], "hung");
    assert!(actions(&exporter).contains(&"driver-back".to_owned()));
}

#[test]
fn a_driver_that_is_unloaded_and_loaded_again_is_found_again() {
    // 9: the driver is not loaded.
    let script = "gpus=2 refuse=nvmlDeviceGetPowerUsage:9@3000";
    let exporter = Exporter::start(script, &["--interval", "0.3"]);
    let is_up = |page: &str| value(page, "perfagent_exporter_nvml_up") == Some(1.0);
    exporter.until("a first look", is_up);
    let page = exporter.until("an end", |page| !is_up(page));
    assert_eq!(
        value(&page, "perfagent_exporter_nvml_down{reason=\"no_driver\"}"),
        Some(1.0),
        "{page}"
    );
    exporter.until("the next look", is_up);
}

#[test]
fn a_driver_that_is_installed_later_is_found() {
    let exporter = Exporter::start_without_driver("gpus=2", &["--interval", "0.3"]);
    let page = exporter.until("a reason", |page| {
        value(page, "perfagent_exporter_nvml_down{reason=\"no_library\"}") == Some(1.0)
    });
    assert_eq!(value(&page, "perfagent_exporter_nvml_up"), Some(0.0));
    assert_eq!(value(&page, "perfagent_gpus_present"), Some(0.0));
    exporter.install_driver();
    exporter.until("both GPUs", |page| value(page, "perfagent_gpus_present") == Some(2.0));
}

/// XID 79, then the GPU is gone: the others are still there.
#[test]
fn a_gpu_that_falls_off_the_bus_is_missed_and_its_xid_counted() {
    let script = "gpus=8 xid=3:79@1000 lost=3@1200";
    let exporter = Exporter::start(script, &["--interval", "0.3", "--logs", "log.json"]);
    exporter.until("a look", |page| value(page, "perfagent_gpus_present") == Some(8.0));
    let gpu = "gpu=\"3\",uuid=\"GPU-00010203-0405-0607-0809-0a0b0c0d0e12\"";
    let page = exporter.until("the XID and the loss", |page| {
        value(page, "perfagent_gpus_present") == Some(7.0)
            && value(page, &format!("perfagent_health_xid_any_total{{{gpu}}}")) >= Some(1.0)
    });
    assert_eq!(value(&page, &format!("perfagent_gpu_lost{{{gpu}}}")), Some(1.0), "{page}");
    assert_eq!(value(&page, "perfagent_gpus_expected"), Some(8.0));
    assert_eq!(value(&page, "perfagent_exporter_nvml_up"), Some(1.0));
    assert_eq!(page.matches("\nperfagent_gpu_power_watts{").count(), 7);
    let xid = page.lines().find(|line| line.starts_with("perfagent_health_xid_total{gpu=\"3\""));
    assert!(
        xid.is_some_and(|line| line.contains("pci_bus_id=\"0000:9e:00\",xid=\"79\"")),
        "{xid:?}"
    );
    assert!(page.contains("perfagent_health_xid_last_seen_timestamp_seconds{gpu=\"3\""));
    let log = log(&exporter);
    let xid = log.iter().find(|line| line["event.action"] == "xid").unwrap();
    assert_eq!(
        (&xid["log.level"], &xid["labels"]["xid"], &xid["labels"]["gpu"]),
        (&"error".into(), &"79".into(), &"3".into())
    );
    assert!(actions(&exporter).contains(&"gpu-lost".to_owned()));
}

#[test]
fn a_log_that_cannot_be_written_is_told() {
    let exporter = Exporter::start("gpus=1", &["--interval", "0.3", "--logs", "/dev/full"]);
    exporter.until("the health of the node", |page| {
        value(page, "perfagent_health_examination_timestamp_seconds").is_some()
    });
    let said = exporter.said();
    assert!(said.contains("perfagent: /dev/full: cannot be written: "), "{said}");
}
