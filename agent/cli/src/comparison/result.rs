//! A run of which there is the benchmark's result (`perfagent-bench --json`) and no recording.

use std::collections::BTreeMap;

use perfagent_regress::compare::{Better, Unit};
use serde_json::Value;

use super::environment::Described;
use super::run::Run;
use crate::suite::{CaseResult, Machine};
use crate::unit;

const TRAINING: &str = "perfagent.bench/1";
const INFERENCE: &str = "perfagent.inference/1";

/// Whether a text begins as a result does; its head is enough.
pub(super) fn is_result(head: &str) -> bool {
    head.trim_start().starts_with('{') && [TRAINING, INFERENCE].iter().any(|it| head.contains(it))
}

impl Run {
    /// Takes the figures out of a result; what is not in it is not known.
    pub(super) fn of_result(path: String, result: &Value) -> anyhow::Result<Self> {
        let mut run = Self { path, ..Self::default() };
        match result["schema"].as_str() {
            Some(TRAINING) => run.add_training(result),
            Some(INFERENCE) => run.add_inference(result),
            _ => anyhow::bail!(
                "{}: is no result of perfagent-bench; name what its --json has written, or a recording",
                run.path
            ),
        }
        run.environment = described(result).facts();
        Ok(run)
    }

    fn add_training(&mut self, result: &Value) {
        let ranks = result["ranks"].as_array().map_or(&[][..], Vec::as_slice);
        let mut steps: Vec<f64> = Vec::new();
        for lengths in ranks.iter().filter_map(|rank| rank["step_ns"].as_array()) {
            steps.resize(steps.len().max(lengths.len()), 0.0);
            for (longest, length) in steps.iter_mut().zip(lengths) {
                *longest = longest.max(length.as_f64().unwrap_or(0.0));
            }
        }
        self.steps = steps.len() as i64;
        // As of a recording: the first one warms up.
        if steps.len() > 2 {
            steps.remove(0);
        }
        self.add_times(
            steps,
            (result["tokens_per_step"].as_f64(), result["samples_per_step"].as_f64()),
        );
        for (name, key) in [
            ("peak_allocated_memory", "peak_device_bytes"),
            ("peak_reserved_memory", "peak_device_reserved_bytes"),
            ("peak_host_memory", "peak_resident_bytes"),
        ] {
            let most = ranks.iter().filter_map(|rank| rank[key].as_f64()).max_by(f64::total_cmp);
            self.headline(name, Unit::Bytes, Better::Lower, most.into_iter().collect());
        }
        self.losses = losses(result);
        let data: Vec<&Value> =
            ranks.iter().map(|rank| &rank["data"]).filter(|data| data.is_object()).collect();
        if self.steps > 0 && !data.is_empty() {
            let sum = |key| data.iter().filter_map(|data| data[key].as_i64()).sum::<i64>();
            let shared_by = self.steps as f64 * data.len() as f64;
            self.add_stalls((sum("wait_ns"), sum("stalls")), shared_by);
        }
    }

    fn add_inference(&mut self, result: &Value) {
        let mut rate = |name, value: &Value, unit| {
            self.headline(name, unit, Better::Higher, value.as_f64().into_iter().collect());
        };
        rate("throughput", &result["output_tokens_per_s"], Unit::TokensPerSecond);
        rate("requests", &result["requests_per_s"], Unit::SamplesPerSecond);
        for (name, key) in [
            ("time_to_first_token", "ttft_ns"),
            ("time_per_output_token", "time_per_output_token_ns"),
            ("latency", "latency_ns"),
        ] {
            let median = result[key]["p50"].as_f64();
            self.headline(name, Unit::Nanoseconds, Better::Lower, median.into_iter().collect());
        }
        for (name, key) in [("time_to_first_token_p99", "ttft_ns"), ("latency_p99", "latency_ns")] {
            self.detail(name, Unit::Nanoseconds, result[key]["p99"].as_f64().into_iter().collect());
        }
        let memory = result["peak_resident_bytes"].as_f64();
        self.headline("peak_host_memory", Unit::Bytes, Better::Lower, memory.into_iter().collect());
    }

    /// A case of a suite: what the recording does not tell, or all where there is none.
    pub(super) fn complete(&mut self, case: &CaseResult) {
        self.case = Some(case.case.clone());
        let suite = format!("{} {}", case.suite, case.suite_hash);
        let Machine { host, torch, perfagent, .. } = &case.environment;
        let gpus = match case.environment.gpus.as_slice() {
            [] => "none".to_owned(),
            gpus => gpus.join(", "),
        };
        for (name, value) in [
            ("suite", Some(suite)),
            ("torch", torch.clone()),
            ("host", Some(host.clone())),
            ("gpu", Some(gpus)),
            ("driver", case.environment.driver.clone()),
            ("cpu", case.environment.cpu.clone()),
            ("logical cores", Some(case.environment.cores.to_string())),
            ("memory", case.environment.memory_bytes.map(unit::bytes)),
            ("perfagent", Some(perfagent.clone())),
        ] {
            let fact = self.environment.iter_mut().find(|fact| fact.name == name);
            if let Some(fact) = fact.filter(|fact| fact.value.is_none()) {
                fact.value = value;
            }
        }
        if self.losses.is_empty() {
            self.losses = case.result.as_ref().map(losses).unwrap_or_default();
        }
    }
}

/// The losses of a result by step. What is no number in JSON is written as null.
fn losses(result: &Value) -> BTreeMap<i64, f64> {
    let first = result["first_step"].as_i64().unwrap_or(0);
    let losses = result["losses"].as_array().map_or(&[][..], Vec::as_slice);
    let number = |loss: &Value| loss.as_f64().unwrap_or(f64::NAN);
    (0_i64..).zip(losses).map(|(step, loss)| (first.saturating_add(step), number(loss))).collect()
}

/// Where a result was made, as far as it says.
fn described(result: &Value) -> Described {
    let environment = &result["environment"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value, unit: &str| value.as_u64().map(|number| format!("{number}{unit}"));
    let on_cpu = result["device"] == "cpu";
    Described {
        gpu: on_cpu.then(|| "none".to_owned()),
        driver: text(&environment["driver_version"]),
        cpu: text(&environment["host_cpu"]),
        cores: number(&environment["host_cpus"], ""),
        ranks: number(&result["world_size"], ""),
        basis: Some("result of a benchmark".to_owned()),
        clock_limit: number(&environment["most_sm_clock_mhz"], " MHz"),
        power_limit: number(&environment["power_limit_watts"], " W"),
        system: text(&environment["kernel"]),
        torch: text(&result["torch_version"]),
        workload: result["config"].as_object().map(|config| {
            let shown: Vec<_> =
                config.iter().map(|(key, value)| format!("{key}={value}")).collect();
            shown.join(" ")
        }),
        ..Described::default()
    }
}

#[cfg(test)]
mod tests {
    use perfagent_fuzz::{damage, each_input};
    use perfagent_regress::compare::Settings;

    use crate::comparison::{Run, Side, compare, page};
    use crate::page::Form;

    const RESULT: &str = r#"{"schema": "perfagent.bench/1", "config": {"model": "gpt"}, "device": "cpu", "world_size": 1,
        "environment": {"host_cpu": "EPYC", "host_cpus": 32}, "torch_version": "2.11.0", "samples_per_step": 4,
        "tokens_per_step": 4096, "first_step": 0, "losses": [5.5, 4.25, null],
        "ranks": [{"step_ns": [30, 10, 11], "peak_resident_bytes": 1024, "data": {"wait_ns": 5, "stalls": 1}}]}"#;

    /// Whatever a result says, it is compared or refused, and never brings anything down.
    #[test]
    fn damaged_results_are_compared_or_refused() {
        let whole: serde_json::Value = serde_json::from_str(RESULT).unwrap();
        let settings = Settings { resamples: 10, ..Settings::default() };
        each_input("results of benchmarks", 2000, |input| {
            let mut bytes = RESULT.as_bytes().to_vec();
            damage(&mut bytes, input);
            let Ok(result) = serde_json::from_slice(&bytes) else { return };
            let Ok(run) = Run::of_result("odd.json".to_owned(), &result) else { return };
            let base = Run::of_result("base.json".to_owned(), &whole).unwrap();
            let side = |run| Side { runs: vec![run], ..Side::default() };
            if let Ok(answer) = compare(side(base), side(run), true, &settings) {
                assert!(page(&answer).render(Form::Html).contains("perfagent compare"));
            }
        });
    }
}
