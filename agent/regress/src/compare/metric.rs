//! What is compared: one quantity, measured in every run of both sides.

use serde::{Deserialize, Serialize};

use super::CompareError;

/// Which way a metric should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Times, sizes, counts.
    Lower,
    /// Rates.
    Higher,
}

/// Which false-discovery control a metric falls under. A few headline figures must not pay for hundreds
/// of kernels, nor hide among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// What the run is judged by: step time, throughput, peak memory, exposed communication.
    Headline,
    /// Where a change comes from: kernels, operators, collectives.
    Detail,
}

/// The unit of a metric's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// 1e9 bytes/s.
    #[serde(rename = "gbps")]
    GigabytesPerSecond,
    /// Tokens a second.
    #[serde(rename = "tokens_per_s")]
    TokensPerSecond,
    /// Sequences, images or requests a second.
    #[serde(rename = "samples_per_s")]
    SamplesPerSecond,
    /// Of a loss: nats a token or image.
    #[serde(rename = "nats")]
    Nats,
    /// A number of things.
    #[serde(rename = "count")]
    Count,
}

/// One quantity with its samples, one list a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The case of a suite that the runs are of.
    pub case: Option<String>,
    /// What is measured: `step_time`, `kernel_time`, …
    pub name: String,
    /// Of what, where there are many: the kernel's or collective's name.
    pub subject: Option<String>,
    /// The unit of the samples.
    pub unit: Unit,
    /// Which way it should go.
    pub better: Better,
    /// Which false-discovery control it falls under.
    pub family: Family,
    /// Samples of the base runs, one non-empty list a run that has the metric.
    pub base: Vec<Vec<f64>>,
    /// Samples of the new runs, one non-empty list a run that has the metric.
    pub new: Vec<Vec<f64>>,
}

impl Metric {
    pub(super) fn check(&self) -> Result<(), CompareError> {
        for (run, samples) in self.base.iter().chain(&self.new).enumerate() {
            if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
                let metric = match &self.subject {
                    Some(subject) => format!("{} of {subject}", self.name),
                    None => self.name.clone(),
                };
                let run = if run < self.base.len() { run } else { run - self.base.len() };
                return Err(CompareError::NotFinite { metric, run, index, value: samples[index] });
            }
        }
        Ok(())
    }
}
