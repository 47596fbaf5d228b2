//! criterion: the folder `target/criterion`, where each benchmark has `new/benchmark.json`, `new/sample.json`
//! and `new/estimates.json`; and the messages of `cargo criterion --message-format=json`. Times are
//! nanoseconds an iteration. The files are criterion's own business, so that only what is needed is looked
//! at.

use std::fs;
use std::path::Path;

use perfagent_regress::compare::Better;
use serde_json::Value;

use super::{Results, json};
use crate::run::Measurement;

/// Folders within folders that are looked into: group, function, value, `new`.
const DEEPEST: usize = 6;

/// The benchmarks below a folder, by their names; `None` where there are none.
pub(super) fn folder(path: &Path) -> Result<Option<Results>, String> {
    let mut measurements = Vec::new();
    search(path, DEEPEST, &mut measurements)?;
    measurements.sort_by(|a: &Measurement, b| a.subject.cmp(&b.subject));
    Ok((!measurements.is_empty()).then(|| Results { measurements, ..Results::default() }))
}

fn search(path: &Path, deeper: usize, found: &mut Vec<Measurement>) -> Result<(), String> {
    let new = path.join("new");
    if new.join("estimates.json").is_file() || new.join("sample.json").is_file() {
        found.push(benchmark(path, &new)?);
    }
    if deeper == 0 {
        return Ok(());
    }
    let entries = fs::read_dir(path)
        .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", path.display()))?;
        // Links are not followed: they may lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            search(&entry.path(), deeper - 1, found)?;
        }
    }
    Ok(())
}

fn benchmark(path: &Path, new: &Path) -> Result<Measurement, String> {
    let document = |name: &str| -> Result<Option<Value>, String> {
        let file = new.join(name);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
        let document = serde_json::from_str(&text)
            .map_err(|error| format!("{}: is not JSON: {error}", file.display()))?;
        Ok(Some(document))
    };
    let name = document("benchmark.json")?
        .and_then(|about| about.get("full_id").and_then(Value::as_str).map(str::to_owned));
    let name = name.or_else(|| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = name.unwrap_or_default();
    if let Some(sample) = document("sample.json")? {
        let place = new.join("sample.json").display().to_string();
        let samples = per_iteration(&sample, "times", "iters", &place)?;
        return Ok(json::headline("time", Some(&name), "ns", Better::Lower, samples));
    }
    let place = new.join("estimates.json").display().to_string();
    let estimates = document("estimates.json")?.unwrap_or_default();
    let estimate = ["slope", "mean"]
        .iter()
        .find_map(|kind| estimates.get(*kind).filter(|estimate| !estimate.is_null()));
    let estimate =
        estimate.ok_or_else(|| format!("{place}: has neither \"slope\" nor \"mean\""))?;
    let value = json::number(estimate, "point_estimate", &place)?;
    let interval = estimate.get("confidence_interval").unwrap_or(&Value::Null);
    let low = json::optional(interval, "lower_bound", &place)?;
    let high = json::optional(interval, "upper_bound", &place)?;
    let measured = json::headline("time", Some(&name), "ns", Better::Lower, vec![value]);
    Ok(Measurement { bounds: low.zip(high), ..measured })
}

/// One `benchmark-complete` message; nothing of others.
pub(super) fn message(message: &Value, place: &str) -> Result<Option<Measurement>, String> {
    if message.get("reason").and_then(Value::as_str) != Some("benchmark-complete") {
        return Ok(None);
    }
    let id = json::text(message, "id", place)?;
    let unit = json::text(message, "unit", place)?;
    let samples = per_iteration(message, "measured_values", "iteration_count", place)?;
    Ok(Some(json::headline("time", Some(id), unit, Better::Lower, samples)))
}

fn per_iteration(
    document: &Value,
    totals: &str,
    counts: &str,
    place: &str,
) -> Result<Vec<f64>, String> {
    let list = |field| -> Result<Vec<f64>, String> {
        json::numbers(document, field, place)?
            .ok_or_else(|| format!("{place}: \"{field}\" is missing or empty"))
    };
    let (totals, counts) = (list(totals)?, list(counts)?);
    if totals.len() != counts.len() {
        return Err(format!("{place}: has {} times of {} iterations", totals.len(), counts.len()));
    }
    match counts.iter().position(|&count| count < 1.0) {
        None => Ok(totals.iter().zip(&counts).map(|(total, count)| total / count).collect()),
        Some(index) => Err(format!("{place}: sample {index} (counted from 0) has no iterations")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{folder, message};

    #[test]
    fn samples_are_times_of_one_iteration() {
        let place = tempfile::tempdir().unwrap();
        let put = |name: &str, text: String| {
            let file = place.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        assert_eq!(folder(place.path()).unwrap(), None);
        put("group/f/10/new/benchmark.json", json!({"full_id": "group/f/10"}).to_string());
        put(
            "group/f/10/new/sample.json",
            json!({"iters": [10, 20], "times": [50, 140]}).to_string(),
        );
        put("group/f/10/base/sample.json", json!({"iters": [10], "times": [1]}).to_string());
        let slope = json!({"point_estimate": 3.5, "confidence_interval": {"lower_bound": 3, "upper_bound": 4}});
        put(
            "plain/new/estimates.json",
            json!({"mean": {"point_estimate": 9}, "slope": slope}).to_string(),
        );
        put("report/index.html", String::new());
        let found = folder(place.path()).unwrap().unwrap().measurements;
        let shown: Vec<_> =
            found.iter().map(|m| (m.title(), m.samples.clone(), m.bounds)).collect();
        assert_eq!(
            shown,
            [
                ("time of group/f/10".to_owned(), vec![5.0, 7.0], None),
                ("time of plain".to_owned(), vec![3.5], Some((3.0, 4.0))),
            ]
        );
        put("broken/new/sample.json", json!({"iters": [0], "times": [1]}).to_string());
        let problem = folder(place.path()).unwrap_err();
        assert!(problem.contains("broken/new/sample.json: sample 0"), "{problem}");
    }

    #[test]
    fn messages_of_cargo_criterion() {
        let complete = json!({"reason": "benchmark-complete", "id": "norm", "unit": "ns",
            "iteration_count": [30, 60], "measured_values": [300.0, 660.0]});
        let found = message(&complete, "line 1").unwrap().unwrap();
        assert_eq!((found.title().as_str(), found.samples), ("time of norm", vec![10.0, 11.0]));
        assert_eq!(message(&json!({"reason": "group-complete"}), "line 2").unwrap(), None);
    }
}
