//! Readings in, checks out.

use super::{
    Counters, Fabric, GpuIdentity, GpuReadings, Held, Link, LinkErrors, Mode, Reading, RowReserve,
    SramErrors, Surroundings, check_one,
};
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
        ecc_mode: Reading::Value(Mode { current: true, pending: true }),
        ecc_uncorrected: Reading::Value(0),
        ecc_corrected: Reading::Value(12),
        ecc_corrected_dram: Reading::Value(12),
        sram: Reading::Value(SramErrors::default()),
        rows_remapped_corrected: Reading::Value(0),
        rows_remapped_uncorrected: Reading::Value(1),
        remap_pending: Reading::Value(0),
        remap_failed: Reading::Value(0),
        row_reserve: Reading::Value(RowReserve { max: 640, ..RowReserve::default() }),
        retired_pages: Reading::NotSupported,
        retirement_pending: Reading::NotSupported,
        throttle_reasons: Reading::Value(0x4),
        temperature_c: Reading::Value(61),
        slowdown_c: Reading::Value(89),
        memory_temperature_c: Reading::Value(70),
        memory_max_c: Reading::Value(95),
        margin_c: Reading::Value(26),
        slowdown_margin_c: Reading::Value(-2),
        sm_clock_mhz: Reading::Value(1755),
        sm_clock_max_mhz: Reading::Value(1980),
        memory_clock_mhz: Reading::Value(3201),
        memory_clock_max_mhz: Reading::Value(3201),
        application_clock_mhz: Reading::Value(1980),
        application_clock_default_mhz: Reading::Value(1980),
        pcie_generation: Reading::Value(5),
        pcie_generation_max: Reading::Value(5),
        pcie_generation_gpu: Reading::Value(5),
        pcie_width: Reading::Value(16),
        pcie_width_max: Reading::Value(16),
        links: Reading::Value((0..18).map(|link| Link { link, active: true }).collect()),
        fabric: Reading::Value(Fabric { state: 3, status: 0, health: Some(0xaa) }),
        mig: Reading::Value(Mode { current: false, pending: false }),
        compute_mode: Reading::Value(0),
        processes: Reading::Value(Vec::new()),
        memory_used_bytes: Reading::Value(600 << 20),
        persistence: Reading::Value(true),
        utilization_pct: Reading::Value(98),
        counters: counters(0),
        later: Some(counters(1000)),
    }
}

/// What has been counted after so many milliseconds: the limit on power has held clocks down all the time.
fn counters(at_ms: u64) -> Counters {
    let link = |link| LinkErrors {
        link,
        crc: Some(3),
        replay: Some(0),
        recovery: Some(0),
        ..LinkErrors::default()
    };
    Counters {
        at_ms,
        held: Held {
            hardware_thermal_ns: Reading::Value(0),
            power_brake_ns: Reading::Value(0),
            software_thermal_ns: Reading::Value(2_000_000_000),
            thermal_ns: Reading::Value(2_000_000_000),
            power_ns: Reading::Value(7_200_000_000_000 + at_ms * 1_000_000),
        },
        pcie_replays: Reading::Value(4),
        links: (0..18).map(link).collect(),
    }
}

/// Changes the second look.
fn later(gpu: &mut GpuReadings, change: impl FnOnce(&mut Counters)) {
    change(gpu.later.as_mut().unwrap());
}

fn around() -> Surroundings {
    Surroundings { uptime_s: Some(864_000.0), ..Surroundings::default() }
}

/// The checks that are not ok.
fn faults(gpu: &GpuReadings) -> Vec<(&'static str, Status, Severity)> {
    let not_ok = |check: &Check| check.status != Status::Ok;
    let row = |check: Check| (check.name, check.status, check.severity);
    check_one(gpu, &around()).into_iter().filter(not_ok).map(row).collect()
}

#[test]
fn a_well_gpu_is_ok_throughout() {
    assert_eq!(faults(&well()), []);
    insta::assert_json_snapshot!("a_well_gpu", check_one(&well(), &around()));
}

fn fabric(gpu: &mut GpuReadings, state: u8, status: u32, health: u32) {
    gpu.fabric = Reading::Value(Fabric { state, status, health: Some(health) });
}

/// What a reason has come to at the second look, in milliseconds.
fn held(gpu: &mut GpuReadings, counter: fn(&mut Held) -> &mut Reading<u64>, ms: u64) {
    later(gpu, |later| *counter(&mut later.held) = Reading::Value(ms * 1_000_000));
}

#[test]
fn each_fault_is_found_alone() {
    use Severity::{Config, Isolate, Monitor, Reset, Triage};
    use Status::{Critical, Warning};
    type Plant = fn(&mut GpuReadings);
    let planted: &[(Plant, &str, Status, Severity)] = &[
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
            |gpu| gpu.ecc_mode = Reading::Value(Mode { current: false, pending: false }),
            "gpu_ecc_mode",
            Warning,
            Config,
        ),
        (
            |gpu| gpu.ecc_mode = Reading::Value(Mode { current: true, pending: false }),
            "gpu_ecc_mode",
            Warning,
            Reset,
        ),
        (
            |gpu| gpu.ecc_corrected_dram = Reading::Value(30_000_000),
            "gpu_ecc_errors",
            Warning,
            Monitor,
        ),
        (
            |gpu| {
                let exceeded = SramErrors { threshold_exceeded: true, ..SramErrors::default() };
                gpu.sram = Reading::Value(exceeded);
            },
            "gpu_sram_errors",
            Critical,
            Isolate,
        ),
        (
            |gpu| {
                gpu.sram = Reading::Value(SramErrors { uncorrected: 1, ..SramErrors::default() });
            },
            "gpu_sram_errors",
            Critical,
            Reset,
        ),
        (
            |gpu| {
                gpu.sram =
                    Reading::Value(SramErrors { corrected: 10_001, ..SramErrors::default() });
            },
            "gpu_sram_errors",
            Warning,
            Monitor,
        ),
        (
            |gpu| gpu.row_reserve = Reading::Value(RowReserve { none: 1, ..RowReserve::default() }),
            "gpu_row_reserve",
            Warning,
            Triage,
        ),
        (
            |gpu| gpu.row_reserve = Reading::Value(RowReserve { low: 2, ..RowReserve::default() }),
            "gpu_row_reserve",
            Warning,
            Monitor,
        ),
        (|gpu| gpu.margin_c = Reading::Value(-2), "gpu_temperature_margin", Critical, Triage),
        (|gpu| gpu.margin_c = Reading::Value(3), "gpu_temperature_margin", Warning, Monitor),
        (|gpu| gpu.application_clock_mhz = Reading::Value(1200), "gpu_clocks", Warning, Config),
        (|gpu| gpu.sm_clock_mhz = Reading::Value(345), "gpu_clocks", Warning, Triage),
        (
            |gpu| gpu.counters.pcie_replays = Reading::Value(900_000),
            "gpu_pcie_replays",
            Warning,
            Triage,
        ),
        (
            |gpu| later(gpu, |later| later.pcie_replays = Reading::Value(5)),
            "gpu_pcie_replays",
            Warning,
            Monitor,
        ),
        (
            |gpu| {
                gpu.links =
                    Reading::Value((0..18).map(|link| Link { link, active: link != 7 }).collect());
            },
            "gpu_nvlink",
            Critical,
            Isolate,
        ),
        (
            |gpu| gpu.counters.links[3].recovery_failed = Some(1),
            "gpu_nvlink_errors",
            Critical,
            Reset,
        ),
        (
            |gpu| later(gpu, |later| later.links[3].crc = Some(204)),
            "gpu_nvlink_errors",
            Critical,
            Triage,
        ),
        (
            |gpu| later(gpu, |later| later.links[3].replay = Some(1)),
            "gpu_nvlink_errors",
            Warning,
            Monitor,
        ),
        (|gpu| gpu.counters.links[3].recovery = Some(2), "gpu_nvlink_errors", Warning, Monitor),
        (|gpu| fabric(gpu, 1, 0, 0), "gpu_fabric", Critical, Config),
        (|gpu| fabric(gpu, 2, 0, 0), "gpu_fabric", Warning, Monitor),
        (|gpu| fabric(gpu, 3, 999, 0), "gpu_fabric", Critical, Reset),
        (|gpu| fabric(gpu, 3, 0, 0xa9), "gpu_fabric", Critical, Triage),
        (|gpu| fabric(gpu, 3, 0, 0xa6), "gpu_fabric", Warning, Monitor),
        (|gpu| fabric(gpu, 3, 0, 0x9a), "gpu_fabric", Critical, Triage),
        (
            |gpu| gpu.mig = Reading::Value(Mode { current: false, pending: true }),
            "gpu_mig_mode",
            Warning,
            Reset,
        ),
        (|gpu| gpu.compute_mode = Reading::Value(2), "gpu_compute_mode", Critical, Config),
        (
            |gpu| held(gpu, |held| &mut held.power_brake_ns, 20),
            "gpu_throttle_time",
            Critical,
            Triage,
        ),
        (
            |gpu| held(gpu, |held| &mut held.hardware_thermal_ns, 900),
            "gpu_throttle_time",
            Critical,
            Triage,
        ),
        (
            |gpu| held(gpu, |held| &mut held.software_thermal_ns, 2_500),
            "gpu_throttle_time",
            Warning,
            Monitor,
        ),
        (
            |gpu| {
                // A tenth of ten days, over now.
                let ns = Reading::Value(86_400_000_000_000);
                gpu.counters.held.power_brake_ns = ns.clone();
                later(gpu, |later| later.held.power_brake_ns = ns);
            },
            "gpu_throttle_time",
            Warning,
            Triage,
        ),
        (|gpu| gpu.handle = Reading::Lost, "gpu_access", Critical, Isolate),
        (|gpu| gpu.handle = Reading::Failed("odd".to_owned()), "gpu_access", Critical, Isolate),
    ];
    for &(plant, name, status, severity) in planted {
        let mut gpu = well();
        plant(&mut gpu);
        assert_eq!(faults(&gpu), [(name, status, severity)]);
        for check in check_one(&gpu, &around()) {
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
    let spoiled: &[(Spoil, &str)] = &[
        (|gpu, failed| gpu.sram = instead(failed), "gpu_sram_errors"),
        (|gpu, failed| gpu.row_reserve = instead(failed), "gpu_row_reserve"),
        (|gpu, failed| gpu.margin_c = instead(failed), "gpu_temperature_margin"),
        (|gpu, failed| gpu.sm_clock_mhz = instead(failed), "gpu_clocks"),
        (|gpu, failed| gpu.counters.pcie_replays = instead(failed), "gpu_pcie_replays"),
        (|gpu, failed| gpu.fabric = instead(failed), "gpu_fabric"),
        (|gpu, failed| gpu.mig = instead(failed), "gpu_mig_mode"),
        (|gpu, failed| gpu.compute_mode = instead(failed), "gpu_compute_mode"),
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
    for &(spoil, name) in spoiled {
        for failed in [true, false] {
            let mut gpu = well();
            spoil(&mut gpu, failed);
            let severity = if failed { Severity::Config } else { Severity::None };
            assert_eq!(faults(&gpu), [(name, Status::Unknown, severity)]);
        }
    }
}

/// Links of boards in slots join two of them only where somebody has put a bridge.
#[test]
fn what_links_are_expected_depends_on_the_board() {
    let with = |name: &str, active: u32| {
        let mut gpu = well();
        gpu.identity.name = Some(name.to_owned());
        let links = (0..12).map(|link| Link { link, active: link < active });
        gpu.links = Reading::Value(links.collect());
        if active == 0 {
            gpu.counters.links.clear();
        }
        gpu
    };
    let none = |gpu: &GpuReadings| {
        let faults = faults(gpu);
        faults.iter().map(|(name, status, _)| (*name, *status)).collect::<Vec<_>>()
    };
    assert_eq!(none(&with("NVIDIA A100-SXM4-80GB", 12)), []);
    assert_eq!(none(&with("NVIDIA A100-SXM4-80GB", 0)), [("gpu_nvlink", Status::Critical)]);
    assert_eq!(none(&with("NVIDIA A100 80GB PCIe", 0)), [("gpu_nvlink", Status::Unknown)]);
    assert_eq!(none(&with("NVIDIA A100 80GB PCIe", 12)), []);
    let alone = Surroundings { is_only_gpu: true, ..around() };
    let checks = check_one(&with("NVIDIA A100-SXM4-80GB", 0), &alone);
    let links = checks.iter().find(|check| check.name == "gpu_nvlink").unwrap();
    assert_eq!((links.status, links.counts()), (Status::Unknown, false));
    assert_eq!(none(&with("NVIDIA GH200 480GB", 0)), [("gpu_nvlink", Status::Unknown)]);
    let expected = Surroundings { expected_links: Some(12), ..around() };
    let checks = check_one(&with("NVIDIA A100 80GB PCIe", 8), &expected);
    assert!(
        checks.iter().any(|check| check.name == "gpu_nvlink" && check.status == Status::Critical)
    );
}

/// Nothing of a GPU that is cut into instances is better than it is known.
#[test]
fn instances_hide_what_they_hide() {
    let mut gpu = well();
    gpu.mig = Reading::Value(Mode { current: true, pending: true });
    gpu.row_reserve = Reading::NotSupported;
    gpu.utilization_pct = Reading::NotSupported;
    gpu.links = Reading::Value((0..18).map(|link| Link { link, active: false }).collect());
    let unknown = Status::Unknown;
    assert_eq!(
        faults(&gpu),
        [("gpu_row_reserve", unknown, Severity::None), ("gpu_nvlink", unknown, Severity::None)]
    );
}
