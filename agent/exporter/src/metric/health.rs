//! The last examination of the node.

use std::collections::BTreeMap;

use perfagent_health::Status;

use crate::exposition::{Kind, Page};
use crate::moment::Moment;
use crate::state::State;

/// As monitoring has counted since Nagios.
const fn code(status: Status) -> f64 {
    match status {
        Status::Ok => 0.0,
        Status::Warning => 1.0,
        Status::Critical => 2.0,
        Status::Unknown => 3.0,
    }
}

/// The verdict, and the checks that have a say. An examination that is too old leaves the verdict unknown, and no checks.
pub(super) fn add(page: &mut Page, state: &State, now: Moment) {
    let examination = state.examination.as_ref();
    let valid = examination.filter(|examination| examination.at.age_s(now) <= examination.valid_s);
    let verdict = valid.map_or(Status::Unknown, |examination| examination.verdict);
    page.gauge(
        "perfagent_health_verdict",
        "The node's health: 0 ok, 1 warning, 2 critical, 3 unknown (also when it was not examined in time).",
    )
    .add(vec![], code(verdict));
    page.family(
        "perfagent_health_failed_examinations",
        Kind::Counter,
        "",
        "Examinations without an answer.",
    )
    .add(vec![], state.examinations_failed as f64);
    if let Some(examination) = examination {
        page.family(
            "perfagent_health_examination_timestamp_seconds",
            Kind::Gauge,
            "seconds",
            "When the node was last examined, since the Unix epoch.",
        )
        .add(vec![], examination.at.unix_s);
        page.family(
            "perfagent_health_examination_duration_seconds",
            Kind::Gauge,
            "seconds",
            "How long that took.",
        )
        .add(vec![], examination.took_s);
    }
    let Some(examination) = valid else { return };
    // Of several findings on one target, such as XIDs of several numbers, the worst.
    let mut worst: BTreeMap<(&str, &str), Status> = BTreeMap::new();
    for check in &examination.checks {
        let status = worst.entry((&check.name, &check.target)).or_insert(Status::Ok);
        *status = check.status.max(*status);
    }
    for ((name, target), status) in worst {
        let mut labels = vec![("check", name.to_owned()), ("target", target.to_owned())];
        let index = target.strip_prefix("GPU ").and_then(|index| index.parse::<u32>().ok());
        if let Some(index) = index {
            labels.push(("gpu", index.to_string()));
            let uuid = state.nvml.known.get(&index).and_then(|gpu| gpu.uuid.clone());
            labels.push(("uuid", uuid.unwrap_or_default()));
        }
        page.gauge(
            "perfagent_health_check_status",
            "A check of the node: 0 ok, 1 warning, 2 critical, 3 could not be checked. What is not there has none.",
        )
        .add(labels, code(status));
    }
}
