//! What the program said about its job: the mark `run {…}` that `perfagent-bench` sets before the first
//! step.

use perfagent_recording::Recording;
use serde_json::{Map, Value};

/// The job, as far as the recording says.
#[derive(Debug, Default)]
pub(super) struct Workload {
    /// Tokens of one step over all ranks.
    pub(super) tokens_per_step: Option<f64>,
    /// Sequences or images of one step over all ranks.
    pub(super) samples_per_step: Option<f64>,
    /// libtorch's version.
    pub(super) torch: Option<String>,
    /// Model, precision, sizes, parallelism: as text; empty when nothing was said.
    pub(super) description: Option<String>,
}

/// What was measured or chosen by the machine is not part of the job.
const NOT_THE_JOB: [&str; 2] = ["peak_flops", "flops_per_step"];

impl Workload {
    pub(super) fn of(recording: &Recording) -> Self {
        let Some(mut job) = job(recording) else { return Self::default() };
        for key in NOT_THE_JOB {
            job.remove(key);
        }
        let torch = job.remove("torch").as_ref().and_then(Value::as_str).map(str::to_owned);
        let number = |key| job.get(key).and_then(Value::as_f64).filter(|&number| number > 0.0);
        let (tokens, samples) = (number("tokens_per_step"), number("samples_per_step"));
        let words: Vec<_> =
            job.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
        Self {
            tokens_per_step: tokens,
            samples_per_step: samples,
            torch,
            description: (!words.is_empty()).then(|| words.join(" ")),
        }
    }
}

fn job(recording: &Recording) -> Option<Map<String, Value>> {
    recording.marks.iter().find_map(|mark| {
        let text = recording.strings.get(mark.name_id).strip_prefix("run {")?;
        serde_json::from_str(&format!("{{{text}")).ok()
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
