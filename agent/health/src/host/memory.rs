//! Free host memory.

use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "host_memory";
/// Own thresholds: with less a data loader or a checkpoint is likely to be killed.
const LOW_PCT: f64 = 5.0;
const VERY_LOW_PCT: f64 = 1.0;

/// Looks at `/proc/meminfo`.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let text = root.text("proc/meminfo").unwrap_or_default();
    let bytes = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let (Some(total), Some(available)) = (bytes("MemTotal"), bytes("MemAvailable")) else {
        return vec![Check::unknown(
            NAME,
            "host",
            "/proc/meminfo tells neither total nor available memory",
            "mount /proc",
        )];
    };
    vec![judge(total, available)]
}

fn judge(total: u64, available: u64) -> Check {
    let free_pct = 100.0 * available as f64 / total.max(1) as f64;
    let detail = format!(
        "{:.1} of {:.1} GB available ({free_pct:.0} %)",
        available as f64 / 1e9,
        total as f64 / 1e9
    );
    let floor = (total as f64 * LOW_PCT / 100.0) as u64;
    let check = Check::ok(NAME, "host", detail).found(available, "bytes").expected(floor);
    let action = "find what holds the memory, for example a job that was not cleaned up: ps aux --sort -rss | head";
    if free_pct < VERY_LOW_PCT {
        check.but(Status::Critical, Severity::Triage, action)
    } else if free_pct < LOW_PCT {
        check.but(Status::Warning, Severity::Monitor, action)
    } else {
        check
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::Status;

    #[test]
    fn the_share_decides() {
        let of = |available| judge(1000, available).status;
        assert_eq!(
            [9, 10, 49, 50, 900].map(of),
            [Status::Critical, Status::Warning, Status::Warning, Status::Ok, Status::Ok]
        );
    }
}
