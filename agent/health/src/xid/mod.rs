//! XIDs: the driver's error numbers, what NVIDIA says about each, and those in the kernel log.

mod catalogue;
mod earlier;
mod event;
mod nvlink;
mod recovery;
pub(crate) mod switch;
mod tail;

use std::collections::BTreeMap;

pub use catalogue::{Catalogue, Xid};
pub(crate) use earlier::Earlier;
pub(crate) use recovery::RecoveryAction;
pub use tail::{XidEvent, XidTail};

use crate::host::kernel_log::{KEEP_MORE, KernelLog};
use crate::{Check, Severity, Status, span};
use event::Event;

const NAME: &str = "xid";
/// The number by which the driver tells what has to be done to recover a GPU.
const RECOVERY_CHANGED: u32 = 154;

/// Earlier boots with the same XID after which a further reboot is not expected to help.
const REBOOTS_IN_VAIN: usize = 2;

/// XIDs that NVML told while the examination lasted, but for those that `checks` of the kernel log have.
pub(crate) fn live(xids: &[(u32, u64)], checks: &[Check]) -> Vec<Check> {
    let catalogue = Catalogue::built_in();
    let mut found: BTreeMap<(u32, u64), usize> = BTreeMap::new();
    for xid in xids {
        *found.entry(*xid).or_default() += 1;
    }
    let is_new = |target: &str, code: u64| {
        let same = |check: &&Check| {
            check.name == NAME && check.target == target && check.value == Some(code.into())
        };
        !checks.iter().any(|check| same(&check))
    };
    let judged = found.into_iter().filter_map(|((index, code), count)| {
        let target = format!("GPU {index}");
        is_new(&target, code).then(|| {
            let number = u32::try_from(code).unwrap_or(u32::MAX);
            let detail = told(catalogue, number, count, "told by NVML just now");
            let check = Check::ok(NAME, target, detail).found(code, "XID");
            apply(check, catalogue.policy(number, ""))
        })
    });
    judged.collect()
}

/// One check for every GPU and number, or one for a log without any. `now_s` is the time since the kernel's start.
pub(crate) fn judge(
    log: &KernelLog,
    catalogue: &Catalogue,
    now_s: Option<f64>,
    driver: bool,
    earlier: &Earlier,
) -> Vec<Check> {
    let mut seen: BTreeMap<(String, u32), Vec<Event>> = BTreeMap::new();
    for event in log.messages.iter().filter_map(Event::of) {
        seen.entry((event.pci.clone(), event.code)).or_default().push(event);
    }
    let cleared = cleared(catalogue, earlier, &seen);
    if seen.is_empty() {
        let mut checks = vec![without_any(log, now_s, driver)];
        checks.extend(cleared);
        return checks;
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
    let judged = seen.iter().filter_map(|((pci, code), events)| {
        let last = events.last()?;
        let recovered = recovered.get(pci).is_some_and(|at_us| *at_us >= last.at_us);
        let check = judge_one(catalogue, *code, last, events.len(), now_s, recovered);
        Some(again(check, earlier.boots(pci, *code)))
    });
    judged.chain(cleared).collect()
}

/// What a reset or reboot was to mend, and what has come back after several, is not mended by one more.
fn again(check: Check, boots: usize) -> Check {
    if boots == 0 || check.status != Status::Critical {
        return check;
    }
    let detail = format!("{}; also in {boots} earlier boots", check.detail);
    let check = Check { detail, ..check };
    if boots < REBOOTS_IN_VAIN || check.severity != Severity::Reset {
        return check;
    }
    let action = format!(
        "it came back after {boots} reboots: drain the node, run NVIDIA's field diagnostic, have the GPU inspected"
    );
    check.but(Status::Critical, Severity::Isolate, action)
}

/// Serious XIDs of earlier boots that have not come since.
fn cleared(
    catalogue: &Catalogue,
    earlier: &Earlier,
    seen: &BTreeMap<(String, u32), Vec<Event>>,
) -> Vec<Check> {
    let judged = earlier.all().filter_map(|(pci, code, boots)| {
        let serious = catalogue.policy(code, "").status == Status::Critical;
        if !serious || seen.contains_key(&(pci.to_owned(), code)) {
            return None;
        }
        let when = format!("in {boots} earlier boots, not since the last one");
        let detail = told(catalogue, code, boots, &when);
        let check = Check::ok(NAME, format!("GPU {pci}"), detail).found(u64::from(code), "XID");
        Some(if boots > REBOOTS_IN_VAIN {
            let action = "it comes back after reboots: have the GPU inspected at the next drain";
            check.but(Status::Warning, Severity::Triage, action)
        } else {
            Check { severity: Severity::Monitor, ..check }
        })
    });
    judged.collect()
}

/// `XID 79 NAME once, last 3 min ago: what it means`.
fn told(catalogue: &Catalogue, code: u32, count: usize, when: &str) -> String {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let (name, meaning) = match catalogue.find(code) {
        Some(xid) => (format!(" {}", xid.name), xid.meaning.clone()),
        None => (String::new(), format!("unknown to NVIDIA's catalogue of {}", catalogue.edition)),
    };
    format!("XID {code}{name} {times}, {when}: {meaning}")
}

/// Gives `check` what a policy says.
fn apply(check: Check, policy: &catalogue::Policy) -> Check {
    match policy.status {
        Status::Ok => Check { severity: policy.severity, ..check },
        status => check.but(status, policy.severity, policy.action.as_str()),
    }
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
    if log.forgets(now_s) {
        return Check::unknown(
            NAME,
            TARGET,
            format!("no XID in {count} messages, but the log keeps less than an hour"),
            KEEP_MORE,
        );
    }
    let reach = match kept_s {
        Some(kept_s) if log.truncated => format!("of the last {}", span(kept_s)),
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
    let when = match now_s {
        Some(now_s) => format!("last {} ago", span(now_s - last.at_us as f64 / 1e6)),
        None => format!("last {} after the boot", span(last.at_us as f64 / 1e6)),
    };
    let row = catalogue.nvlink_row(code, &last.text);
    let told = told(catalogue, code, count, &when);
    let detail = row.map_or_else(|| told.clone(), |row| format!("{told}; {}", row.words()));
    let check = Check::ok(NAME, format!("GPU {}", last.pci), detail).found(u64::from(code), "XID");
    if code == RECOVERY_CHANGED
        && let Some(action) = RecoveryAction::of_line(&last.text)
    {
        return action.apply(check);
    }
    let of_row = row.map(nvlink::Row::policy);
    let policy = of_row.as_ref().unwrap_or_else(|| catalogue.policy(code, &last.text));
    if recovered && policy.severity == Severity::Reset {
        let detail =
            format!("{}; the driver has since withdrawn its demand for recovery", check.detail);
        return Check { severity: Severity::Monitor, detail, ..check };
    }
    apply(check, policy)
}

#[cfg(test)]
mod tests;
