//! Readings in, checks out.

use super::{EccMode, GpuIdentity, GpuReadings, Reading, check_one};
use crate::{Check, Severity, Status};

/// A well GPU under load.
fn well() -> GpuReadings {
    GpuReadings {
        identity: GpuIdentity {
            index: 3,
            name: Some("NVIDIA H200".to_owned()),
            uuid: Some("GPU-1".to_owned()),
            pci: Some("0000:9b:00.0".to_owned()),
            vbios: Some("96.00.89.00.01".to_owned()),
        },
        handle: Reading::Value(()),
        recovery_action: Reading::Value(0),
        ecc_mode: Reading::Value(EccMode { current: true, pending: true }),
        ecc_uncorrected: Reading::Value(0),
        ecc_corrected: Reading::Value(12),
        rows_remapped_corrected: Reading::Value(0),
        rows_remapped_uncorrected: Reading::Value(1),
        remap_pending: Reading::Value(0),
        remap_failed: Reading::Value(0),
        retirement_pending: Reading::NotSupported,
        throttle_reasons: Reading::Value(0x4),
        temperature_c: Reading::Value(61),
        slowdown_c: Reading::Value(89),
        memory_temperature_c: Reading::Value(70),
        memory_max_c: Reading::Value(95),
        pcie_generation: Reading::Value(5),
        pcie_generation_max: Reading::Value(5),
        pcie_width: Reading::Value(16),
        pcie_width_max: Reading::Value(16),
        pcie_replays: Reading::Value(0),
        persistence: Reading::Value(true),
        utilization_pct: Reading::Value(98),
    }
}

/// The checks that are not ok.
fn faults(gpu: &GpuReadings) -> Vec<(&'static str, Status, Severity)> {
    let not_ok = |check: &Check| check.status != Status::Ok;
    let row = |check: Check| (check.name, check.status, check.severity);
    check_one(gpu).into_iter().filter(not_ok).map(row).collect()
}

#[test]
fn a_well_gpu_is_ok_throughout() {
    assert_eq!(faults(&well()), []);
    insta::assert_json_snapshot!("a_well_gpu", check_one(&well()));
}

#[test]
fn each_fault_is_found_alone() {
    use Severity::{Config, Isolate, Monitor, Reset, Triage};
    use Status::{Critical, Warning};
    type Plant = fn(&mut GpuReadings);
    let planted: [(Plant, &str, Status, Severity); 20] = [
        (|gpu| gpu.recovery_action = Reading::Value(1), "gpu_recovery_action", Critical, Reset),
        (|gpu| gpu.recovery_action = Reading::Value(2), "gpu_recovery_action", Critical, Reset),
        (|gpu| gpu.recovery_action = Reading::Value(77), "gpu_recovery_action", Warning, Triage),
        (|gpu| gpu.ecc_uncorrected = Reading::Value(1), "gpu_ecc_errors", Critical, Reset),
        (|gpu| gpu.remap_pending = Reading::Value(1), "gpu_row_remapping", Warning, Reset),
        (|gpu| gpu.remap_failed = Reading::Value(1), "gpu_row_remapping", Critical, Isolate),
        (|gpu| gpu.throttle_reasons = Reading::Value(0x40), "gpu_throttle", Critical, Triage),
        (|gpu| gpu.throttle_reasons = Reading::Value(0x88), "gpu_throttle", Critical, Triage),
        (|gpu| gpu.throttle_reasons = Reading::Value(0x8), "gpu_throttle", Warning, Monitor),
        (|gpu| gpu.throttle_reasons = Reading::Value(0x20), "gpu_throttle", Warning, Monitor),
        (|gpu| gpu.temperature_c = Reading::Value(89), "gpu_temperature", Critical, Triage),
        (|gpu| gpu.temperature_c = Reading::Value(85), "gpu_temperature", Warning, Monitor),
        (
            |gpu| gpu.memory_temperature_c = Reading::Value(96),
            "gpu_memory_temperature",
            Critical,
            Triage,
        ),
        (|gpu| gpu.pcie_width = Reading::Value(8), "gpu_pcie_width", Warning, Triage),
        (|gpu| gpu.pcie_generation = Reading::Value(1), "gpu_pcie_generation", Warning, Triage),
        (|gpu| gpu.persistence = Reading::Value(false), "gpu_persistence", Warning, Config),
        (
            |gpu| gpu.ecc_mode = Reading::Value(EccMode { current: false, pending: false }),
            "gpu_ecc_mode",
            Warning,
            Config,
        ),
        (
            |gpu| gpu.ecc_mode = Reading::Value(EccMode { current: true, pending: false }),
            "gpu_ecc_mode",
            Warning,
            Reset,
        ),
        (|gpu| gpu.handle = Reading::Lost, "gpu_access", Critical, Isolate),
        (|gpu| gpu.handle = Reading::Failed("odd".to_owned()), "gpu_access", Critical, Isolate),
    ];
    for (plant, name, status, severity) in planted {
        let mut gpu = well();
        plant(&mut gpu);
        assert_eq!(faults(&gpu), [(name, status, severity)]);
        for check in check_one(&gpu) {
            assert_eq!(check.action.is_some(), check.status != Status::Ok, "{check:?}");
        }
    }
}

#[test]
fn an_idle_link_may_be_slow() {
    let mut gpu = well();
    gpu.pcie_generation = Reading::Value(1);
    gpu.utilization_pct = Reading::Value(0);
    assert_eq!(faults(&gpu), [("gpu_pcie_generation", Status::Unknown, Severity::None)]);
}

#[test]
fn before_ampere_pages_are_retired() {
    let mut gpu = well();
    gpu.remap_failed = Reading::NotSupported;
    gpu.remap_pending = Reading::NotSupported;
    gpu.retirement_pending = Reading::Value(false);
    assert_eq!(faults(&gpu), []);
    gpu.retirement_pending = Reading::Value(true);
    assert_eq!(faults(&gpu), [("gpu_row_remapping", Status::Warning, Severity::Reset)]);
}

/// Whatever a reading says instead of a value, the check it belongs to is not `ok`, and what failed weighs on the verdict.
#[test]
fn what_was_not_read_is_unknown() {
    type Spoil = fn(&mut GpuReadings, bool);
    fn instead<T>(failed: bool) -> Reading<T> {
        if failed { Reading::Failed("no permission".to_owned()) } else { Reading::NotSupported }
    }
    let spoiled: [(Spoil, &str); 9] = [
        (|gpu, failed| gpu.recovery_action = instead(failed), "gpu_recovery_action"),
        (|gpu, failed| gpu.ecc_uncorrected = instead(failed), "gpu_ecc_errors"),
        (|gpu, failed| gpu.remap_failed = instead(failed), "gpu_row_remapping"),
        (|gpu, failed| gpu.remap_pending = instead(failed), "gpu_row_remapping"),
        (|gpu, failed| gpu.throttle_reasons = instead(failed), "gpu_throttle"),
        (|gpu, failed| gpu.temperature_c = instead(failed), "gpu_temperature"),
        (|gpu, failed| gpu.pcie_width_max = instead(failed), "gpu_pcie_width"),
        (|gpu, failed| gpu.persistence = instead(failed), "gpu_persistence"),
        (|gpu, failed| gpu.ecc_mode = instead(failed), "gpu_ecc_mode"),
    ];
    for (spoil, name) in spoiled {
        for failed in [true, false] {
            let mut gpu = well();
            spoil(&mut gpu, failed);
            let severity = if failed { Severity::Config } else { Severity::None };
            assert_eq!(faults(&gpu), [(name, Status::Unknown, severity)]);
        }
    }
}
