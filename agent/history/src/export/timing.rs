//! Times of a run in the forms of hyperfine and of criterion, which know nothing else.

use serde_json::{Value, json};

use crate::run::Measurement;

/// What `hyperfine --export-json` writes: seconds. Whatever is no time is left out.
#[must_use]
pub fn hyperfine(measurements: &[Measurement]) -> Value {
    let rows = measurements.iter().filter_map(|measured| {
        let seconds = in_unit(measured, 1e9)?;
        let (least, most) = ends(&seconds);
        let mean = mean(&seconds);
        Some(json!({
            "command": name(measured),
            "mean": mean,
            "stddev": deviation(&seconds, mean),
            "median": median(&seconds),
            "min": least,
            "max": most,
            "times": seconds,
        }))
    });
    json!({ "results": rows.collect::<Vec<_>>() })
}

/// The messages of `cargo criterion --message-format=json`, one a benchmark: nanoseconds, one iteration a sample. The bounds
/// are those of the value, or the least and the greatest of its samples. Whatever is no time is left out.
#[must_use]
pub fn criterion(measurements: &[Measurement]) -> Vec<Value> {
    let messages = measurements.iter().filter_map(|measured| {
        let nanoseconds = in_unit(measured, 1.0)?;
        let scale = nanoseconds_of(&measured.unit)?;
        let (least, most) = match measured.bounds {
            Some((low, high)) => (low * scale, high * scale),
            None => ends(&nanoseconds),
        };
        let estimate = |value: f64| {
            json!({"estimate": value, "lower_bound": least, "upper_bound": most, "unit": "ns"})
        };
        Some(json!({
            "reason": "benchmark-complete",
            "id": name(measured),
            "iteration_count": vec![1; nanoseconds.len()],
            "measured_values": nanoseconds,
            "unit": "ns",
            "throughput": [],
            "typical": estimate(median(&nanoseconds)),
            "mean": estimate(mean(&nanoseconds)),
            "median": estimate(median(&nanoseconds)),
            "slope": null,
            "change": null,
        }))
    });
    messages.collect()
}

/// How many measurements are no times.
#[must_use]
pub fn others(measurements: &[Measurement]) -> usize {
    measurements.iter().filter(|measured| nanoseconds_of(&measured.unit).is_none()).count()
}

/// A time of something is that thing's, as these tools measure nothing but time.
fn name(measured: &Measurement) -> String {
    match &measured.subject {
        Some(subject) if measured.name == "time" => subject.clone(),
        _ => measured.title(),
    }
}

fn nanoseconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    })
}

/// The samples in units of so many nanoseconds.
fn in_unit(measured: &Measurement, nanoseconds: f64) -> Option<Vec<f64>> {
    let scale = nanoseconds_of(&measured.unit)?;
    // One division, so that seconds stay the seconds that they were.
    let convert = |value: &f64| {
        if scale >= nanoseconds {
            value * (scale / nanoseconds)
        } else {
            value / (nanoseconds / scale)
        }
    };
    Some(measured.samples.iter().map(convert).collect())
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(*value), most.max(*value))
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Of a sample; of a single value there is none.
fn deviation(values: &[f64], mean: f64) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use perfagent_regress::compare::{Better, Family};
    use serde_json::json;

    use super::{criterion, hyperfine, others};
    use crate::run::Measurement;

    fn measured(name: &str, subject: Option<&str>, unit: &str, samples: &[f64]) -> Measurement {
        Measurement {
            name: name.to_owned(),
            subject: subject.map(str::to_owned),
            unit: unit.to_owned(),
            better: Better::Lower,
            family: Family::Headline,
            samples: samples.to_vec(),
            bounds: None,
        }
    }

    #[test]
    fn times_have_the_units_of_each_tool_and_other_things_are_left_out() {
        let run = [
            measured("time", Some("sort"), "ms", &[2.0, 4.0]),
            measured("latency", Some("parse"), "s", &[0.5]),
            measured("peak_memory", None, "bytes", &[7.0]),
        ];
        assert_eq!(others(&run), 1);
        let document = hyperfine(&run);
        assert_eq!(document["results"].as_array().unwrap().len(), 2);
        let row = &document["results"][0];
        assert_eq!((&row["command"], &row["times"]), (&json!("sort"), &json!([0.002, 0.004])));
        assert_eq!(
            (&row["mean"], &row["min"], &row["max"]),
            (&json!(0.003), &json!(0.002), &json!(0.004))
        );
        assert!((row["stddev"].as_f64().unwrap() - 0.001 * 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(document["results"][1]["command"], "latency of parse");
        assert_eq!(document["results"][1]["stddev"], json!(null));

        let messages = criterion(&run);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0]["measured_values"], json!([2e6, 4e6]));
        assert_eq!(messages[0]["iteration_count"], json!([1, 1]));
        let typical =
            json!({"estimate": 3e6, "lower_bound": 2e6, "upper_bound": 4e6, "unit": "ns"});
        assert_eq!(messages[0]["typical"], typical);
    }
}
