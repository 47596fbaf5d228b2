//! What a kernel log with XIDs leads to.

use std::fs;
use std::path::Path;

use super::judge;
use crate::host::kernel_log::{KernelLog, Message};
use crate::host::log_file;
use crate::xid::{Catalogue, Earlier};
use crate::{Check, Severity, Status};

fn log(lines: &[(u64, &str)]) -> KernelLog {
    let messages = lines
        .iter()
        .map(|&(second, text)| Message { at_us: second * 1_000_000, text: text.to_owned() });
    KernelLog { messages: messages.collect(), truncated: false }
}

fn checks(log: &KernelLog) -> Vec<Check> {
    after(log, "")
}

/// With what a log file has kept of earlier boots.
fn after(log: &KernelLog, kept: &str) -> Vec<Check> {
    let earlier = Earlier::in_lines(Some(&log_file::parse(kept)));
    judge(log, Catalogue::built_in(), Some(10_000.0), true, &earlier)
}

#[test]
fn each_gpu_and_number_is_told_once() {
    let found = checks(&log(&[
        (100, "Linux version 6"),
        (2800, "NVRM: Xid (PCI:0000:9b:00): 31, pid=7, name=python, MMU Fault"),
        (9970, "NVRM: Xid (PCI:0000:9b:00): 31, pid=8, name=python, MMU Fault"),
        (9990, "NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus."),
        (9991, "NVRM: Xid (PCI:0000:18:00): 3333, something new"),
        (9992, "NVRM: Xid (PCI:0000:1a:00): 63, Row Remapper: New row"),
    ]));
    insta::assert_json_snapshot!("xids", found);
}

#[test]
fn a_log_without_any_is_ok_only_as_far_as_it_reaches() {
    let whole = log(&[(100, "Linux version 6")]);
    assert_eq!(checks(&whole)[0].status, Status::Ok);
    let late = KernelLog { truncated: true, ..log(&[(9000, "audit: x")]) };
    assert_eq!(checks(&late)[0].status, Status::Unknown);
    let long = KernelLog { truncated: true, ..log(&[(1000, "audit: x")]) };
    assert_eq!(checks(&long)[0].status, Status::Ok);
    assert_eq!(checks(&KernelLog::default())[0].status, Status::Unknown);
    let without_driver =
        judge(&whole, Catalogue::built_in(), Some(10_000.0), false, &Earlier::default());
    assert!(!without_driver[0].counts());
}

#[test]
fn a_reset_ends_what_it_mends() {
    let before = [
        (100, "NVRM: Xid (PCI:0000:9b:00): 95, pid=7, Uncontained: LTC TAG"),
        (
            101,
            "NVRM: Xid (PCI:0000:9b:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)",
        ),
    ];
    let both = checks(&log(&before));
    assert!(both.iter().all(|check| check.status == Status::Critical), "{both:?}");
    let reset = (
        200,
        "NVRM: Xid (PCI:0000:9b:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)",
    );
    let after = checks(&log(&[before[0], before[1], reset]));
    assert!(after.iter().all(|check| check.status == Status::Ok), "{after:?}");
    assert_eq!(after[0].severity, Severity::Monitor);
    let again = (300, "NVRM: Xid (PCI:0000:9b:00): 95, pid=9, Uncontained: LTC TAG");
    let worse = checks(&log(&[before[0], before[1], reset, again]));
    assert_eq!(worse[0].status, Status::Critical);
}

/// A log of a machine with a real fault, where that material is there.
#[test]
fn a_real_log_is_judged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/data/health/gpud/dmesg-with-xid-119.log");
    let Ok(text) = fs::read_to_string(&path) else {
        return println!("skipped: {} is not there", path.display());
    };
    let lines: Vec<(u64, &str)> = text.lines().map(|line| (1, line)).collect();
    let found = checks(&log(&lines));
    let [check] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((check.status, check.severity), (Status::Critical, Severity::Reset));
    assert_eq!(check.target, "GPU 0000:9b:00");
    assert!(check.detail.starts_with("XID 119 GSP_RPC_TIMEOUT 5 times"), "{}", check.detail);
}

/// Boots of a kept log, each with these lines.
fn boots(lines: &[&str]) -> String {
    let boot = |(day, line): (usize, &&str)| {
        let day = day + 1;
        format!(
            "Aug {day:>2} 06:00:00 node kernel: [    0.000000] Linux version 6.8\nAug {day:>2} 07:00:00 node kernel: [ 3600.000000] {line}\n"
        )
    };
    lines.iter().enumerate().map(boot).collect()
}

const TIMEOUT: &str = "NVRM: Xid (PCI:0000:18:00): 119, Timeout waiting for RPC from GSP!";

#[test]
fn a_reboot_clears_what_was_before_it() {
    let now = log(&[(1, "Linux version 6")]);
    let found = after(&now, &boots(&[TIMEOUT, "quiet"]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[1].status, found[1].severity), (Status::Ok, Severity::Monitor));
    assert!(found[1].detail.contains("earlier boots"), "{}", found[1].detail);
    // What the running boot has written to the file is in the kernel's own log, too.
    assert_eq!(after(&now, &boots(&["quiet", TIMEOUT])).len(), 1);
}

#[test]
fn what_comes_back_after_reboots_wants_inspection() {
    let now = log(&[(9000, TIMEOUT)]);
    let severity = |kept: &[&str]| after(&now, &boots(kept))[0].severity;
    assert_eq!(severity(&["quiet", TIMEOUT]), Severity::Reset);
    assert_eq!(severity(&[TIMEOUT, TIMEOUT]), Severity::Reset);
    assert_eq!(severity(&[TIMEOUT, TIMEOUT, TIMEOUT]), Severity::Isolate);
    // Not now, but in three boots before.
    let quiet = log(&[(1, "Linux version 6")]);
    let kept = boots(&[TIMEOUT, TIMEOUT, TIMEOUT, "quiet"]);
    assert_eq!(after(&quiet, &kept)[1].status, Status::Warning);
}

#[test]
fn an_error_of_a_link_tells_what_it_is() {
    let found = checks(&log(&[(
        9000,
        "NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000)",
    )]));
    insta::assert_json_snapshot!("an_nvlink_error", found);
}
