//! Results of `perfagent-bench`: how long a node takes for a step of a training, alone or as a case of a suite.
//!
//! They name no host: the node is that of the file's place. Ranks of a job wait for each other, so its step is the node's, not a
//! device's; equal jobs are compared, each under a name of its own.

use serde::Deserialize;

use super::Source;
use crate::fleet::metric::Better;
use crate::fleet::node::{Measured, Report};

#[derive(Deserialize)]
struct Document {
    device: String,
    world_size: u32,
    config: Config,
    ranks: Vec<Rank>,
}

#[derive(Deserialize)]
struct Config {
    model: String,
    preset: Option<String>,
    precision: String,
    micro_batch: u64,
    accumulate: u64,
    zero: u32,
    tp: u32,
    pp: u32,
    recompute: String,
    offload: String,
}

#[derive(Deserialize)]
struct Rank {
    step_ns: Vec<f64>,
}

/// A case of a suite.
#[derive(Deserialize)]
struct Case {
    suite: String,
    #[serde(rename = "case")]
    name: String,
    result: Option<Document>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

/// Reads one result.
pub(super) fn read(source: Source<'_>, place: &str, text: &str) -> Result<Report, String> {
    let document: Document = parse(text)?;
    let measured = document.measured(&document.config.name(document.world_size));
    report(source, place, measured.into_iter().collect())
}

/// Reads one case of a suite.
pub(super) fn read_case(source: Source<'_>, place: &str, text: &str) -> Result<Report, String> {
    of_cases(source, place, &[parse(text)?])
}

/// Reads the document of all cases of a suite.
pub(super) fn read_suite(source: Source<'_>, place: &str, text: &str) -> Result<Report, String> {
    of_cases(source, place, &parse::<Cases>(text)?.cases)
}

fn of_cases(source: Source<'_>, place: &str, cases: &[Case]) -> Result<Report, String> {
    let measured = cases.iter().filter_map(|case| {
        case.result.as_ref()?.measured(&format!("{}/{}", case.suite, case.name))
    });
    report(source, place, measured.collect())
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("not in the form of its schema: {error}"))
}

fn report(source: Source<'_>, place: &str, measured: Vec<Measured>) -> Result<Report, String> {
    if measured.is_empty() {
        return Err("results of perfagent-bench without a step: the training failed".to_owned());
    }
    let node = source.node.ok_or("results of perfagent-bench name no host")?;
    Ok(Report {
        node: node.to_owned(),
        source: format!("{}: {place}", source.name),
        form: "training",
        measured,
        ..Report::default()
    })
}

impl Document {
    /// The median step of the slowest rank; the first step makes what the others use.
    fn measured(&self, name: &str) -> Option<Measured> {
        let medians = self.ranks.iter().filter_map(|rank| {
            let mut steps = rank.step_ns.get(1..)?.to_vec();
            steps.retain(|step| step.is_finite() && *step > 0.0);
            steps.sort_by(f64::total_cmp);
            steps.get(steps.len() / 2).copied()
        });
        Some(Measured {
            metric: format!("training/{}/{name}/step_time", self.device),
            device: None,
            value: medians.max_by(f64::total_cmp)? / 1e6,
            unit: Some("ms".to_owned()),
            better: Better::Lower,
        })
    }
}

impl Config {
    /// What jobs must have in common to be compared.
    fn name(&self, ranks: u32) -> String {
        let mut name = format!(
            "{} {} {} micro-batch {}",
            self.model,
            self.preset.as_deref().unwrap_or("of its own shape"),
            self.precision,
            self.micro_batch
        );
        for (option, value, usual) in [
            ("ranks", ranks.to_string(), "1"),
            ("accumulate", self.accumulate.to_string(), "1"),
            ("zero", self.zero.to_string(), "0"),
            ("tp", self.tp.to_string(), "1"),
            ("pp", self.pp.to_string(), "1"),
            ("recompute", self.recompute.clone(), "none"),
            ("offload", self.offload.clone(), "none"),
        ] {
            if value != usual {
                name = format!("{name} {option} {value}");
            }
        }
        name
    }
}
