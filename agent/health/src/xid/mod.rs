//! XIDs: the driver's error numbers, what NVIDIA says about each, and those in the kernel log.

mod catalogue;
mod event;
mod recovery;

use std::collections::BTreeMap;

pub use catalogue::{Catalogue, Xid};
pub(crate) use recovery::RecoveryAction;

use crate::host::kernel_log::KernelLog;
use crate::root::Root;
use crate::{Check, Severity, Status};
use event::Event;

const NAME: &str = "xid";
/// With less of the log left, "no XID in it" says too little.
const LEAST_MEMORY_S: f64 = 3600.0;
/// The number by which the driver tells what has to be done to recover a GPU.
const RECOVERY_CHANGED: u32 = 154;

/// The XIDs in the kernel log.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    match KernelLog::read(root) {
        Ok(log) => {
            let driver = root.exists("proc/driver/nvidia/version");
            judge(&log, Catalogue::built_in(), root.uptime_s(), driver)
        }
        Err(error) => vec![Check::unknown(
            NAME,
            "kernel log",
            format!("/dev/kmsg cannot be read: {error}"),
            "run as root or with CAP_SYSLOG, also in a container: --cap-add SYSLOG",
        )],
    }
}

/// One check for every GPU and number, or one for a log without any. `now_s` is the time since the kernel's start.
fn judge(log: &KernelLog, catalogue: &Catalogue, now_s: Option<f64>, driver: bool) -> Vec<Check> {
    let mut seen: BTreeMap<(String, u32), Vec<Event>> = BTreeMap::new();
    for event in log.messages.iter().filter_map(Event::of) {
        seen.entry((event.pci.clone(), event.code)).or_default().push(event);
    }
    if seen.is_empty() {
        return vec![without_any(log, now_s, driver)];
    }
    // The driver withdraws its demand for recovery once the GPU has been reset.
    let recovered: BTreeMap<String, u64> = seen
        .iter()
        .filter(|((_, code), _)| *code == RECOVERY_CHANGED)
        .filter_map(|((pci, _), events)| {
            let last = events.last()?;
            (RecoveryAction::of_line(&last.text) == Some(RecoveryAction::None))
                .then(|| (pci.clone(), last.at_us))
        })
        .collect();
    seen.iter()
        .filter_map(|((pci, code), events)| {
            let last = events.last()?;
            let recovered = recovered.get(pci).is_some_and(|at_us| *at_us >= last.at_us);
            Some(judge_one(catalogue, *code, last, events.len(), now_s, recovered))
        })
        .collect()
}

fn without_any(log: &KernelLog, now_s: Option<f64>, driver: bool) -> Check {
    const TARGET: &str = "kernel log";
    let count = log.messages.len();
    let Some(first) = log.messages.first() else {
        return Check::unknown(NAME, TARGET, "the kernel log is empty", "read /dev/kmsg as root");
    };
    if !driver {
        return Check::not_applicable(
            NAME,
            TARGET,
            format!("no XID in {count} messages; no NVIDIA driver that could report one"),
        );
    }
    let kept_s = now_s.map(|now_s| now_s - first.at_us as f64 / 1e6);
    if log.truncated && kept_s.is_none_or(|kept_s| kept_s < LEAST_MEMORY_S) {
        return Check::unknown(
            NAME,
            TARGET,
            format!("no XID in {count} messages, but the log keeps less than an hour"),
            "boot with a larger log (log_buf_len=16M), or find what floods it with `dmesg`",
        );
    }
    let reach = match kept_s {
        Some(kept_s) if log.truncated => format!("of the last {}", ago(kept_s)),
        _ => "since the boot".to_owned(),
    };
    Check::ok(NAME, TARGET, format!("no XID in {count} messages {reach}")).found(0_u64, "XIDs")
}

fn judge_one(
    catalogue: &Catalogue,
    code: u32,
    last: &Event,
    count: usize,
    now_s: Option<f64>,
    recovered: bool,
) -> Check {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let when = match now_s {
        Some(now_s) => format!("{} ago", ago(now_s - last.at_us as f64 / 1e6)),
        None => format!("{} after the boot", ago(last.at_us as f64 / 1e6)),
    };
    let xid = catalogue.find(code);
    let (name, meaning) = match xid {
        Some(xid) => (format!(" {}", xid.name), format!(": {}", xid.meaning)),
        None => {
            (String::new(), format!(": unknown to NVIDIA's catalogue of {}", catalogue.edition))
        }
    };
    let detail = format!("XID {code}{name} {times}, last {when}{meaning}");
    let check = Check::ok(NAME, format!("GPU {}", last.pci), detail).found(u64::from(code), "XID");
    if code == RECOVERY_CHANGED
        && let Some(action) = RecoveryAction::of_line(&last.text)
    {
        return action.apply(check);
    }
    let policy = catalogue.policy(code, &last.text);
    if recovered && policy.severity == Severity::Reset {
        let detail =
            format!("{}; the driver has since withdrawn its demand for recovery", check.detail);
        return Check { severity: Severity::Monitor, detail, ..check };
    }
    match policy.status {
        Status::Ok => Check { severity: policy.severity, ..check },
        status => check.but(status, policy.severity, policy.action.as_str()),
    }
}

/// `3.2 h`.
fn ago(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests;
