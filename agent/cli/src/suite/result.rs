//! What became of a case: one line of `results.jsonl`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::option::{Options, is_inference};
use super::place::Machine;

/// The schema of a line.
pub(crate) const SCHEMA: &str = "perfagent.bench-suite/1";

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It ran to its end.
    Ok,
    /// It began and did not end well, or not in time.
    Failed,
    /// `perfagent-bench` cannot do what was asked.
    Refused,
    /// The memory is too small for it.
    DoesNotFit,
    /// It was not tried, as a smaller one ran out of time.
    Skipped,
}

impl Status {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::DoesNotFit => "does not fit",
            Self::Skipped => "skipped",
        }
    }
}

/// A line of `results.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CaseResult {
    /// `perfagent.bench-suite/1`.
    pub(crate) schema: String,
    pub(crate) suite: String,
    /// Of the suite's text.
    pub(crate) suite_hash: String,
    pub(crate) case: String,
    pub(crate) options: Options,
    pub(crate) status: Status,
    /// Why it is not `ok`, in one line.
    pub(crate) reason: Option<String>,
    /// Of a case that does not fit: what a rank needs, as `perfagent-bench` estimates it, to a tenth of a GiB.
    pub(crate) needed_bytes: Option<u64>,
    /// And what there was for it.
    pub(crate) available_bytes: Option<u64>,
    /// Of the recorded program; none where it was not started.
    pub(crate) exit_code: Option<i32>,
    /// From the start of the recorder to its end.
    pub(crate) duration_ns: u64,
    /// When it started, in UTC.
    pub(crate) started: String,
    /// What `perfagent-bench --json` has written.
    pub(crate) result: Option<Value>,
    /// The recording, in the folder of the results.
    pub(crate) recording: Option<String>,
    pub(crate) recording_bytes: Option<u64>,
    /// What the programs have printed, in the folder of the results.
    pub(crate) log: Option<String>,
    pub(crate) environment: Machine,
}

impl CaseResult {
    /// Whether the case serves and does not train.
    pub(crate) fn is_inference(&self) -> bool {
        is_inference(&self.options)
    }

    /// A number of the benchmark's result; within others as `ttft_ns/p50`.
    pub(crate) fn figure(&self, path: &str) -> Option<f64> {
        let figure = self.result.as_ref()?.pointer(&format!("/{path}"))?;
        figure.as_f64().filter(|figure| figure.is_finite())
    }

    /// Most memory that a rank held: of its GPU where the benchmark tells it, else of the host.
    pub(crate) fn peak_memory(&self) -> Option<i64> {
        let result = self.result.as_ref()?;
        let Some(ranks) = result.get("ranks") else {
            return result.get("peak_resident_bytes")?.as_i64();
        };
        let ranks = ranks.as_array()?;
        let most = |key| ranks.iter().filter_map(|rank| rank.get(key)?.as_i64()).max();
        most("peak_device_bytes").or_else(|| most("peak_resident_bytes"))
    }

    /// Loss of the first and of the last step.
    pub(crate) fn losses(&self) -> Option<(f64, f64)> {
        let losses = self.result.as_ref()?.get("losses")?.as_array()?;
        Some((losses.first()?.as_f64()?, losses.last()?.as_f64()?))
    }
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) failed: usize,
    pub(crate) refused: usize,
    pub(crate) does_not_fit: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    /// Counts them.
    pub(crate) fn of(results: &[CaseResult]) -> Self {
        let mut counts = Self::default();
        for result in results {
            *match result.status {
                Status::Ok => &mut counts.ok,
                Status::Failed => &mut counts.failed,
                Status::Refused => &mut counts.refused,
                Status::DoesNotFit => &mut counts.does_not_fit,
                Status::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// `7 ok, 1 refused`.
    pub(crate) fn sentence(self) -> String {
        let counts = [
            (self.ok, Status::Ok),
            (self.failed, Status::Failed),
            (self.refused, Status::Refused),
            (self.does_not_fit, Status::DoesNotFit),
            (self.skipped, Status::Skipped),
        ];
        let told = counts.iter().filter(|(count, _)| *count > 0);
        told.map(|(count, status)| format!("{count} {}", status.name()))
            .collect::<Vec<_>>()
            .join(", ")
    }
}
