//! A node against what it reached earlier.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{Check, Severity, Status, Value};

/// Earlier values that are needed to say what is usual.
const FEWEST: usize = 3;
/// The share of the usual rate below which a device has become slower.
const SLOWER: f64 = 0.93;

/// One value of an earlier document.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    name: String,
    target: String,
    value: f64,
}

/// The values of a `perfagent.health/1` document of `host`; of another node, or another kind of document, why not.
pub fn earlier(document: &Json, host: &str) -> Result<Vec<Earlier>, String> {
    if document["schema"] != "perfagent.health/1" {
        return Err("it is no perfagent.health/1 document".to_owned());
    }
    let of = document["host"].as_str().unwrap_or_default();
    if of != host {
        return Err(format!("it is of the node {of}, not of {host}"));
    }
    let checks = document["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let values = checks.iter().filter_map(|check| {
        Some(Earlier {
            name: check["name"].as_str()?.to_owned(),
            target: check["target"].as_str()?.to_owned(),
            value: check["value"].as_f64().filter(|value| value.is_finite() && *value > 0.0)?,
        })
    });
    Ok(values.collect())
}

/// Warns of rates that have fallen, and steps that take longer, since earlier; leaves worse verdicts as they are.
pub(super) fn judge(checks: &mut [Check], before: &[Earlier]) {
    let mut usual: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for value in before {
        usual.entry((&value.name, &value.target)).or_default().push(value.value);
    }
    for check in checks {
        let Some(values) = usual.get_mut(&(check.name, check.target.as_str())) else { continue };
        let number = match &check.value {
            Some(Value::Number(number)) if *number > 0.0 => *number,
            _ => continue,
        };
        let rate = match check.unit {
            Some("GB/s" | "TFLOP/s") => true,
            Some("ns") => false,
            _ => continue,
        };
        if values.len() < FEWEST || check.status == Status::Critical {
            continue;
        }
        values.sort_by(f64::total_cmp);
        let median = values[values.len() / 2];
        let share = if rate { number / median } else { median / number };
        check.detail = format!(
            "{}; {:.0} % of its usual speed ({} earlier runs)",
            check.detail,
            100.0 * share,
            values.len()
        );
        if share < SLOWER {
            check.status = Status::Warning;
            check.severity = Severity::Triage;
            check.action = Some("find what changed: driver, clocks, power limit, temperature, other work on the node".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{earlier, judge};
    use crate::{Check, Status};

    #[test]
    fn a_node_that_became_slower_is_told() {
        let document = |value: f64| {
            json!({"schema": "perfagent.health/1", "host": "node-1", "checks": [
                {"name": "memory_bandwidth", "target": "GPU 0", "value": value},
                {"name": "training_step", "target": "GPU 0", "value": 1e6},
                {"name": "odd", "target": 7, "value": "x"},
            ]})
        };
        let mut before = Vec::new();
        for value in [2900.0, 2910.0, 2890.0] {
            before.extend(earlier(&document(value), "node-1").unwrap());
        }
        let checks = || {
            vec![
                Check::ok("memory_bandwidth", "GPU 0", "2500 GB/s").found(2500.0, "GB/s"),
                Check::not_applicable("training_step", "GPU 0", "1 ms").found(1.0e6, "ns"),
                Check::ok("memory_bandwidth", "GPU 1", "2500 GB/s").found(2500.0, "GB/s"),
            ]
        };
        let mut judged = checks();
        judge(&mut judged, &before);
        let statuses: Vec<_> = judged.iter().map(|check| check.status).collect();
        assert_eq!(statuses, [Status::Warning, Status::Unknown, Status::Ok]);
        assert!(judged[0].detail.contains("86 % of its usual speed (3 earlier runs)"));

        let mut few = checks();
        judge(&mut few, &before[..4]);
        assert_eq!(few, checks(), "two earlier values tell nothing");
        assert!(earlier(&document(1.0), "node-2").unwrap_err().contains("of the node node-1"));
        assert!(earlier(&json!([]), "node-1").is_err());
    }
}
