//! Runs in the forms of other tools.

mod timing;

use perfagent_regress::compare::Better;
use serde_json::{Map, Value, json};

use crate::run::Measurement;
pub use timing::{criterion, hyperfine, others};

/// One run in Bencher Metric Format. What a metric is of is the benchmark, its name the measure; a metric of
/// nothing in particular is of the suite. The format has no units and no directions.
#[must_use]
pub fn bencher(suite: &str, measurements: &[Measurement]) -> Value {
    let mut benchmarks = Map::new();
    for measured in measurements {
        let benchmark = measured.subject.as_deref().unwrap_or(suite);
        let measures = benchmarks.entry(benchmark).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(measures) = measures else { continue };
        let mut value = Map::new();
        value.insert("value".to_owned(), json!(measured.value()));
        if let Some((low, high)) = range(measured) {
            value.insert("lower_value".to_owned(), json!(low));
            value.insert("upper_value".to_owned(), json!(high));
        }
        // Of one name in several units none is lost.
        let name = if measures.contains_key(&measured.name) {
            format!("{} ({})", measured.name, measured.unit)
        } else {
            measured.name.clone()
        };
        measures.insert(name, Value::Object(value));
    }
    Value::Object(benchmarks)
}

/// One run as github-action-benchmark takes it in: the metrics of which `better` values are better, as its
/// tools know one direction each.
#[must_use]
pub fn custom(measurements: &[Measurement], better: Better) -> Value {
    let wanted = measurements.iter().filter(|measured| measured.better == better);
    let row = |measured: &Measurement| {
        let value = measured.value();
        let mut row = json!({"name": measured.title(), "unit": measured.unit, "value": value});
        if let Some((low, high)) = range(measured) {
            row["range"] = json!(format!("± {}", (high - value).max(value - low)));
        }
        if measured.samples.len() > 1 {
            row["extra"] = json!(format!("{} samples", measured.samples.len()));
        }
        row
    };
    wanted.map(row).collect()
}

/// The bounds of the value, or the least and the greatest of several samples.
fn range(measured: &Measurement) -> Option<(f64, f64)> {
    let of_samples = || {
        let least = measured.samples.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = measured.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (measured.samples.len() > 1).then_some((least, greatest))
    };
    measured.bounds.or_else(of_samples)
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::{Better, Family};
    use serde_json::json;

    use super::{bencher, custom};
    use crate::run::Measurement;

    fn measured(name: &str, subject: Option<&str>, better: Better, samples: &[f64]) -> Measurement {
        Measurement {
            name: name.to_owned(),
            subject: subject.map(str::to_owned),
            unit: "ms".to_owned(),
            better,
            family: Family::Headline,
            samples: samples.to_vec(),
            bounds: None,
        }
    }

    #[test]
    fn a_run_for_bencher_and_for_github() {
        let measurements = [
            measured("latency", Some("parse"), Better::Lower, &[2.0, 1.0, 6.0]),
            measured("throughput", None, Better::Higher, &[5.0]),
        ];
        assert_eq!(
            bencher("ci", &measurements),
            json!({"parse": {"latency": {"value": 2.0, "lower_value": 1.0, "upper_value": 6.0}},
                   "ci": {"throughput": {"value": 5.0}}})
        );
        assert_eq!(
            custom(&measurements, Better::Lower),
            json!([{"name": "latency of parse", "unit": "ms", "value": 2.0, "range": "± 4", "extra": "3 samples"}])
        );
        assert_eq!(
            custom(&measurements, Better::Higher),
            json!([{"name": "throughput", "unit": "ms", "value": 5.0}])
        );
    }
}
