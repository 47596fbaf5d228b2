//! InfiniBand and RoCE ports, from `/sys/class/infiniband`.

use crate::root::Root;
use crate::{Check, Severity, Status};

const LINK: &str = "infiniband_link";
const ERRORS: &str = "infiniband_errors";
const FOLDER: &str = "sys/class/infiniband";

/// Counters since they were last cleared, with the most that is usual: the default thresholds of the error report
/// of infiniband-diags (`ibqueryerrors`).
const COUNTERS: [(&str, u64); 6] = [
    ("symbol_error", 10),
    ("link_error_recovery", 10),
    ("link_downed", 10),
    ("port_rcv_errors", 10),
    ("local_link_integrity_errors", 10),
    ("excessive_buffer_overrun_errors", 10),
];

/// Link and errors of every port.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let mut checks = Vec::new();
    for device in root.names(FOLDER) {
        for port in root.names(&format!("{FOLDER}/{device}/ports")) {
            let folder = format!("{FOLDER}/{device}/ports/{port}");
            let target = format!("{device}/{port}");
            let text = |file: &str| root.text(&format!("{folder}/{file}"));
            checks.push(match text("state") {
                Some(state) => {
                    judge_link(&target, &state, text("phys_state").as_deref(), text("rate"))
                }
                None => Check::unknown(
                    LINK,
                    target.as_str(),
                    "its state cannot be read",
                    format!("read /{folder}/state as root"),
                ),
            });
            let counters: Vec<_> = COUNTERS
                .iter()
                .filter_map(|&(name, most)| {
                    Some((name, most, root.number(&format!("{folder}/counters/{name}"))?))
                })
                .collect();
            checks.push(judge_errors(&target, &counters));
        }
    }
    if checks.is_empty() {
        checks.push(Check::not_applicable(LINK, "host", "no InfiniBand or RoCE device"));
    }
    checks
}

/// `state` is such as `4: ACTIVE`, `physical` such as `5: LinkUp`, `rate` such as `400 Gb/sec (4X NDR)`.
fn judge_link(target: &str, state: &str, physical: Option<&str>, rate: Option<String>) -> Check {
    let name = |text: &str| text.split_once(": ").map_or(text, |(_, name)| name).to_owned();
    let physical = physical.map_or_else(|| "unknown".to_owned(), name);
    let state = name(state);
    let rate = rate.unwrap_or_else(|| "unknown rate".to_owned());
    let detail = format!("{state}, physically {physical}, {rate}");
    if physical == "Disabled" {
        return Check::not_applicable(LINK, target, format!("{detail}: switched off"));
    }
    let check = Check::ok(LINK, target, detail).found(state.as_str(), None).expected("ACTIVE");
    match state.as_str() {
        "ACTIVE" => check,
        "INIT" | "ARMED" => check.but(
            Status::Warning,
            Severity::Config,
            "the link is up but not configured: look for the subnet manager with `sminfo`",
        ),
        _ => check.but(
            Status::Warning,
            Severity::Triage,
            "check cable and switch port; switch an unused port off so that it is not reported",
        ),
    }
}

fn judge_errors(target: &str, counters: &[(&str, u64, u64)]) -> Check {
    if counters.is_empty() {
        return Check::unknown(
            ERRORS,
            target,
            "its error counters cannot be read",
            "run where /sys/class/infiniband shows the counters: on the host, or as root",
        );
    }
    let told: Vec<String> =
        counters.iter().map(|(name, _, count)| format!("{name} {count}")).collect();
    let over: Vec<_> = counters.iter().filter(|(_, most, count)| count > most).collect();
    let check = Check::ok(ERRORS, target, told.join(", "));
    let worst = over.iter().max_by_key(|(_, _, count)| count);
    match worst {
        None => {
            let sum: u64 = counters.iter().fold(0, |sum, (_, _, count)| sum.saturating_add(*count));
            check.found(sum, "errors")
        }
        Some((_, most, count)) => check.found(*count, "errors").expected(*most).but(
            Status::Warning,
            Severity::Triage,
            "see whether it grows: perfquery -x twice; clean or replace cable and transceiver",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge_errors, judge_link};
    use crate::{Severity, Status};

    #[test]
    fn a_port_that_is_not_active_is_told_unless_it_is_switched_off() {
        let of = |state, physical| judge_link("mlx5_0/1", state, Some(physical), None);
        assert_eq!(of("4: ACTIVE", "5: LinkUp").status, Status::Ok);
        assert_eq!(of("2: INIT", "5: LinkUp").severity, Severity::Config);
        assert_eq!(of("1: DOWN", "2: Polling").status, Status::Warning);
        let off = of("1: DOWN", "3: Disabled");
        assert_eq!((off.status, off.counts()), (Status::Unknown, false));
    }

    #[test]
    fn a_few_errors_are_usual() {
        assert_eq!(judge_errors("p", &[("symbol_error", 10, 10)]).status, Status::Ok);
        assert_eq!(judge_errors("p", &[("symbol_error", 10, 11)]).status, Status::Warning);
        assert_eq!(judge_errors("p", &[]).status, Status::Unknown);
    }
}
