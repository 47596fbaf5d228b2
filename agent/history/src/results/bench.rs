//! Results of `perfagent-bench --json`: of training (`perfagent.bench/1`) and of serving
//! (`perfagent.inference/1`). The names are those under which recordings are compared.

use perfagent_regress::compare::Better::{Higher, Lower};
use serde_json::Value;

use super::{Results, json};
use crate::run::{Fact, Measurement};

/// Schema of a training result.
pub(super) const TRAINING: &str = "perfagent.bench/1";
/// Schema of a serving result.
pub(super) const SERVING: &str = "perfagent.inference/1";

/// Facts of the machine that forbid a comparison where they differ, by their names in the document.
const DECISIVE: [(&str, &str); 3] =
    [("cpu", "host_cpu"), ("logical cores", "host_cpus"), ("driver", "driver_version")];
/// Facts that are worth knowing.
const NOTES: [(&str, &str); 2] = [("system", "kernel"), ("cpu governor", "cpu_governor")];

/// `subject` is the case of a suite.
pub(super) fn read(document: &Value, subject: Option<&str>) -> Result<Results, String> {
    let schema = document.get("schema").and_then(Value::as_str);
    let measurements = match schema {
        Some(TRAINING) => training(document, subject)?,
        Some(SERVING) => serving(document, subject)?,
        _ => return Err(format!("its schema is {}", json::shown(document.get("schema")))),
    };
    Ok(Results { environment: facts(document), measurements, ..Results::default() })
}

fn training(document: &Value, subject: Option<&str>) -> Result<Vec<Measurement>, String> {
    let ranks = document.get("ranks").and_then(Value::as_array).map(Vec::as_slice);
    let ranks = ranks.filter(|ranks| !ranks.is_empty()).ok_or("\"ranks\" is no list of ranks")?;
    // A step of the job is as long as that of its slowest rank.
    let mut steps: Vec<f64> = Vec::new();
    for (index, rank) in ranks.iter().enumerate() {
        let own = json::numbers(rank, "step_ns", &format!("rank {index}"))?.unwrap_or_default();
        steps.resize(steps.len().max(own.len()), 0.0);
        steps.iter_mut().zip(&own).for_each(|(longest, own)| *longest = longest.max(*own));
    }
    // The first step warms up.
    let steady = if steps.len() > 2 { &steps[1..] } else { &steps };
    let mut found = Vec::new();
    let mut add = |name, unit, better, samples: Vec<f64>| {
        if !samples.is_empty() {
            found.push(json::headline(name, subject, unit, better, samples));
        }
    };
    let rates = |amount: Option<f64>| -> Vec<f64> {
        let positive = steady.iter().filter(|&&step| step > 0.0);
        amount.map_or_else(Vec::new, |amount| positive.map(|step| amount * 1e9 / step).collect())
    };
    let tokens = json::optional(document, "tokens_per_step", "the document")?;
    add("throughput", "tokens_per_s", Higher, rates(tokens));
    if tokens.is_none() {
        let samples = json::optional(document, "samples_per_step", "the document")?;
        add("throughput", "samples_per_s", Higher, rates(samples));
    }
    add("step_time", "ns", Lower, steady.to_vec());
    for (name, field) in [
        ("peak_allocated_memory", "peak_device_bytes"),
        ("peak_reserved_memory", "peak_device_reserved_bytes"),
        ("peak_host_memory", "peak_resident_bytes"),
    ] {
        let mut peaks = Vec::new();
        for (index, rank) in ranks.iter().enumerate() {
            peaks.extend(json::optional(rank, field, &format!("rank {index}"))?);
        }
        add(name, "bytes", Lower, peaks.into_iter().reduce(f64::max).into_iter().collect());
    }
    let loss = json::optional(document, "val_loss", "the document")?;
    add("validation_loss", "nats", Lower, loss.into_iter().collect());
    Ok(found)
}

fn serving(document: &Value, subject: Option<&str>) -> Result<Vec<Measurement>, String> {
    let rows = document.get("requests").and_then(Value::as_array).map(Vec::as_slice);
    let rows = rows.ok_or("\"requests\" is no list of requests")?;
    let mut found = Vec::new();
    let mut add = |name, unit, better, samples: Vec<f64>| {
        if !samples.is_empty() {
            found.push(json::headline(name, subject, unit, better, samples));
        }
    };
    for (name, field) in [
        ("time_to_first_token", "ttft_ns"),
        ("time_per_output_token", "time_per_output_token_ns"),
        ("latency", "latency_ns"),
    ] {
        let mut times = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            times.extend(json::optional(row, field, &format!("request {index}"))?);
        }
        add(name, "ns", Lower, times);
    }
    for (name, unit, better, field) in [
        ("output_throughput", "tokens_per_s", Higher, "output_tokens_per_s"),
        ("peak_host_memory", "bytes", Lower, "peak_resident_bytes"),
    ] {
        let value = json::optional(document, field, "the document")?;
        add(name, unit, better, value.into_iter().collect());
    }
    Ok(found)
}

fn facts(document: &Value) -> Vec<Fact> {
    let plain = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let environment = document.get("environment");
    let fact = |decisive: bool| {
        move |&(name, field): &(&str, &str)| Fact {
            name: name.to_owned(),
            value: environment.and_then(|facts| facts.get(field)).and_then(plain),
            decisive,
        }
    };
    let device = Fact {
        name: "device".to_owned(),
        value: document.get("device").and_then(plain),
        decisive: true,
    };
    let facts = DECISIVE.iter().map(fact(true)).chain(NOTES.iter().map(fact(false)));
    std::iter::once(device).chain(facts).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn a_step_is_that_of_the_slowest_rank_and_the_first_does_not_count() {
        let document = json!({
            "schema": "perfagent.bench/1", "device": "cpu", "tokens_per_step": 100, "val_loss": 2.5,
            "environment": {"host_cpu": "EPYC", "host_cpus": 2, "driver_version": null, "kernel": "6.1"},
            "ranks": [
                {"step_ns": [9_000_000, 1_000_000, 2_000_000], "peak_resident_bytes": 5, "peak_device_bytes": null},
                {"step_ns": [8_000_000, 4_000_000, 1_000_000], "peak_resident_bytes": 7, "peak_device_bytes": null}
            ]
        });
        let found = read(&document, Some("gpt")).unwrap();
        let shown: Vec<_> =
            found.measurements.iter().map(|m| (m.title(), m.samples.clone())).collect();
        assert_eq!(
            shown,
            [
                ("throughput of gpt".to_owned(), vec![25_000.0, 50_000.0]),
                ("step_time of gpt".to_owned(), vec![4_000_000.0, 2_000_000.0]),
                ("peak_host_memory of gpt".to_owned(), vec![7.0]),
                ("validation_loss of gpt".to_owned(), vec![2.5]),
            ]
        );
        let facts: Vec<_> = found
            .environment
            .iter()
            .map(|f| (f.name.as_str(), f.value.as_deref(), f.decisive))
            .collect();
        assert_eq!(facts[0], ("device", Some("cpu"), true));
        assert_eq!(facts[2], ("logical cores", Some("2"), true));
        assert_eq!(facts[3], ("driver", None, true));
    }

    #[test]
    fn requests_of_serving_are_samples() {
        let document = json!({
            "schema": "perfagent.inference/1", "output_tokens_per_s": 50.5, "peak_resident_bytes": null,
            "requests": [
                {"ttft_ns": 5, "latency_ns": 9, "time_per_output_token_ns": null},
                {"ttft_ns": 7, "latency_ns": 11, "time_per_output_token_ns": 2}
            ]
        });
        let found = read(&document, None).unwrap().measurements;
        let shown: Vec<_> = found.iter().map(|m| (m.title(), m.samples.clone())).collect();
        assert_eq!(
            shown,
            [
                ("time_to_first_token".to_owned(), vec![5.0, 7.0]),
                ("time_per_output_token".to_owned(), vec![2.0]),
                ("latency".to_owned(), vec![9.0, 11.0]),
                ("output_throughput".to_owned(), vec![50.5]),
            ]
        );
    }

    #[test]
    fn a_result_without_ranks_is_refused() {
        let problem = read(&json!({"schema": "perfagent.bench/1", "ranks": []}), None).unwrap_err();
        assert_eq!(problem, "\"ranks\" is no list of ranks");
    }
}
