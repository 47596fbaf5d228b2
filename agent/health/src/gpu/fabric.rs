//! A GPU's place in the fabric of `NVSwitch`, as the fabric manager gave it.

use serde::{Deserialize, Serialize};

use super::Surroundings;
use super::reading::GpuReadings;
use crate::{Check, Severity, Status};

const NAME: &str = "gpu_fabric";
const RESTART: &str = "see `systemctl status nvidia-fabricmanager` and /var/log/fabricmanager.log; drain the node, restart the service, reset the GPU";

/// What NVML tells of it (`nvmlGpuFabricInfo_v2_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fabric {
    /// 0 none, 1 not started, 2 in progress, 3 completed.
    pub state: u8,
    /// How the probe ended once it is completed; `nvmlReturn_t`.
    pub status: u32,
    /// Pairs of bits, each 0 not told, 1 yes, 2 no; `None` where the driver knows no such mask.
    pub health: Option<u32>,
}

/// The pairs of bits in the mask, with what a `yes` means.
const CONDITIONS: [(u32, &str, Status); 4] = [
    (0, "its bandwidth is degraded", Status::Critical),
    (2, "routes are being recovered", Status::Warning),
    (4, "routes are unhealthy", Status::Critical),
    (6, "it recovers from an access that timed out", Status::Warning),
];

pub(super) fn check(gpu: &GpuReadings, around: &Surroundings) -> Check {
    let target = gpu.target();
    let Some(fabric) = gpu.fabric.value() else {
        let missing = gpu.fabric.missing(NAME, &target, "its place in the NVLink fabric");
        return missing.unwrap_or_else(|| Check::not_applicable(NAME, target, "no fabric"));
    };
    let check = |state: &str, detail: String| {
        Check::ok(NAME, &*target, detail).found(state, None).expected("completed")
    };
    match fabric.state {
        0 => Check::not_applicable(NAME, target, "it is not part of a fabric of NVSwitches"),
        1 => check("not started", "the fabric manager has not set it up".to_owned()).but(
            // The only GPU of a virtual machine may be left out of it for good.
            if around.is_only_gpu { Status::Warning } else { Status::Critical },
            Severity::Config,
            "start the fabric manager: systemctl start nvidia-fabricmanager; without it CUDA does not start on this GPU",
        ),
        2 => check("in progress", "the fabric manager is setting it up".to_owned()).but(
            Status::Warning,
            Severity::Monitor,
            "look again in a minute; if it stays so, see /var/log/fabricmanager.log",
        ),
        3 if fabric.status != 0 => {
            let detail = format!("setting it up failed with NVML's code {}", fabric.status);
            check("failed", detail).but(Status::Critical, Severity::Reset, RESTART)
        }
        3 => completed(check("completed", "set up".to_owned()), fabric.health.unwrap_or(0)),
        other => Check::unknown(
            NAME,
            target,
            format!("NVML tells the state {other}, which is newer than this program"),
            "see Fabric in `nvidia-smi -q`",
        ),
    }
}

fn completed(check: Check, health: u32) -> Check {
    let wrong: Vec<_> =
        CONDITIONS.iter().filter(|(shift, ..)| (health >> shift) & 3 == 1).collect();
    let Some(worst) = wrong.iter().map(|(.., status)| *status).max() else { return check };
    let told: Vec<&str> = wrong.iter().map(|(_, words, _)| *words).collect();
    let detail = format!("set up, but {}", told.join(", "));
    let check = Check { detail, ..check }.found("unhealthy", None).expected("completed");
    let severity = if worst == Status::Critical { Severity::Triage } else { Severity::Monitor };
    check.but(worst, severity, RESTART)
}
