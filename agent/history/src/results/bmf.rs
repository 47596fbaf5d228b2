//! Bencher Metric Format: `{benchmark: {measure: {"value", "lower_value", "upper_value"}}}`
//! (bencher.dev/docs/reference/bencher-metric-format).

use serde_json::{Map, Value};

use super::{Results, better, is_rate, json};
use crate::run::Measurement;

/// Whether the first benchmark has a measure with a value, or something in its place.
pub(super) fn looks_like(fields: &Map<String, Value>) -> bool {
    let first = fields.values().next().and_then(Value::as_object);
    let measure = first.and_then(|measures| measures.values().next());
    measure.is_some_and(|measure| measure.get("value").is_some())
}

pub(super) fn read(document: &Value) -> Result<Results, String> {
    let mut measurements = Vec::new();
    for (benchmark, measures) in document.as_object().into_iter().flatten() {
        let measures = measures
            .as_object()
            .ok_or_else(|| format!("benchmark \"{benchmark}\": is no object of measures"))?;
        for (measure, value) in measures {
            let place = format!("benchmark \"{benchmark}\", measure \"{measure}\"");
            let samples = vec![json::number(value, "value", &place)?];
            let low = json::optional(value, "lower_value", &place)?;
            let high = json::optional(value, "upper_value", &place)?;
            let (unit, higher) = nature(measure);
            let found = json::headline(measure, Some(benchmark), unit, better(higher), samples);
            measurements.push(Measurement { bounds: low.zip(high), ..found });
        }
    }
    Ok(Results { measurements, ..Results::default() })
}

/// Unit of a measure, and whether higher values are better. The format has neither; these are Bencher's
/// built-in measures and what their names leave no doubt about.
fn nature(measure: &str) -> (&'static str, bool) {
    let slug = measure.to_ascii_lowercase().replace([' ', '_'], "-");
    match slug.as_str() {
        "latency" => ("ns", false),
        "throughput" => ("operations/s", true),
        "build-time" => ("s", false),
        "file-size" => ("bytes", false),
        slug => {
            let rate = slug.ends_with("-per-s")
                || slug.ends_with("-per-second")
                || slug.contains("throughput")
                || slug.contains("bandwidth")
                || is_rate(measure);
            ("", rate)
        }
    }
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::Better;
    use serde_json::json;

    use super::{looks_like, read};

    /// The example of the format's documentation.
    #[test]
    fn the_example_of_the_documentation() {
        let document = json!({
            "benchmark_name": {
                "latency": {"value": 88.0, "lower_value": 87.42, "upper_value": 88.88},
                "throughput": {"value": 5.55, "lower_value": 3.25, "upper_value": 6.30}
            },
            "/bin/sh -c ./my_build_script.sh": {"build-time": {"value": 87.0}},
            "my_binary": {"file-size": {"value": 42.0}}
        });
        assert!(looks_like(document.as_object().unwrap()));
        let found = read(&document).unwrap().measurements;
        let shown: Vec<_> = found
            .iter()
            .map(|m| (m.name.as_str(), m.subject.as_deref().unwrap(), m.unit.as_str(), m.better))
            .collect();
        assert_eq!(
            shown,
            [
                ("latency", "benchmark_name", "ns", Better::Lower),
                ("throughput", "benchmark_name", "operations/s", Better::Higher),
                ("build-time", "/bin/sh -c ./my_build_script.sh", "s", Better::Lower),
                ("file-size", "my_binary", "bytes", Better::Lower),
            ]
        );
        assert_eq!(
            (found[0].samples.as_slice(), found[0].bounds),
            (&[88.0][..], Some((87.42, 88.88)))
        );
        assert_eq!(found[3].bounds, None);
    }

    #[test]
    fn the_place_of_a_mistake_is_told() {
        for (document, place) in [
            (
                json!({"a": {"latency": {"value": null}}}),
                "benchmark \"a\", measure \"latency\": \"value\" is no number, but null",
            ),
            (json!({"a": {"latency": {"value": 1}}, "b": 3}), "benchmark \"b\": is no object"),
            (json!({"a": {"x": {"value": 1, "lower_value": "2"}}}), "\"lower_value\" is no number"),
            (json!({"a": {"x": {"value": 1}, "y": {}}}), "\"value\" is no number, but missing"),
        ] {
            let problem = read(&document).unwrap_err();
            assert!(problem.contains(place), "{problem}");
        }
    }
}
