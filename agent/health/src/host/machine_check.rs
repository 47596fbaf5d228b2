//! Machine-check exceptions of the processors since the kernel started, from `/proc/interrupts`.

use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "machine_checks";

/// Counts the exceptions (`MCE`) of all CPUs together.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let Some(text) = root.text("proc/interrupts") else {
        return vec![Check::unknown(
            NAME,
            "host",
            "/proc/interrupts cannot be read",
            "mount /proc, or run as a user who may read it",
        )];
    };
    vec![match exceptions(&text) {
        Some(count) => judge(count),
        None => Check::not_applicable(NAME, "host", "this processor has no machine-check counter"),
    }]
}

fn judge(count: u64) -> Check {
    let detail = format!("{count} machine-check exceptions since the kernel started");
    let check = Check::ok(NAME, "host", detail).found(count, "exceptions").expected(0_u64);
    if count == 0 {
        return check;
    }
    let action = "drain the node; read what the processor reported with `ras-mc-ctl --errors` or `journalctl -k -g 'Hardware Error'`";
    check.but(Status::Critical, Severity::Triage, action)
}

/// The sum over the CPUs in the row `MCE`.
fn exceptions(text: &str) -> Option<u64> {
    let row = text.lines().find_map(|line| line.trim_start().strip_prefix("MCE:"))?;
    Some(row.split_ascii_whitespace().map_while(|count| count.parse::<u64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use super::exceptions;

    #[test]
    fn the_columns_of_all_cpus_are_added() {
        let text = "       CPU0 CPU1\n 8: 1 2 IO-APIC rtc0\nMCE:  1  2   Machine check exceptions\nMCP:  30 31   Machine check polls\n";
        assert_eq!(exceptions(text), Some(3));
        assert_eq!(exceptions("           CPU0\nIPI0: 12 Rescheduling interrupts"), None);
    }
}
