//! States of a GPU: lost, to be recovered, and its modes: persistence, ECC, MIG, compute.

use super::probe::{Answer, Outcome};
use super::reading::{GpuReadings, Reading};
use crate::xid::RecoveryAction;
use crate::{Check, Severity, Status};

const ACCESS: &str = "gpu_access";
const RECOVERY: &str = "gpu_recovery_action";
const PERSISTENCE: &str = "gpu_persistence";
const ECC: &str = "gpu_ecc_mode";
const MIG: &str = "gpu_mig_mode";
const COMPUTE: &str = "gpu_compute_mode";

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

/// GPUs that were counted and asked, but of which no answer came through.
pub(super) fn unread(answer: &Answer) -> Vec<Check> {
    if answer.outcome != Outcome::Complete {
        return Vec::new();
    }
    let is_read = |index| answer.gpus.iter().any(|gpu| gpu.identity.index == index);
    let missing = (0..answer.count.unwrap_or(0)).filter(|index| !is_read(*index));
    let unread = missing.map(|index| {
        Check::unknown(
            ACCESS,
            format!("GPU {index}"),
            "what was read of it did not come through",
            "look again; if it stays, see nvidia-smi -q -i INDEX",
        )
    });
    unread.collect()
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

pub(super) fn mig(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&mode) = gpu.mig.value() else {
        let missing = gpu.mig.missing(MIG, &target, "whether it is cut into instances");
        return missing.unwrap_or_else(|| Check::not_applicable(MIG, target, "not told"));
    };
    let state = |on: bool| if on { "on" } else { "off" };
    let check = |detail: String| Check::ok(MIG, &*target, detail).found(state(mode.current), None);
    if mode.current != mode.pending {
        let detail = format!("{} now, {} after a reset", state(mode.current), state(mode.pending));
        return check(detail).expected(state(mode.pending)).but(
            Status::Warning,
            Severity::Reset,
            "drain the node and reset the GPU so that the mode takes effect: nvidia-smi --gpu-reset -i INDEX",
        );
    }
    if mode.current {
        return check(
            "on: cut into instances; load, links and processes of the whole GPU may not be told"
                .to_owned(),
        );
    }
    check("off".to_owned())
}

pub(super) fn compute(gpu: &GpuReadings) -> Check {
    let target = gpu.target();
    let Some(&mode) = gpu.compute_mode.value() else {
        let missing = gpu.compute_mode.missing(COMPUTE, &target, "its compute mode");
        return missing.unwrap_or_else(|| Check::not_applicable(COMPUTE, target, "not told"));
    };
    let check = |name: &str, detail: &str| {
        Check::ok(COMPUTE, &*target, detail).found(name, None).expected("default")
    };
    match mode {
        0 => check("default", "default: any number of processes"),
        1 | 3 => check("exclusive", "exclusive: one process at a time, others are refused"),
        2 => check("prohibited", "prohibited: no process can use it").but(
            Status::Critical,
            Severity::Config,
            "allow it again: nvidia-smi -c DEFAULT -i INDEX",
        ),
        other => Check::unknown(
            COMPUTE,
            &*target,
            format!("NVML tells the mode {other}, which is newer than this program"),
            "see Compute Mode in `nvidia-smi -q`",
        ),
    }
}
