//! github-action-benchmark: the array `[{"name", "unit", "value", "range", "extra"}]` that it takes in,
//! and `data.js`, the history that it keeps (`window.BENCHMARK_DATA = {"entries": {suite: [run]}}`).

use perfagent_recording::Timestamp;
use serde_json::Value;

use super::{Results, better, is_rate, json};
use crate::run::Measurement;

/// How `data.js` begins.
const ASSIGNMENT: &str = "window.BENCHMARK_DATA";

/// The JSON of a script that assigns it, and whether it was one.
pub(super) fn without_assignment(text: &str) -> (&str, bool) {
    let value = text.strip_prefix(ASSIGNMENT).and_then(|rest| rest.trim_start().strip_prefix('='));
    match value {
        Some(value) => (value.trim().trim_end_matches(';').trim_end(), true),
        None => (text, false),
    }
}

pub(super) fn read(document: &Value) -> Result<Results, String> {
    let rows = document.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Results { measurements: measurements(rows, "", None)?, ..Results::default() })
}

/// Each entry as a run, suite by suite in the order of the file.
pub(super) fn history(document: &Value) -> Result<Vec<Results>, String> {
    let mut runs = Vec::new();
    for (suite, entries) in document["entries"].as_object().into_iter().flatten() {
        let entries =
            entries.as_array().ok_or_else(|| format!("entries \"{suite}\": is no array"))?;
        for (index, entry) in entries.iter().enumerate() {
            let place = format!("entries \"{suite}\"[{index}]");
            let commit = entry.get("commit").unwrap_or(&Value::Null);
            let commit = json::text(commit, "id", &format!("{place}: commit"))?;
            let milliseconds = json::number(entry, "date", &place)?;
            let tool = json::text(entry, "tool", &place)?;
            let rows = entry.get("benches").and_then(Value::as_array);
            let rows = rows.ok_or_else(|| format!("{place}: \"benches\" is no array"))?;
            runs.push(Results {
                commit: Some(commit.to_owned()),
                suite: Some(suite.clone()),
                time: Some(Timestamp::from_unix_nanos((milliseconds * 1e6) as i64)),
                measurements: measurements(rows, &format!("{place}: "), higher(tool))?,
                ..Results::default()
            });
        }
    }
    Ok(runs)
}

/// Whether higher values are better of a tool (its `biggerIsBetter`). Of a new one the unit decides.
fn higher(tool: &str) -> Option<bool> {
    match tool {
        "benchmarkjs" | "pytest" | "customBiggerIsBetter" => Some(true),
        "cargo"
        | "go"
        | "benchmarkluau"
        | "googlecpp"
        | "catch2"
        | "julia"
        | "jmh"
        | "benchmarkdotnet"
        | "customSmallerIsBetter" => Some(false),
        _ => None,
    }
}

fn measurements(
    rows: &[Value],
    lead: &str,
    higher: Option<bool>,
) -> Result<Vec<Measurement>, String> {
    let mut measurements = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let place = format!("{lead}result {index} (counted from 0)");
        let name = json::text(row, "name", &place)?;
        let value = json::number(row, "value", &place)?;
        let unit = row.get("unit").and_then(Value::as_str).unwrap_or_default();
        let higher = higher.unwrap_or_else(|| is_rate(unit));
        let measured = json::headline(name, None, unit, better(higher), vec![value]);
        let range = row.get("range").and_then(Value::as_str).and_then(spread);
        let bounds = range.map(|spread| (value - spread, value + spread));
        measurements.push(Measurement {
            bounds: bounds.filter(|(low, high)| low.is_finite() && high.is_finite()),
            ..measured
        });
    }
    Ok(measurements)
}

/// `± 1.2` as a number; nothing of other texts, such as `stddev: 2.3e-5` in another unit.
fn spread(range: &str) -> Option<f64> {
    let rest = ["±", "+/-"].iter().find_map(|sign| range.trim().strip_prefix(sign))?;
    let spread: f64 = rest.trim().replace(',', "").parse().ok()?;
    (spread.is_finite() && spread >= 0.0).then_some(spread)
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::Better;
    use serde_json::json;

    use super::{history, read, without_assignment};

    #[test]
    fn the_direction_follows_the_tool_or_the_unit() {
        let row = |unit: &str| json!({"name": "a", "unit": unit, "value": 3, "range": "± 0.5"});
        for (unit, better) in [
            ("ms", Better::Lower),
            ("ns/iter", Better::Lower),
            ("ops/sec", Better::Higher),
            ("MB/s", Better::Higher),
            ("Percent", Better::Lower),
        ] {
            let found = read(&json!([row(unit)])).unwrap().measurements;
            assert_eq!((found[0].better, found[0].bounds), (better, Some((2.5, 3.5))), "{unit}");
        }
        let kept = |tool: &str| {
            let entry = json!({"commit": {"id": "abc"}, "date": 1_573_968_123_092_i64, "tool": tool, "benches": [row("ms")]});
            history(&json!({"entries": {"Suite": [entry]}})).unwrap().remove(0)
        };
        assert_eq!(kept("customBiggerIsBetter").measurements[0].better, Better::Higher);
        let run = kept("cargo");
        assert_eq!(run.measurements[0].better, Better::Lower);
        assert_eq!((run.commit.as_deref(), run.suite.as_deref()), (Some("abc"), Some("Suite")));
        assert_eq!(run.time.unwrap().rfc3339(), "2019-11-17T05:22:03Z");
    }

    #[test]
    fn the_script_is_unwrapped() {
        assert_eq!(
            without_assignment("window.BENCHMARK_DATA = {\"a\": 1};\n"),
            ("{\"a\": 1}", true)
        );
        assert_eq!(without_assignment("[1]"), ("[1]", false));
    }

    #[test]
    fn the_place_of_a_mistake_is_told() {
        let problem = read(&json!([{"name": "a", "value": 1}, {"name": "b", "value": "2"}]));
        assert_eq!(
            problem.unwrap_err(),
            "result 1 (counted from 0): \"value\" is no number, but \"2\""
        );
        let entry = json!({"commit": {}, "date": 1, "tool": "go", "benches": []});
        let problem = history(&json!({"entries": {"S": [entry]}})).unwrap_err();
        assert!(problem.starts_with("entries \"S\"[0]: commit: \"id\""), "{problem}");
    }
}
