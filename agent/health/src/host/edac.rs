//! Memory errors of the host, as the kernel's EDAC drivers count them since they were loaded.

use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "memory_errors";
/// Own threshold: more than one corrected error an hour, kept up for the whole uptime.
const CORRECTED_PER_HOUR: f64 = 1.0;

/// One check a memory controller.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    const FOLDER: &str = "sys/devices/system/edac/mc";
    let hours = root.uptime_s().map(|seconds| seconds / 3600.0);
    let controllers: Vec<Check> = root
        .names(FOLDER)
        .into_iter()
        .filter(|name| name.starts_with("mc"))
        .map(|name| {
            let count = |file: &str| root.number(&format!("{FOLDER}/{name}/{file}"));
            match (count("ce_count"), count("ue_count")) {
                (Some(corrected), Some(uncorrected)) => judge(&name, corrected, uncorrected, hours),
                _ => Check::unknown(
                    NAME,
                    name,
                    "its counters cannot be read",
                    "read /sys/devices/system/edac/mc as root",
                ),
            }
        })
        .collect();
    if !controllers.is_empty() {
        return controllers;
    }
    let cpu = root.text("proc/cpuinfo").unwrap_or_default();
    let guest = cpu
        .lines()
        .find(|line| line.starts_with("flags"))
        .is_some_and(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    vec![if guest {
        Check::not_applicable(
            NAME,
            "host",
            "a virtual machine: the host below it sees the memory errors",
        )
    } else {
        Check::unknown(
            NAME,
            "host",
            "no EDAC driver is loaded, nobody counts memory errors",
            "load the EDAC driver of this platform (modprobe i10nm_edac, amd64_edac, …), or run on the host instead of in a container",
        )
    }]
}

fn judge(controller: &str, corrected: u64, uncorrected: u64, hours: Option<f64>) -> Check {
    let detail = format!("{uncorrected} uncorrected and {corrected} corrected errors");
    let check = Check::ok(NAME, controller, detail)
        .found(uncorrected, "uncorrected errors")
        .expected(0_u64);
    if uncorrected > 0 {
        let action =
            "drain the node; find the module with `ras-mc-ctl --error-count` and replace it";
        return check.but(Status::Critical, Severity::Triage, action);
    }
    // Without an uptime every corrected error is taken as one of the last hour.
    if corrected as f64 > CORRECTED_PER_HOUR * hours.unwrap_or(0.0).max(1.0) {
        let action = "watch whether it grows; find the module with `ras-mc-ctl --error-count`";
        return check
            .but(Status::Warning, Severity::Monitor, action)
            .found(corrected, "corrected errors");
    }
    check
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::Status;

    #[test]
    fn a_rare_corrected_error_is_no_fault_and_an_uncorrected_one_always() {
        assert_eq!(judge("mc0", 0, 0, Some(10.0)).status, Status::Ok);
        assert_eq!(judge("mc0", 10, 0, Some(10.0)).status, Status::Ok);
        assert_eq!(judge("mc0", 11, 0, Some(10.0)).status, Status::Warning);
        assert_eq!(judge("mc0", 2, 0, None).status, Status::Warning);
        assert_eq!(judge("mc0", 0, 1, Some(1e6)).status, Status::Critical);
    }
}
