//! States of a GPU: lost, to be recovered, its persistence and ECC modes.

use super::reading::{GpuReadings, Reading};
use crate::xid::RecoveryAction;
use crate::{Check, Severity, Status};

const ACCESS: &str = "gpu_access";
const RECOVERY: &str = "gpu_recovery_action";
const PERSISTENCE: &str = "gpu_persistence";
const ECC: &str = "gpu_ecc_mode";

/// The check of a GPU that cannot be asked; `None` for one that can.
pub(super) fn lost(gpu: &GpuReadings) -> Option<Check> {
    let said = match &gpu.handle {
        Reading::Value(()) => return None,
        Reading::Lost => "has fallen off the bus".to_owned(),
        Reading::NotSupported => "cannot be opened".to_owned(),
        Reading::Failed(said) => format!("cannot be opened: {said}"),
    };
    Some(Check::ok(ACCESS, gpu.target(), said).but(
        Status::Critical,
        Severity::Isolate,
        "drain the node; look for XIDs in `dmesg`, power-cycle the node, have the GPU inspected",
    ))
}

pub(super) fn recovery(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&code) = gpu.recovery_action.value() else {
        let missing = gpu.recovery_action.missing(RECOVERY, &target, "whether it needs recovery");
        return missing.unwrap_or_else(|| Check::not_applicable(RECOVERY, target, "not told"));
    };
    let action = RecoveryAction::of_code(code);
    let check = Check::ok(RECOVERY, target, "what the driver demands")
        .found(action.name(), None)
        .expected(RecoveryAction::None.name());
    action.apply(check)
}

pub(super) fn persistence(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    match gpu.persistence.value() {
        Some(true) => Check::ok(PERSISTENCE, target, "on"),
        Some(false) => Check::ok(PERSISTENCE, target, "off: the driver unloads between jobs").but(
            Status::Warning,
            Severity::Config,
            "start nvidia-persistenced at boot",
        ),
        None => gpu
            .persistence
            .missing(PERSISTENCE, &target, "its persistence mode")
            .unwrap_or_else(|| Check::not_applicable(PERSISTENCE, target, "not told")),
    }
}

pub(super) fn ecc(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&mode) = gpu.ecc_mode.value() else {
        let missing = gpu.ecc_mode.missing(ECC, &target, "its ECC mode");
        return missing.unwrap_or_else(|| Check::not_applicable(ECC, target, "not told"));
    };
    let state = |on: bool| if on { "on" } else { "off" };
    let check = |detail: &str| {
        Check::ok(ECC, gpu.target(), detail).found(state(mode.current), None).expected("on")
    };
    if mode.current != mode.pending {
        let detail = format!("{} now, {} after a reset", state(mode.current), state(mode.pending));
        return check(&detail).but(
            Status::Warning,
            Severity::Reset,
            "drain the node and reset the GPU so that the mode takes effect",
        );
    }
    if mode.current {
        return check("on");
    }
    check("off: memory errors go unseen").but(
        Status::Warning,
        Severity::Config,
        "switch it on, then reset the GPU: nvidia-smi -e 1",
    )
}
