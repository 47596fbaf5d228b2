//! SXIDs: errors of switches of NVLink in the kernel log, `nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 …`.

use std::collections::BTreeMap;

use crate::host::kernel_log::{KEEP_MORE, KernelLog};
use crate::root::Root;
use crate::{Check, Severity, Status, span};

const NAME: &str = "sxid";

/// Switches on the PCI bus: bridges of NVIDIA's.
pub(crate) fn count(root: &Root) -> u64 {
    root.pci_devices("0x10de", "0x0680").len() as u64
}

/// One error.
struct Event<'log> {
    place: &'log str,
    code: u32,
    text: &'log str,
}

impl<'log> Event<'log> {
    fn of(text: &'log str) -> Option<Self> {
        let (_, rest) = text.split_once("SXid (")?;
        let (place, rest) = rest.split_once("): ")?;
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (code, text) = rest.split_at(digits);
        let text = text.trim_start_matches([',', ' ']);
        // Further lines of the same error.
        if text.starts_with("Severity") || text.starts_with("Data") {
            return None;
        }
        let place = place.strip_prefix("PCI:").unwrap_or(place);
        Some(Self { place, code: code.parse().ok()?, text })
    }

    /// What the driver says about it; `None` where it says neither.
    fn is_fatal(&self) -> Option<bool> {
        let text = self.text.to_ascii_lowercase();
        if text.contains("non-fatal") || text.contains("nonfatal") {
            Some(false)
        } else {
            text.contains("fatal").then_some(true)
        }
    }
}

/// One check for every switch and number, or one for a log without any.
pub(crate) fn judge(log: &KernelLog, now_s: Option<f64>, switches: u64) -> Vec<Check> {
    let mut seen: BTreeMap<(&str, u32), (u64, u64, Event<'_>)> = BTreeMap::new();
    for message in &log.messages {
        let Some(event) = Event::of(&message.text) else { continue };
        let key = (event.place, event.code);
        let count = seen.get(&key).map_or(0, |(count, ..)| *count);
        seen.insert(key, (count + 1, message.at_us, event));
    }
    if seen.is_empty() {
        return vec![if switches == 0 {
            Check::not_applicable(NAME, "host", "no NVSwitch on the PCI bus")
        } else if log.forgets(now_s) {
            let detail = "no error of a switch, but the kernel log keeps less than an hour";
            Check::unknown(NAME, "host", detail, KEEP_MORE)
        } else {
            let detail = format!("no error of {switches} NVSwitches in the kernel log");
            Check::ok(NAME, "host", detail).found(0_u64, "SXIDs")
        }];
    }
    let judged = seen.into_values().map(|(count, at_us, event)| {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let when = now_s.map_or_else(String::new, |now_s| {
            format!(", last {} ago", span(now_s - at_us as f64 / 1e6))
        });
        let detail = format!("SXID {} {times}{when}: {}", event.code, event.text);
        let check = Check::ok(NAME, format!("NVSwitch {}", event.place), detail)
            .found(u64::from(event.code), "SXID");
        match event.is_fatal() {
            Some(true) => check.but(
                Status::Critical,
                Severity::Reset,
                "drain the node; stop nvidia-fabricmanager, reset all GPUs and switches together (nvidia-smi -r), start it again; have the baseboard inspected if it comes back",
            ),
            Some(false) => check.but(
                Status::Warning,
                Severity::Monitor,
                "watch whether it repeats; look for an XID of the GPU at the same link",
            ),
            None => check.but(
                Status::Warning,
                Severity::Triage,
                "look the number up in NVIDIA's Fabric Manager User Guide; collect nvidia-bug-report.sh",
            ),
        }
    });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::host::kernel_log::{KernelLog, Message};
    use crate::{Severity, Status};

    fn of(lines: &[&str], switches: u64) -> Vec<(String, Status, Severity)> {
        let messages = lines.iter().map(|text| Message { at_us: 1, text: (*text).to_owned() });
        let log = KernelLog { messages: messages.collect(), truncated: false };
        let checks = judge(&log, Some(10.0), switches);
        checks.into_iter().map(|check| (check.target, check.status, check.severity)).collect()
    }

    #[test]
    fn fatal_errors_of_switches_are_told_from_others() {
        let found = of(
            &[
                "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error (First)",
                "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Severity 0 Engine instance 32 Sub-engine instance 00",
                "nvidia-nvswitch0: SXid (PCI:0000:85:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
                "nvidia-nvswitch0: SXid (PCI:0000:85:00.0): 99999, something new",
            ],
            4,
        );
        let switch = |place: &str| format!("NVSwitch {place}");
        assert_eq!(
            found,
            [
                (switch("0000:05:00.0"), Status::Warning, Severity::Monitor),
                (switch("0000:85:00.0"), Status::Critical, Severity::Reset),
                (switch("0000:85:00.0"), Status::Warning, Severity::Triage),
            ]
        );
    }

    #[test]
    fn a_node_without_switches_has_none_to_check() {
        assert_eq!(of(&[], 0)[0].1, Status::Unknown);
        assert_eq!(of(&[], 4)[0].1, Status::Ok);
    }
}
