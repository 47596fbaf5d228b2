//! Lines for the client of Weights & Biases: the format of its offline runs is its own, so its own client is to write them.
//! The README has the few lines of Python that log such a file.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{PushError, place};
use crate::recordings::RunFigures;

/// Writes `FOLDER/NAME/run.jsonl`: what the job is, one line a step, and the summary.
pub(super) fn write(folder: &Path, run: &RunFigures) -> Result<String, PushError> {
    let own = place::make_folder(folder, place::name(run))?;
    let path = own.join("run.jsonl");
    let mut text = String::new();
    for line in lines(run) {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    place::write(&path, text.as_bytes())?;
    Ok(path.display().to_string())
}

fn lines(run: &RunFigures) -> Vec<Value> {
    let job: Map<_, _> = run.job.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut lines = vec![json!({"name": place::name(run), "config": job})];
    for (step, end, seconds) in &run.each_step {
        lines.push(json!({"step": step, "log": {"step_time_s": seconds}, "unix_s": end}));
    }
    let summary: Map<_, _> =
        run.numbers().into_iter().map(|(name, value)| (name, json!(value))).collect();
    lines.push(json!({"summary": summary}));
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use super::write;
    use crate::recordings::{BusBandwidth, RunFigures, StepTimes};

    pub(in crate::tracker) fn run() -> RunFigures {
        RunFigures {
            name: "run.perfdb".into(),
            end_unix_s: 1_772_366_400.0,
            duration_s: 10.0,
            ranks: 8,
            gpus: 8,
            steps: Some(StepTimes { count: 2, mean_s: 0.5, p50_s: Some(0.5), p99_s: Some(0.75) }),
            each_step: vec![(0, 1_772_366_399.0, 0.75), (1, 1_772_366_399.5, 0.5)],
            tokens_per_second: Some(16384.0),
            samples_per_second: None,
            mfu: Some(0.42),
            busy: Some(0.5),
            exposed_communication: Some(0.25),
            bus_bandwidth: vec![BusBandwidth {
                op: "all_reduce".into(),
                group_size: Some(8),
                bytes_per_second: 4.75e11,
                count: 100,
            }],
            peak_memory_bytes: Some(1 << 30),
            lost: 0,
            job: vec![("model".into(), "gpt".into()), ("precision".into(), "bf16".into())],
        }
    }

    #[test]
    fn the_lines_say_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &run()).unwrap();
        insta::assert_snapshot!("wandb", std::fs::read_to_string(path).unwrap());
    }
}
