//! Whole pages.

use std::collections::BTreeMap;

use perfagent_health::{Severity, Status};

use super::{Style, page};
use crate::examination::{Checked, Examination};
use crate::exposition::Form;
use crate::moment::Moment;
use crate::recordings::{BusBandwidth, RunFigures, StepTimes};
use crate::sample::{Failure, GpuSample, GpuState};
use crate::state::{KernelLogState, Session, State};
use crate::xids::Witness;

const AT: Moment = Moment { steady_s: 1000.0, unix_s: 1_772_366_400.0 };
const NOW: Moment = Moment { steady_s: 1003.5, unix_s: 1_772_366_403.5 };

fn style() -> Style {
    Style { host: "node-7".into(), dcgm: true, expected_gpus: None, valid_s: 30.0 }
}

fn gpu(index: u32) -> GpuSample {
    let values = [
        ("gpu_utilization_pct", 93.0),
        ("memory_used_bytes", 59.0 * 1_073_741_824.0 + 5.0),
        ("power_mw", 612_345.0),
        ("energy_mj", 123_456_789_012.0),
        ("temperature_c", 55.0),
        ("sm_clock_mhz", 1980.0),
        ("throttle_reasons", 68.0),
        ("ecc_uncorrected", 4.0),
        ("tensor_active_pct", 40.0),
        ("pcie_tx_mib_s", 50.0),
    ];
    GpuSample {
        minor: Some(index),
        uuid: Some(format!("GPU-{index}")),
        name: Some("NVIDIA H200".into()),
        pci: Some(format!("00000000:{:02X}:00.0", 0x9b + index)),
        values: values.map(|(name, value)| (name.to_owned(), value)).into(),
        ..GpuSample::unseen(index, GpuState::Answers)
    }
}

fn check(name: &str, target: &str, status: Status, expected: serde_json::Value) -> Checked {
    let severity = if status == Status::Ok { Severity::None } else { Severity::Reset };
    let detail = String::new();
    Checked { name: name.into(), target: target.into(), status, severity, expected, detail }
}

/// Two GPUs of which one is lost, an XID, an examination, a recording.
fn state() -> State {
    let mut state = State::default();
    let lost = GpuSample { values: BTreeMap::new(), state: GpuState::Lost, ..gpu(1) };
    state.nvml.started(Some("580.82.07".into()), 2);
    state.nvml.session = Session::Up;
    state.nvml.known = [(0, gpu(0)), (1, lost.clone())].into();
    state.nvml.gpus = vec![gpu(0), lost];
    state.nvml.at = Some(AT);
    state.nvml.took_s = 0.012;
    state.nvml.failures = [(Failure::Hung, 1)].into();
    state.kernel_log = KernelLogState::Read;
    state.xids.add("0000:9c:00", 79, Witness::EarlierLog, 1_772_366_000.0);
    state.xids.add("0000:9c:00", 79, Witness::Nvml, 1_772_366_390.0);
    state.examination = Some(Examination {
        at: AT,
        took_s: 0.4,
        valid_s: 150.0,
        verdict: Status::Critical,
        checks: vec![
            check("gpu_count", "host", Status::Ok, 8.into()),
            check("xid", "GPU 1", Status::Warning, serde_json::Value::Null),
            check("xid", "GPU 1", Status::Critical, serde_json::Value::Null),
            check("clock_sync", "host", Status::Unknown, serde_json::Value::Null),
        ],
    });
    state.recordings = vec![run()];
    state
}

fn run() -> RunFigures {
    RunFigures {
        name: "run \"1\".perfdb".into(),
        end_unix_s: 1_772_366_300.0,
        duration_s: 12.0,
        ranks: 8,
        gpus: 8,
        steps: Some(StepTimes { count: 100, mean_s: 0.5, p50_s: Some(0.49), p99_s: None }),
        each_step: Vec::new(),
        tokens_per_second: Some(16384.0),
        samples_per_second: None,
        mfu: Some(0.42),
        busy: Some(0.9),
        exposed_communication: Some(0.0625),
        bus_bandwidth: vec![BusBandwidth {
            op: "all_reduce".into(),
            group_size: Some(8),
            bytes_per_second: 4.75e11,
            count: 100,
        }],
        peak_memory_bytes: None,
        lost: 0,
        job: Vec::new(),
    }
}

#[test]
fn a_node_in_trouble_is_told_in_both_forms() {
    let page = page(&state(), &style(), NOW);
    insta::assert_snapshot!("node_prometheus", page.text(Form::Prometheus));
    insta::assert_snapshot!("node_openmetrics", page.text(Form::OpenMetrics));
}

/// What is not known is not there; that it is not known is.
#[test]
fn without_a_driver_there_are_no_gpus_and_that_is_told() {
    let mut state = state();
    state.nvml.session = Session::Down(Failure::Hung, "nvmlDeviceGetName does not return".into());
    state.nvml.gpus.clear();
    state.nvml.count = None;
    let text = page(&state, &style(), NOW).text(Form::Prometheus);
    for line in [
        "perfagent_exporter_nvml_up 0",
        "perfagent_exporter_nvml_down{reason=\"hung\"} 1",
        "perfagent_exporter_nvml_down{reason=\"no_driver\"} 0",
        "perfagent_gpus_expected 8",
        "perfagent_gpus_present 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    assert!(!text.contains("perfagent_gpu_power") && !text.contains("DCGM_"), "{text}");
    assert!(
        text.contains("perfagent_health_xid_total{gpu=\"1\""),
        "XIDs are still counted: {text}"
    );
}

#[test]
fn what_is_too_old_is_not_told_any_more() {
    let later = Moment { steady_s: AT.steady_s + 3600.0, unix_s: AT.unix_s + 3600.0 };
    let text = page(&state(), &style(), later).text(Form::Prometheus);
    assert!(!text.contains("perfagent_gpu_power_watts"), "{text}");
    assert!(!text.contains("perfagent_health_check_status"), "{text}");
    assert!(text.contains("\nperfagent_health_verdict 3\n"), "{text}");
    assert!(text.contains("\nperfagent_gpus_present 0\n"), "{text}");
}

#[test]
fn before_the_first_look_nothing_is_claimed() {
    let text = page(&State::default(), &style(), NOW).text(Form::Prometheus);
    assert!(text.contains("\nperfagent_exporter_nvml_up 0\n"), "{text}");
    assert!(text.contains("\nperfagent_health_verdict 3\n"), "{text}");
    assert!(!text.contains("perfagent_health_xid"), "{text}");
}

#[test]
fn the_number_of_gpus_that_was_told_counts() {
    let style = Style { expected_gpus: Some(4), ..style() };
    let text = page(&state(), &style, NOW).text(Form::Prometheus);
    assert!(text.contains("\nperfagent_gpus_expected 4\n"), "{text}");
}
