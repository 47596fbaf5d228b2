//! Ethernet ports with hardware behind them, from `/sys/class/net`.

use crate::root::Root;
use crate::{Check, Severity, Status};

const LINK: &str = "ethernet_link";
const ERRORS: &str = "ethernet_errors";
const FOLDER: &str = "sys/class/net";
/// `ARPHRD_ETHER`.
const ETHERNET: u64 = 1;
/// `IFF_UP`: somebody wants it to be used.
const WANTED: u64 = 1;
/// Own threshold: errors among packets; a clean link has about none.
const ERRORS_PER_MILLION: f64 = 1.0;
/// Losses of the link a day; Azure's node health checks alarm above the same number.
const LOSSES_A_DAY: f64 = 5.0;

/// Link and errors of every port.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let days = root.uptime_s().map_or(1.0, |seconds| (seconds / 86_400.0).max(1.0));
    let mut checks = Vec::new();
    for name in root.names(FOLDER) {
        let folder = format!("{FOLDER}/{name}");
        let number = |file: &str| root.number(&format!("{folder}/{file}"));
        if !root.exists(&format!("{folder}/device")) || number("type") != Some(ETHERNET) {
            continue;
        }
        let flags = root.text(&format!("{folder}/flags"));
        let flags =
            flags.and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
        let wanted = flags.is_none_or(|flags| flags & WANTED != 0);
        let link = Link {
            wanted,
            state: root.text(&format!("{folder}/operstate")),
            // Reads as -1 or as an error where nothing is plugged in or the driver does not know.
            speed_mbps: number("speed"),
            losses: number("carrier_down_count"),
        };
        checks.push(judge_link(&name, &link, days));
        if wanted {
            let sum = |files: [&str; 2]| {
                files.iter().map(|file| number(&format!("statistics/{file}"))).sum::<Option<u64>>()
            };
            checks.push(judge_errors(
                &name,
                sum(["rx_errors", "tx_errors"]),
                sum(["rx_packets", "tx_packets"]),
            ));
        }
    }
    if checks.is_empty() {
        checks.push(Check::not_applicable(LINK, "host", "no Ethernet device"));
    }
    checks
}

struct Link {
    wanted: bool,
    state: Option<String>,
    speed_mbps: Option<u64>,
    losses: Option<u64>,
}

fn judge_link(target: &str, link: &Link, days: f64) -> Check {
    let Some(state) = &link.state else {
        return Check::unknown(
            LINK,
            target,
            "its state cannot be read",
            format!("read /{FOLDER}/{target}/operstate as root"),
        );
    };
    if !link.wanted {
        return Check::not_applicable(LINK, target, "switched off");
    }
    let speed = link
        .speed_mbps
        .map_or_else(|| "unknown speed".to_owned(), |mbps| format!("{} Gb/s", mbps as f64 / 1e3));
    let losses = link.losses.unwrap_or(0);
    let detail = format!("{state}, {speed}, losses of the link since the boot: {losses}");
    let check = Check::ok(LINK, target, detail).found(state.as_str(), None).expected("up");
    match state.as_str() {
        "up" if losses as f64 > LOSSES_A_DAY * days => check.but(
            Status::Warning,
            Severity::Triage,
            "the link comes and goes: clean or replace cable and transceiver, see `dmesg`",
        ),
        "up" => check,
        "unknown" => Check::unknown(
            LINK,
            target,
            "its driver does not tell whether the link is up",
            format!("ethtool {target}"),
        ),
        _ => check.but(
            Status::Warning,
            Severity::Triage,
            "check cable and switch port; switch an unused port off so that it is not reported",
        ),
    }
}

fn judge_errors(target: &str, errors: Option<u64>, packets: Option<u64>) -> Check {
    let (Some(errors), Some(packets)) = (errors, packets) else {
        return Check::unknown(
            ERRORS,
            target,
            "its counters cannot be read",
            format!("read /{FOLDER}/{target}/statistics as root"),
        );
    };
    let most = (packets as f64 * ERRORS_PER_MILLION / 1e6).ceil() as u64;
    let check = Check::ok(ERRORS, target, format!("{errors} errors in {packets} packets"))
        .found(errors, "errors")
        .expected(most);
    if errors > most {
        let action = format!("see which kind grows: ethtool -S {target} | grep -i err");
        return check.but(Status::Warning, Severity::Triage, action);
    }
    check
}

#[cfg(test)]
mod tests {
    use super::{Link, judge_errors, judge_link};
    use crate::Status;

    fn link(state: &str, losses: u64) -> Link {
        Link {
            wanted: true,
            state: Some(state.to_owned()),
            speed_mbps: Some(100_000),
            losses: Some(losses),
        }
    }

    #[test]
    fn links_are_judged_by_state_and_by_how_often_they_were_lost() {
        let of = |link: &Link| judge_link("eth0", link, 2.0).status;
        assert_eq!(of(&link("up", 10)), Status::Ok);
        assert_eq!(of(&link("up", 11)), Status::Warning);
        assert_eq!(of(&link("down", 0)), Status::Warning);
        assert_eq!(of(&link("unknown", 0)), Status::Unknown);
        let off = judge_link("eth1", &Link { wanted: false, ..link("down", 0) }, 2.0);
        assert!(!off.counts());
    }

    #[test]
    fn errors_are_judged_by_their_share() {
        let of = |errors, packets| judge_errors("eth0", errors, packets).status;
        assert_eq!(of(Some(0), Some(0)), Status::Ok);
        assert_eq!(of(Some(2), Some(2_000_000)), Status::Ok);
        assert_eq!(of(Some(3), Some(2_000_000)), Status::Warning);
        assert_eq!(of(None, Some(1)), Status::Unknown);
    }
}
