//! InfiniBand and RoCE ports, from `/sys/class/infiniband`.

use std::collections::BTreeMap;

use crate::expectation::leading_number;
use crate::root::Root;
use crate::{Check, Severity, Status};

const COUNT: &str = "infiniband_count";
const RATE: &str = "infiniband_rate";
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
    let mut rates = BTreeMap::new();
    for device in root.names(FOLDER) {
        for port in root.names(&format!("{FOLDER}/{device}/ports")) {
            let folder = format!("{FOLDER}/{device}/ports/{port}");
            let target = format!("{device}/{port}");
            let text = |file: &str| root.text(&format!("{folder}/{file}"));
            let active = text("state").is_some_and(|state| state.ends_with("ACTIVE"));
            let is_infiniband = text("link_layer").is_none_or(|layer| layer == "InfiniBand");
            let gbps = text("rate").as_deref().and_then(leading_number);
            if let Some(gbps) = gbps.filter(|_| active && is_infiniband) {
                let model = root.text(&format!("{FOLDER}/{device}/hca_type")).unwrap_or_default();
                rates.insert(target.clone(), Rate { model, gbps });
            }
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
    checks.extend(judge_rates(&rates));
    let on_bus = root.pci_devices("0x15b3", "0x0207").len() as u64;
    checks.extend(judge_count(on_bus, root.names(FOLDER).len() as u64));
    checks
}

/// Ports of equal adapters side by side: one that has trained at a lower rate than the others is the odd one out.
fn judge_rates(rates: &BTreeMap<String, Rate>) -> Option<Check> {
    let most = |model: &str| {
        let of_model = rates.values().filter(|rate| rate.model == model);
        of_model.map(|rate| rate.gbps).fold(f64::NEG_INFINITY, f64::max)
    };
    if rates.len() < 2 {
        return None;
    }
    let slow: Vec<String> = rates
        .iter()
        .filter(|(_, rate)| rate.gbps < most(&rate.model))
        .map(|(port, rate)| format!("{port} at {} instead of {}", rate.gbps, most(&rate.model)))
        .collect();
    if slow.is_empty() {
        let detail = format!("{} ports, each as fast as the others of its kind", rates.len());
        return Some(Check::ok(RATE, "host", detail));
    }
    let detail = format!("{} Gb/s", slow.join(", "));
    Some(Check::ok(RATE, "host", detail).found(slow.len() as u64, "slower ports").but(
        Status::Warning,
        Severity::Triage,
        "clean or replace cable and transceiver; harmless where the ports are of different networks by design",
    ))
}

/// Of a port that is up.
struct Rate {
    /// The adapter's (`hca_type`).
    model: String,
    gbps: f64,
}

/// Adapters on the PCI bus (class InfiniBand) that have no RDMA device have no driver, or a failed one.
fn judge_count(on_bus: u64, devices: u64) -> Option<Check> {
    if on_bus == 0 {
        return None;
    }
    let detail = format!("{devices} RDMA devices for {on_bus} InfiniBand adapters on the PCI bus");
    let check = Check::ok(COUNT, "host", detail).found(devices, "devices").expected(on_bus);
    Some(if devices == 0 {
        let action = "load the driver (modprobe mlx5_ib); a container needs the host's /sys/class/infiniband and /dev/infiniband";
        Check::unknown(COUNT, "host", check.detail, action)
            .found(devices, "devices")
            .expected(on_bus)
    } else if devices < on_bus {
        check.but(
            Status::Critical,
            Severity::Isolate,
            "drain the node; see `dmesg` for the adapter that failed, power-cycle the node, have it inspected",
        )
    } else {
        check
    })
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
    use super::{Rate, judge_count, judge_errors, judge_link, judge_rates};
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
    fn a_port_that_is_slower_than_the_others_is_told() {
        let of = |rates: &[(&str, f64)]| {
            let rates = rates.iter().enumerate().map(|(port, (model, gbps))| {
                (format!("mlx5_{port}/1"), Rate { model: (*model).to_owned(), gbps: *gbps })
            });
            judge_rates(&rates.collect()).map(|check| check.status)
        };
        assert_eq!(of(&[("MT4129", 400.0)]), None);
        assert_eq!(of(&[("MT4129", 400.0), ("MT4129", 400.0)]), Some(Status::Ok));
        assert_eq!(of(&[("MT4129", 400.0), ("MT4129", 100.0)]), Some(Status::Warning));
        assert_eq!(of(&[("MT4129", 400.0), ("MT4123", 200.0)]), Some(Status::Ok));
    }

    #[test]
    fn an_adapter_without_a_device_is_lost() {
        let of = |on_bus, devices| judge_count(on_bus, devices).map(|check| check.status);
        assert_eq!(of(0, 0), None);
        assert_eq!(of(8, 8), Some(Status::Ok));
        assert_eq!(of(8, 7), Some(Status::Critical));
        assert_eq!(of(8, 0), Some(Status::Unknown));
    }

    #[test]
    fn a_few_errors_are_usual() {
        assert_eq!(judge_errors("p", &[("symbol_error", 10, 10)]).status, Status::Ok);
        assert_eq!(judge_errors("p", &[("symbol_error", 10, 11)]).status, Status::Warning);
        assert_eq!(judge_errors("p", &[]).status, Status::Unknown);
    }
}
