//! Links that come and go: losses of a link within a day, in the kernel log and in what the network's daemon writes.

use std::collections::BTreeMap;

use crate::host::kernel_log::KernelLog;
use crate::host::log_file::Line;
use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "link_flaps";
const DAY_S: f64 = 86_400.0;
/// More than this a day is reported; the threshold of Azure's node health checks.
const LOSSES_A_DAY: u64 = 5;

/// One check an interface that lost its link, or one for none. `now_s` is the time since the kernel's start.
pub(crate) fn judge(
    root: &Root,
    log: &KernelLog,
    now_s: Option<f64>,
    general: Option<&[Line]>,
) -> Vec<Check> {
    let of_kernel = log
        .messages
        .iter()
        .filter(|message| now_s.is_none_or(|now_s| now_s - message.at_us as f64 / 1e6 <= DAY_S))
        .filter_map(|message| kernel_interface(&message.text));
    let mut losses = count(of_kernel);
    let lines = general.unwrap_or_default();
    // The file's own last line says when it is: its clock has neither year nor zone.
    let newest_s = lines.iter().map(|line| line.at_s).fold(f64::NEG_INFINITY, f64::max);
    let of_daemon = lines
        .iter()
        .filter(|line| newest_s - line.at_s <= DAY_S)
        .filter_map(|line| daemon_interface(&line.text));
    // Both tell of the same losses.
    for (interface, count) in count(of_daemon) {
        let most = losses.entry(interface).or_default();
        *most = count.max(*most);
    }
    losses.retain(|interface, _| has_hardware(root, interface));
    if losses.is_empty() {
        let source = if general.is_some() { "kernel log and syslog" } else { "kernel log" };
        let detail = format!("no link was lost within a day ({source})");
        return vec![Check::ok(NAME, "host", detail).found(0_u64, "losses")];
    }
    losses.into_iter().map(|(interface, count)| judge_one(&interface, count)).collect()
}

fn judge_one(interface: &str, count: u64) -> Check {
    let detail = format!("lost its link {count} times within a day");
    let check = Check::ok(NAME, interface, detail).found(count, "losses").expected(LOSSES_A_DAY);
    if count > LOSSES_A_DAY {
        return check.but(
            Status::Critical,
            Severity::Triage,
            "drain the node; clean or replace cable and transceiver, check the switch port",
        );
    }
    check
}

fn count<'line>(interfaces: impl Iterator<Item = &'line str>) -> BTreeMap<String, u64> {
    let mut losses = BTreeMap::new();
    for interface in interfaces {
        *losses.entry(interface.to_owned()).or_default() += 1;
    }
    losses
}

/// `mlx5_core 0000:0c:00.0 eth0: Link down`, `bnxt_en 0000:3b:00.0 eth0: NIC Link is Down`.
fn kernel_interface(text: &str) -> Option<&str> {
    let (before, after) = text.rsplit_once(": ")?;
    let after = after.trim_end().to_ascii_lowercase();
    let lost = ["link down", "link is down", "nic link is down"].contains(&after.as_str());
    let name = before.split_ascii_whitespace().next_back()?;
    lost.then_some(name)
}

/// `systemd-networkd[5398]: ib6: lost carrier`; others say it with capitals.
fn daemon_interface(text: &str) -> Option<&str> {
    let (before, after) = text.rsplit_once(": ")?;
    let lost = after.trim_end().eq_ignore_ascii_case("lost carrier");
    let name = before.rsplit_once(": ").map_or(before, |(_, name)| name);
    lost.then_some(name.trim())
}

/// Interfaces of containers lose their link whenever one ends.
fn has_hardware(root: &Root, interface: &str) -> bool {
    let folder = format!("sys/class/net/{interface}");
    if interface.contains('/') {
        return false;
    }
    if root.exists(&folder) {
        return root.exists(&format!("{folder}/device"));
    }
    ["ib", "en", "eth"].iter().any(|start| interface.starts_with(start))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::judge;
    use crate::host::kernel_log::{KernelLog, Message};
    use crate::host::log_file;
    use crate::root::Root;
    use crate::{Check, Status};

    fn of(kernel: &[&str], general: Option<&str>) -> Vec<Check> {
        let messages = kernel.iter().map(|text| Message { at_us: 1, text: (*text).to_owned() });
        let log = KernelLog { messages: messages.collect(), truncated: false };
        let lines = general.map(log_file::parse);
        judge(&Root::new("/nowhere"), &log, Some(100.0), lines.as_deref())
    }

    #[test]
    fn losses_are_counted_by_interface() {
        let down = "mlx5_core 0000:0c:00.0 eth0: Link down";
        assert_eq!(of(&[], None)[0].status, Status::Ok);
        let few =
            of(&[down, "bnxt_en 0000:3b:00.0 eth1: NIC Link is Down", "veth12: Link down"], None);
        assert_eq!(few.len(), 2, "{few:?}");
        assert!(few.iter().all(|check| check.status == Status::Ok));
        let many = of(&[down; 6], None);
        assert_eq!((many[0].target.as_str(), many[0].status), ("eth0", Status::Critical));
    }

    #[test]
    fn losses_of_long_ago_are_over() {
        let old = "Aug 15 06:18:01 node systemd-networkd[1]: ib6: lost carrier\n".repeat(9);
        let found = of(&[], Some(&format!("{old}Aug 17 06:18:01 node x: y\n")));
        assert_eq!(found[0].target, "host", "{found:?}");
    }

    /// Logs of another project's tests, where that material is there.
    #[test]
    fn real_syslogs_are_judged() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/health/azure_nhc");
        let Ok(flaps) = fs::read_to_string(root.join("1dev_6flap_syslog")) else {
            return println!("skipped: {} is not there", root.display());
        };
        let found = of(&[], Some(&flaps));
        let [check] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((check.target.as_str(), check.status), ("ib6", Status::Critical));
        let none = fs::read_to_string(root.join("0flap_syslog")).unwrap();
        assert_eq!(of(&[], Some(&none))[0].status, Status::Ok);
    }
}
