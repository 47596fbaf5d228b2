//! `hyperfine --export-json`: `{"results": [{"command", "times", "mean", "memory_usage_byte", …}]}`; times in
//! seconds.

use perfagent_regress::compare::Better;
use serde_json::Value;

use super::{Results, json};

pub(super) fn read(document: &Value) -> Result<Results, String> {
    let mut results = Results::default();
    let rows = document["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, row) in rows.iter().enumerate() {
        let place = format!("result {index} (counted from 0)");
        let command = json::text(row, "command", &place)?;
        let times = match json::numbers(row, "times", &place)? {
            Some(times) => times,
            None => vec![json::number(row, "mean", &place)?],
        };
        results.measurements.push(json::headline("time", Some(command), "s", Better::Lower, times));
        if let Some(sizes) = json::numbers(row, "memory_usage_byte", &place)? {
            let peak = json::headline("peak_memory", Some(command), "bytes", Better::Lower, sizes);
            results.measurements.push(peak);
        }
        let codes = row.get("exit_codes").and_then(Value::as_array).into_iter().flatten();
        let failed = codes.filter(|code| code.as_i64() != Some(0)).count();
        if failed > 0 {
            results.warnings.push(format!("{command}: failed in {failed} of its runs"));
        }
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn times_and_memory_of_each_command() {
        let document = json!({"results": [
            {"command": "sleep 0.1", "mean": 0.1, "times": [0.101, 0.102], "memory_usage_byte": [7, 9], "exit_codes": [0, 1]},
            {"command": "true", "mean": 0.001, "stddev": null}
        ]});
        let found = read(&document).unwrap();
        let shown: Vec<_> = found
            .measurements
            .iter()
            .map(|m| (m.title(), m.unit.as_str(), m.samples.clone()))
            .collect();
        assert_eq!(
            shown,
            [
                ("time of sleep 0.1".to_owned(), "s", vec![0.101, 0.102]),
                ("peak_memory of sleep 0.1".to_owned(), "bytes", vec![7.0, 9.0]),
                ("time of true".to_owned(), "s", vec![0.001]),
            ]
        );
        assert_eq!(found.warnings, ["sleep 0.1: failed in 1 of its runs"]);
    }

    #[test]
    fn the_place_of_a_mistake_is_told() {
        let problem =
            read(&json!({"results": [{"command": "a", "times": [1, null]}]})).unwrap_err();
        assert_eq!(problem, "result 0 (counted from 0): \"times\"[1] is no number, but null");
    }
}
