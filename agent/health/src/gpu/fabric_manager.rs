//! The daemon that sets up switches of NVLink: whether it runs, and what its log says.

use crate::root::Root;
use crate::xid::switch;
use crate::{Check, Severity, Status};

const NAME: &str = "fabric_manager";
const TARGET: &str = "host";
/// As the kernel cuts the name `nv-fabricmanager`.
const PROCESS: &str = "nv-fabricmanage";
const LOG: &str = "var/log/fabricmanager.log";
const LOG_BYTES: u64 = 4 << 20;
const DAY_S: f64 = 86_400.0;

/// Only where there are switches.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let switches = switch::count(root);
    if switches == 0 {
        return vec![Check::not_applicable(NAME, TARGET, "no NVSwitch on the PCI bus")];
    }
    let runs = root
        .processes()
        .iter()
        .any(|pid| root.text(&format!("proc/{pid}/comm")).as_deref() == Some(PROCESS));
    let log = root.tail(LOG, LOG_BYTES);
    vec![judge(switches, runs, root.sees_all_processes(), log.as_deref())]
}

fn judge(switches: u64, runs: bool, sees_all: bool, log: Option<&str>) -> Check {
    let errors = log.map(Errors::of_last_day).unwrap_or_default();
    let told = match (&errors.last, log) {
        (Some(last), _) => format!("; {} errors in a day, last: {last}", errors.count),
        (None, Some(_)) => "; no error in its log".to_owned(),
        (None, None) => "; its log cannot be read".to_owned(),
    };
    if !runs && !sees_all {
        return Check::unknown(
            NAME,
            TARGET,
            format!("{switches} NVSwitches; processes of the host cannot be seen from here{told}"),
            "run on the host, or with the host's processes: docker run --pid=host, hostPID: true",
        );
    }
    if !runs {
        return Check::ok(
            NAME,
            TARGET,
            format!("{switches} NVSwitches, but it does not run{told}"),
        )
        .but(
            Status::Critical,
            Severity::Config,
            "systemctl enable --now nvidia-fabricmanager, in the driver's own version",
        );
    }
    let check = Check::ok(NAME, TARGET, format!("runs for {switches} NVSwitches{told}"))
        .found(errors.count, "errors")
        .expected(0_u64);
    if errors.fatal {
        return check.but(
            Status::Critical,
            Severity::Reset,
            "drain the node; restart nvidia-fabricmanager and reset all GPUs (nvidia-smi -r); see /var/log/fabricmanager.log",
        );
    }
    if errors.count > 0 {
        return check.but(
            Status::Warning,
            Severity::Monitor,
            "see /var/log/fabricmanager.log and the check sxid",
        );
    }
    check
}

/// What the log calls an error, within a day of its last line.
#[derive(Debug, Default)]
struct Errors {
    count: u64,
    fatal: bool,
    last: Option<String>,
}

impl Errors {
    fn of_last_day(log: &str) -> Self {
        let lines: Vec<_> = log.lines().filter_map(line).collect();
        let newest = lines.iter().map(|(at_s, ..)| *at_s).fold(f64::NEG_INFINITY, f64::max);
        let mut errors = Self::default();
        for (at_s, level, text) in lines {
            if newest - at_s > DAY_S || !["ERROR", "CRITICAL"].contains(&level) {
                continue;
            }
            errors.count += 1;
            errors.fatal |= text.contains("fatal") && !text.contains("non-fatal");
            errors.last = Some(text.to_owned());
        }
        errors
    }
}

/// Time, level and text of `[Feb 27 2025 15:10:02] [ERROR] [tid 12727] detected NVSwitch …`.
fn line(line: &str) -> Option<(f64, &str, &str)> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once("] [")?;
    let (level, rest) = rest.split_once("] [")?;
    let (_thread, text) = rest.split_once("] ")?;
    let (date, time) = stamp.rsplit_once(' ')?;
    let (day, year) = date.rsplit_once(' ')?;
    let year: f64 = year.parse().ok()?;
    let within = crate::host::log_file::without_year(&format!("{day} {time}"))?;
    Some((year * 366.0 * DAY_S + within, level, text))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::judge;
    use crate::{Severity, Status};

    fn of(runs: bool, sees_all: bool, log: Option<&str>) -> (Status, Severity) {
        let check = judge(4, runs, sees_all, log);
        (check.status, check.severity)
    }

    #[test]
    fn it_has_to_run_where_there_are_switches() {
        assert_eq!(of(true, true, None), (Status::Ok, Severity::None));
        assert_eq!(of(false, true, None), (Status::Critical, Severity::Config));
        assert_eq!(of(false, false, None), (Status::Unknown, Severity::Config));
    }

    #[test]
    fn errors_of_the_last_day_count() {
        let info = "[Feb 27 2025 15:10:02] [INFO] [tid 1] multicast group 0 is freed.\n";
        assert_eq!(of(true, true, Some(info)).0, Status::Ok);
        let fatal = "[Feb 27 2025 14:10:02] [ERROR] [tid 1] detected NVSwitch fatal error 20034\n";
        assert_eq!(
            of(true, true, Some(&format!("{fatal}{info}"))),
            (Status::Critical, Severity::Reset)
        );
        let old = fatal.replace("27", "25");
        assert_eq!(of(true, true, Some(&format!("{old}{info}"))).0, Status::Ok);
        assert_eq!(of(true, true, Some("[] [] [] \n[Feb\n\u{0}[a] [b] [c] d")).0, Status::Ok);
    }

    /// The log of a real machine, where that material is there.
    #[test]
    fn a_real_log_is_judged() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let path = root.join("../shared/data/health/gpud/fabricmanager.log");
        let Ok(log) = fs::read_to_string(&path) else {
            return println!("skipped: {} is not there", path.display());
        };
        let check = judge(4, true, true, Some(&log));
        assert_eq!((check.status, check.severity), (Status::Warning, Severity::Monitor));
        assert!(check.detail.contains("non-fatal error 12028"), "{}", check.detail);
    }
}
