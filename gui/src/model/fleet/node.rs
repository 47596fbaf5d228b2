//! The document `perfagent.health/1` of one node.

use serde::Deserialize;
use serde_json::Value;

use super::document::{Finding, Fleet, Node, Status, gpu_of};

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.health/1";

/// How one node is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Health {
    /// `perfagent.health/1`.
    pub schema: String,
    /// The node's name.
    pub host: String,
    /// When it was examined.
    pub time: String,
    /// The worst of the checks that count.
    pub verdict: Status,
    /// Its GPUs.
    pub gpus: Vec<Gpu>,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
}

/// A GPU as NVML names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Gpu {
    /// NVML's number.
    pub index: u32,
    /// The product's name.
    pub name: Option<String>,
    /// NVIDIA's identifier of this very piece.
    pub uuid: Option<String>,
    /// Its place on the bus.
    pub pci: Option<String>,
    /// The version of its own firmware.
    pub vbios: Option<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Where: `host`, a mount point, a network port, `GPU 0`.
    pub target: String,
    /// How it came out.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: String,
    /// What was found.
    pub value: Value,
    /// What a healthy node shows.
    pub expected: Value,
    /// The unit of both.
    pub unit: Option<String>,
    /// What to do.
    pub action: Option<String>,
    /// What was found, in words.
    pub detail: String,
}

impl Check {
    /// Whether it has a say in the verdict: what is not there at all has none.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.status != Status::Unknown || self.severity != "none"
    }

    /// What the judgement of fleets calls its figure.
    #[must_use]
    pub fn metric(&self) -> String {
        if gpu_of(&self.target).is_some() || self.target == "host" {
            self.name.clone()
        } else {
            format!("{} {}", self.name, self.target)
        }
    }
}

/// A figure with its unit; nothing for what is not known.
#[must_use]
pub fn figure(value: &Value, unit: Option<&str>) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::Number(number) => match number.as_f64().filter(|_| number.as_i64().is_none()) {
            Some(real) => crate::model::compare::quantity::significant(real),
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match unit {
        Some("bytes") => value.as_f64().map_or(text, crate::units::bytes),
        Some(unit) => format!("{text} {unit}"),
        None => text,
    }
}

/// One node as a fleet of one: its checks that are not ok are the findings.
#[must_use]
pub fn fleet_of_one(health: &Health) -> Fleet {
    let mut findings: Vec<Finding> = health
        .checks
        .iter()
        .filter(|check| check.counts() && check.status != Status::Ok)
        .map(|check| Finding {
            kind: "check".to_owned(),
            target: check.target.clone(),
            name: check.name.clone(),
            status: check.status,
            severity: check.severity.clone(),
            value: check.value.clone(),
            expected: check.expected.clone(),
            unit: check.unit.clone(),
            action: check.action.clone().unwrap_or_default(),
            detail: check.detail.clone(),
            ..Finding::default()
        })
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    Fleet {
        schema: health.schema.clone(),
        time: health.time.clone(),
        verdict: health.verdict,
        nodes: vec![Node {
            name: health.host.clone(),
            verdict: health.verdict,
            time: Some(health.time.clone()),
            gpus: health.gpus.len(),
            findings,
            ..Node::default()
        }],
        ..Fleet::default()
    }
}

/// The documents of nodes in a text: one, several one after the other, or a list. What is none is left out: that is
/// for `perfagent health gather` to say.
#[must_use]
pub fn documents(text: &str) -> Vec<Health> {
    let text = text.trim_start_matches('\u{feff}');
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value {
            Ok(Value::Array(values)) => found.extend(values.into_iter().filter_map(health)),
            Ok(value) => found.extend(health(value)),
            Err(_) => break,
        }
    }
    found
}

fn health(value: Value) -> Option<Health> {
    (value.get("schema")?.as_str()? == SCHEMA).then(|| serde_json::from_value(value).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{documents, figure, fleet_of_one};
    use crate::model::fleet::document::Status;

    const NODE: &str = r#"{"schema": "perfagent.health/1", "host": "n1", "time": "2026-01-01T00:00:00Z",
        "verdict": "critical", "gpus": [{"index": 0}, {"index": 1}], "checks": [
        {"name": "memory", "target": "host", "status": "ok", "severity": "none", "detail": "fine"},
        {"name": "nvlink", "target": "host", "status": "unknown", "severity": "none", "detail": "there is none"},
        {"name": "clock", "target": "host", "status": "unknown", "severity": "config", "detail": "no permission", "action": "grant it"},
        {"name": "xid", "target": "GPU 1", "status": "critical", "severity": "reset", "value": 79, "unit": null, "detail": "fell off the bus", "action": "reboot"}]}"#;

    #[test]
    fn documents_are_found_one_by_one_in_lists_and_in_lines() {
        assert_eq!(documents(NODE).len(), 1);
        assert_eq!(documents(&format!("{NODE}\n{NODE}\n")).len(), 2);
        assert_eq!(documents(&format!("[{NODE}, {{\"schema\": \"other\"}}]")).len(), 1);
        assert_eq!(documents(&format!("{NODE} {{broken")).len(), 1);
        assert!(documents("nothing").is_empty());
    }

    #[test]
    fn what_is_not_there_to_be_checked_is_no_finding() {
        let fleet = fleet_of_one(&documents(NODE)[0]);
        let found: Vec<_> = fleet.nodes[0]
            .findings
            .iter()
            .map(|finding| (finding.name.as_str(), finding.status, finding.gpu()))
            .collect();
        assert_eq!(found, [("xid", Status::Critical, Some(1)), ("clock", Status::Unknown, None)]);
    }

    #[test]
    fn figures_have_their_units() {
        assert_eq!(figure(&json!(79), None), "79");
        assert_eq!(figure(&json!(3.25), Some("GB/s")), "3.25 GB/s");
        assert_eq!(figure(&json!(1024), Some("bytes")), "1.00 KiB");
        assert_eq!(figure(&json!(null), Some("GB/s")), "");
    }
}
