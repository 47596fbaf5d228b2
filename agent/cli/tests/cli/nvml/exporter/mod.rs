//! `perfagent exporter`: what a scraper sees while things happen to GPUs.

mod faults;
mod http;
mod push;
mod runner;
mod textfile;

use runner::{Exporter, value};

const LABELS: &str = "{gpu=\"7\",uuid=\"GPU-00010203-0405-0607-0809-0a0b0c0d0e16\"}";

#[test]
fn eight_gpus_are_told_from_the_last_look() {
    let mut exporter = Exporter::start("gpus=8 ecc=2:5 reasons=1:0x80", &["--interval", "0.5"]);
    let page = exporter.until("the health of the node", |page| {
        value(page, "perfagent_health_examination_timestamp_seconds").is_some()
    });
    let of = |name: &str| value(&page, &format!("{name}{LABELS}"));
    assert_eq!(of("perfagent_gpu_power_watts"), Some(307.0));
    assert_eq!(of("perfagent_gpu_temperature_celsius"), Some(55.0));
    assert_eq!(of("perfagent_gpu_memory_total_bytes"), Some(f64::from(80_u32) * 1_073_741_824.0));
    assert_eq!(of("perfagent_gpu_utilization_ratio"), Some(0.93));
    assert_eq!(of("perfagent_gpu_sm_clock_hertz"), Some(1.98e9));
    assert!(of("perfagent_gpu_energy_joules_total") >= Some(1000.0));
    assert_eq!(of("perfagent_health_xid_any_total"), Some(0.0), "zero before the first");
    assert_eq!(page.matches("\nperfagent_gpu_lost{").count(), 8);
    let errors = page.lines().find(|line| {
        line.starts_with("perfagent_gpu_ecc_errors_total{gpu=\"2\"")
            && line.contains("\"uncorrected\"")
    });
    assert_eq!(errors.and_then(|line| line.rsplit(' ').next()), Some("5"));
    for (name, expected) in [
        ("perfagent_exporter_nvml_up", 1.0),
        ("perfagent_gpus_present", 8.0),
        ("perfagent_gpus_expected", 8.0),
        // The power brake.
        ("perfagent_health_verdict", 2.0),
    ] {
        assert_eq!(value(&page, name), Some(expected), "{name}: {page}");
    }
    assert!(page.contains(
        "perfagent_health_check_status{check=\"gpu_throttle\",target=\"GPU 1\",gpu=\"1\","
    ));
    assert!(!page.contains("DCGM_"), "nobody asked for it");
    assert!(!page.contains("perfagent_gpu_active_ratio"), "no GPM here");
    assert_eq!(exporter.end(), Some(0), "SIGTERM is a clean end");
}

/// Names, labels and units of dcgm-exporter; activity only where the GPU measures it.
#[test]
fn dashboards_of_dcgm_exporter_find_what_they_know() {
    let exporter = Exporter::start("gpus=2 gpm", &["--interval", "0.5", "--dcgm-compat"]);
    let page = exporter.until("activity, which takes two looks", |page| {
        page.contains("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{")
    });
    let host = perfagent_health::host_name();
    let labels = format!(
        "{{gpu=\"1\",UUID=\"GPU-00010203-0405-0607-0809-0a0b0c0d0e10\",pci_bus_id=\"00000000:9C:00.0\",device=\"nvidia1\",\
         modelName=\"Fake GPU 1000\",Hostname=\"{host}\",hostname=\"{host}\",DCGM_FI_DRIVER_VERSION=\"580.82.07\"}}"
    );
    for (name, expected) in [
        ("DCGM_FI_DEV_SM_CLOCK", 1980.0),
        ("DCGM_FI_DEV_FB_USED", 20480.0),
        ("DCGM_FI_DEV_POWER_USAGE", 301.0),
        ("DCGM_FI_DEV_MEMORY_TEMP", 61.0),
        ("DCGM_FI_DEV_XID_ERRORS", 0.0),
        ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.4),
        ("DCGM_FI_PROF_PCIE_RX_BYTES", 104_857_600.0),
    ] {
        assert_eq!(value(&page, &format!("{name}{labels}")), Some(expected), "{name}: {page}");
    }
    let energy = value(&page, &format!("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{labels}"));
    assert!(energy >= Some(1e6), "millijoules: {energy:?}");
    assert!(page.contains("# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n"));
    assert!(!page.contains("DCGM_FI_PROF_NVLINK"), "there are no links");

    let without = Exporter::start("gpus=1", &["--interval", "0.5", "--dcgm-compat"]);
    let page = without.until("a look", |page| page.contains("DCGM_FI_DEV_GPU_TEMP{"));
    assert!(!page.contains("DCGM_FI_PROF_"), "{page}");
}

#[test]
fn the_newest_recordings_are_told() {
    let runs = tempfile::tempdir().unwrap();
    crate::fixture::cpu_run(&runs.path().join("cpu.perfdb"));
    crate::fixture::job_run(&runs.path().join("job.perfdb"), &crate::fixture::Job::default());
    std::fs::write(runs.path().join("bad.perfdb"), "no recording").unwrap();
    let folder = runs.path().to_str().unwrap();
    let exporter = Exporter::start("gpus=1", &["--interval", "0.5", "--recordings", folder]);
    let page = exporter.until("all three", |page| {
        let all = ["recording=\"cpu.perfdb\"", "recording=\"job.perfdb\""];
        all.iter().all(|name| page.contains(name))
            && value(page, "perfagent_exporter_recordings_unreadable") == Some(1.0)
    });
    let of =
        |name: &str, labels: &str| value(&page, &format!("perfagent_recording_{name}{{{labels}}}"));
    let job = "recording=\"job.perfdb\"";
    assert_eq!(of("step_seconds", &format!("{job},statistic=\"mean\"")), Some(0.1));
    assert_eq!(of("tokens_per_second", job), Some(81920.0));
    assert_eq!(of("mfu_ratio", job), None, "the program did not say its operations");
    let cpu = "recording=\"cpu.perfdb\"";
    assert_eq!(of("ranks", cpu), Some(2.0));
    assert_eq!(of("lost_events", cpu), Some(0.0));
    assert!(of("exposed_communication_ratio", cpu).is_some_and(|share| share > 0.0 && share < 1.0));
    let busbw =
        of("bus_bandwidth_bytes_per_second", &format!("{cpu},op=\"all_reduce\",group_size=\"2\""));
    // 1 MiB in 20 ms, times 2(n−1)/n.
    assert!(busbw.is_some_and(|rate| (rate - 1_048_576.0 / 0.02).abs() < 1000.0), "{busbw:?}");
}
