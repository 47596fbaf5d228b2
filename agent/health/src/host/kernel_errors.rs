//! What else the kernel log says that somebody should look at: errors of processors, memory, PCI Express and disks, tasks
//! that hang, memory that ran out.

use super::kernel_log::{KEEP_MORE, KernelLog};
use crate::{Check, Severity, Status, span};

const NAME: &str = "kernel_errors";
const TARGET: &str = "kernel log";
const DAY_S: f64 = 86_400.0;

/// One kind of line.
struct Kind {
    /// For people.
    name: &'static str,
    /// In small letters; all of one of the lists are in the line.
    marks: &'static [&'static [&'static str]],
    /// None of these is.
    but: &'static [&'static str],
    /// Whether lines older than a day still matter.
    lasts: bool,
    status: Status,
    severity: Severity,
    action: &'static str,
}

const KINDS: [Kind; 11] = [
    Kind {
        name: "hardware errors that were not corrected",
        marks: &[
            &["[hardware error]", "uncorrected"],
            &["[hardware error]", "severity: fatal"],
            &["[hardware error]", "severity: recoverable"],
            &["[hardware error]", "machine check exception"],
        ],
        but: &[],
        lasts: true,
        status: Status::Critical,
        severity: Severity::Triage,
        action: "drain the node; find the part with `ras-mc-ctl --errors` or in the log of the BMC (ipmitool sel list)",
    },
    Kind {
        name: "corrected hardware errors",
        marks: &[&["[hardware error]", "corrected"]],
        but: &["uncorrected"],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Monitor,
        action: "watch whether they grow; find the part with `ras-mc-ctl --errors`",
    },
    Kind {
        name: "fatal PCI Express errors",
        marks: &[&["pcie bus error: severity=uncorrect", "(fatal)"]],
        but: &[],
        lasts: true,
        status: Status::Critical,
        severity: Severity::Triage,
        action: "drain the node; have the device that `dmesg` names and its slot inspected",
    },
    Kind {
        name: "uncorrected PCI Express errors",
        marks: &[&["pcie bus error: severity=uncorrect"]],
        but: &["(fatal)"],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Triage,
        action: "see in `dmesg` which device it is and whether it comes again; have its slot inspected then",
    },
    Kind {
        name: "lockups of a processor",
        marks: &[&["soft lockup"], &["hard lockup"]],
        but: &[],
        lasts: true,
        status: Status::Critical,
        severity: Severity::Reset,
        action: "drain the node and reboot it; see `dmesg` for what it did",
    },
    Kind {
        name: "tasks that hang",
        marks: &[&["task ", "blocked for more than"]],
        but: &[],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Triage,
        action: "see in `dmesg` what they wait for: a disk, a network file system, the GPU's driver",
    },
    Kind {
        name: "errors of disks",
        marks: &[
            &["i/o error, dev "],
            &["ext4-fs error"],
            &["xfs", "metadata i/o error"],
            &["remounting filesystem read-only"],
            &["nvme", "i/o", "timeout"],
        ],
        but: &[],
        lasts: true,
        status: Status::Warning,
        severity: Severity::Triage,
        action: "see which disk it is with `dmesg`; check it with smartctl or nvme smart-log",
    },
    Kind {
        name: "errors of network adapters",
        marks: &[&["mlx5_core", "health compromised"], &["port module event[error]"]],
        but: &[],
        lasts: true,
        status: Status::Warning,
        severity: Severity::Triage,
        action: "see which adapter it is with `dmesg`; check cable and transceiver with mlxlink",
    },
    Kind {
        name: "processors slowed down by heat",
        marks: &[&["temperature above threshold", "throttled"]],
        but: &[],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Triage,
        action: "have cooling of the processors inspected",
    },
    Kind {
        name: "processes killed for lack of memory",
        marks: &[&["out of memory: killed process"], &["oom-kill:"]],
        but: &[],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Monitor,
        action: "find which job used too much host memory: dmesg | grep -i 'killed process'",
    },
    Kind {
        name: "programs with another driver's libraries",
        marks: &[&["nvrm: api mismatch"]],
        but: &[],
        lasts: false,
        status: Status::Warning,
        severity: Severity::Config,
        action: "reboot after an update of the driver, or start containers anew",
    },
];

/// One check a kind that is in the log, or one for none. `now_s` is the time since the kernel's start.
pub(crate) fn judge(log: &KernelLog, now_s: Option<f64>) -> Vec<Check> {
    let mut seen = [const { Seen { count: 0, last_s: 0.0, text: String::new() } }; KINDS.len()];
    for message in &log.messages {
        let text = message.text.to_ascii_lowercase();
        let at_s = message.at_us as f64 / 1e6;
        let old = now_s.is_some_and(|now_s| now_s - at_s > DAY_S);
        let kind = KINDS.iter().position(|kind| kind.is_in(&text));
        if let Some(kind) = kind.filter(|kind| !old || KINDS[*kind].lasts) {
            let seen = &mut seen[kind];
            seen.count += 1;
            seen.last_s = at_s;
            seen.text.clone_from(&message.text);
        }
    }
    let found = KINDS.iter().zip(&seen).filter(|(_, seen)| seen.count > 0);
    let checks: Vec<Check> = found.map(|(kind, seen)| kind.check(seen, now_s)).collect();
    if !checks.is_empty() {
        return checks;
    }
    let count = log.messages.len();
    if count == 0 {
        let action = "read /dev/kmsg as root";
        return vec![Check::unknown(NAME, TARGET, "the kernel log is empty", action)];
    }
    if log.forgets(now_s) {
        let detail = format!("{count} messages, but the log keeps less than an hour");
        return vec![Check::unknown(NAME, TARGET, detail, KEEP_MORE)];
    }
    let detail = format!("no sign of {} kinds of errors in {count} messages", KINDS.len());
    vec![Check::ok(NAME, TARGET, detail).found(0_u64, "messages")]
}

/// The lines of one kind.
struct Seen {
    count: u64,
    last_s: f64,
    text: String,
}

impl Kind {
    fn is_in(&self, text: &str) -> bool {
        let all = |marks: &&&[&str]| marks.iter().all(|mark| text.contains(mark));
        self.marks.iter().any(|marks| all(&marks))
            && !self.but.iter().any(|mark| text.contains(mark))
    }

    fn check(&self, seen: &Seen, now_s: Option<f64>) -> Check {
        let when = now_s
            .map_or_else(String::new, |now_s| format!(", last {} ago", span(now_s - seen.last_s)));
        let detail = format!("{}: {} messages{when}: {}", self.name, seen.count, seen.text.trim());
        Check::ok(NAME, TARGET, detail).found(seen.count, "messages").expected(0_u64).but(
            self.status,
            self.severity,
            self.action,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::host::kernel_log::{KernelLog, Message};
    use crate::{Severity, Status};

    fn of(lines: &[(u64, &str)]) -> Vec<(Status, Severity)> {
        let messages = lines
            .iter()
            .map(|&(hour, text)| Message { at_us: hour * 3_600_000_000, text: text.to_owned() });
        let log = KernelLog { messages: messages.collect(), truncated: false };
        let checks = judge(&log, Some(100.0 * 3600.0));
        checks.iter().map(|check| (check.status, check.severity)).collect()
    }

    #[test]
    fn each_kind_of_line_is_known() {
        use Severity::{Config, Monitor, Reset, Triage};
        use Status::{Critical, Ok, Warning};
        for (line, expected) in [
            ("Linux version 6.8", (Ok, Severity::None)),
            ("{1}[Hardware Error]: event severity: recoverable", (Critical, Triage)),
            ("mce: [Hardware Error]: Machine check events logged, Uncorrected", (Critical, Triage)),
            ("{2}[Hardware Error]: event severity: corrected", (Warning, Monitor)),
            (
                "pcieport 0000:00:01.0: PCIe Bus Error: severity=Uncorrectable (Fatal)",
                (Critical, Triage),
            ),
            ("pcieport: PCIe Bus Error: severity=Uncorrectable (Non-Fatal)", (Warning, Triage)),
            ("pcieport 0000:00:01.0: PCIe Bus Error: severity=Corrected", (Ok, Severity::None)),
            ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s!", (Critical, Reset)),
            ("INFO: task python:4711 blocked for more than 120 seconds.", (Warning, Triage)),
            ("blk_update_request: I/O error, dev nvme0n1, sector 8", (Warning, Triage)),
            (
                "mlx5_core 0000:0c:00.0: device's health compromised - reached miss count",
                (Warning, Triage),
            ),
            ("CPU3: Core temperature above threshold, cpu clock throttled", (Warning, Triage)),
            ("Out of memory: Killed process 4711 (python)", (Warning, Monitor)),
            ("NVRM: API mismatch: the client has the version 550.54.15", (Warning, Config)),
        ] {
            assert_eq!(of(&[(99, line)]), [expected], "{line}");
        }
    }

    #[test]
    fn old_lines_matter_where_the_damage_lasts() {
        assert_eq!(of(&[(1, "Out of memory: Killed process 1 (a)")])[0].0, Status::Ok);
        assert_eq!(of(&[(1, "EXT4-fs error (device sda1)")])[0].0, Status::Warning);
        assert_eq!(of(&[])[0].0, Status::Unknown);
    }
}
