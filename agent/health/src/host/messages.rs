//! The checks that rest on the kernel log, which is read once for all of them.

use super::kernel_errors;
use super::kernel_log::KernelLog;
use super::log_file;
use crate::network::flaps;
use crate::root::Root;
use crate::{Check, xid};

const PERMIT: &str = "run as root or with CAP_SYSLOG, also in a container: --cap-add SYSLOG";

/// XIDs, SXIDs, other errors, links that come and go.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let kept = log_file::read(root, &["var/log/kern.log", "var/log/messages", "var/log/syslog"]);
    let general = log_file::read(root, &["var/log/syslog", "var/log/messages"]);
    let now_s = root.uptime_s();
    let log = match KernelLog::read(root) {
        Ok(log) => log,
        Err(error) => return unreadable(root, &error),
    };
    let driver = root.exists("proc/driver/nvidia/version");
    let earlier = xid::Earlier::in_lines(kept.as_deref());
    let mut checks = xid::judge(&log, xid::Catalogue::built_in(), now_s, driver, &earlier);
    checks.extend(xid::switch::judge(&log, now_s, xid::switch::count(root)));
    checks.extend(kernel_errors::judge(&log, now_s));
    checks.extend(flaps::judge(root, &log, now_s, general.as_deref()));
    checks
}

fn unreadable(root: &Root, error: &std::io::Error) -> Vec<Check> {
    let mut names = vec!["xid", "kernel_errors", "link_flaps"];
    if xid::switch::count(root) > 0 {
        names.push("sxid");
    }
    let said = format!("/dev/kmsg cannot be read: {error}");
    names.into_iter().map(|name| Check::unknown(name, "kernel log", &*said, PERMIT)).collect()
}
