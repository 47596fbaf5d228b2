//! `MLflow`'s file store: a folder an experiment, a folder a run, a file a value (`mlflow/store/tracking/file_store.py`).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{PushError, place};
use crate::moment::Moment;
use crate::recordings::RunFigures;

/// The name of the experiment, unless the environment has one.
pub(super) fn experiment() -> String {
    let named = std::env::var("MLFLOW_EXPERIMENT_NAME").ok().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| "perfagent".to_owned())
}

/// A metric as `MLflow` has it: name, value, milliseconds since the epoch, step.
pub(super) fn metrics(run: &RunFigures) -> Vec<(String, f64, i64, i64)> {
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    let steps = run.each_step.iter();
    let mut metrics: Vec<_> = steps
        .map(|&(step, end, seconds)| ("step_time_s".to_owned(), seconds, ms(end), step))
        .collect();
    let last = run.each_step.last().map_or(0, |(step, ..)| *step);
    let numbers = run.numbers().into_iter();
    metrics.extend(numbers.map(|(name, value)| (name, value, ms(run.end_unix_s), last)));
    metrics
}

/// Writes the run into the experiment's folder.
pub(super) fn write(root: &Path, run: &RunFigures) -> Result<String, PushError> {
    let experiment = experiment_folder(root, &experiment())?;
    let id = id(run);
    let own = place::make_folder(&experiment.path, &id)?;
    for folder in ["metrics", "params", "tags", "artifacts"] {
        place::make_folder(&own, folder)?;
    }
    let mut files: Vec<(String, String)> = Vec::new();
    for (name, value, ms, step) in metrics(run) {
        let at = files.iter().position(|(known, _)| *known == name);
        let at = at.unwrap_or_else(|| {
            files.push((name, String::new()));
            files.len() - 1
        });
        // Writing to a String does not fail.
        let _ = writeln!(files[at].1, "{ms} {value} {step}");
    }
    for (name, text) in &files {
        place::write(&own.join("metrics").join(name), text.as_bytes())?;
    }
    for (name, value) in &run.job {
        place::write(&own.join("params").join(file_name(name)), value.as_bytes())?;
    }
    let name = place::name(run);
    for (tag, value) in [("mlflow.runName", name), ("mlflow.source.name", "perfagent record")] {
        place::write(&own.join("tags").join(tag), value.as_bytes())?;
    }
    // Last: without it nobody takes the folder for a run.
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    let meta = format!(
        "artifact_uri: {}\nend_time: {}\nentry_point_name: ''\nexperiment_id: '{}'\nlifecycle_stage: active\n\
         run_id: {id}\nrun_name: {}\nrun_uuid: {id}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n\
         start_time: {}\nstatus: 3\ntags: []\nuser_id: perfagent\n",
        quoted(&format!("file://{}", absolute(&own.join("artifacts")).display())),
        ms(run.end_unix_s),
        experiment.id,
        quoted(name),
        ms(run.end_unix_s - run.duration_s),
    );
    place::write(&own.join("meta.yaml"), meta.as_bytes())?;
    Ok(own.display().to_string())
}

struct Experiment {
    id: String,
    path: PathBuf,
}

/// The folder of the experiment of this name; a new one if there is none.
fn experiment_folder(root: &Path, name: &str) -> Result<Experiment, PushError> {
    let known = fs::read_dir(root).into_iter().flatten().filter_map(Result::ok).find_map(|entry| {
        let meta = fs::read_to_string(entry.path().join("meta.yaml")).ok()?;
        let of = |key: &str| {
            let value = meta.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?;
            Some(value.trim().trim_matches('\'').to_owned())
        };
        let is_it = of("name").as_deref() == Some(name)
            && of("lifecycle_stage").as_deref() == Some("active");
        Some(Experiment { id: of("experiment_id").filter(|_| is_it)?, path: entry.path() })
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let ms = (Moment::now().unix_s * 1000.0) as i64;
    let id = format!("{ms}{:05}", std::process::id() % 100_000);
    let path = place::make_folder(root, &id)?;
    let meta = format!(
        "artifact_location: {}\ncreation_time: {ms}\nexperiment_id: '{id}'\nlast_update_time: {ms}\n\
         lifecycle_stage: active\nname: {}\n",
        quoted(&format!("file://{}", absolute(&path).display())),
        quoted(name)
    );
    place::write(&path.join("meta.yaml"), meta.as_bytes())?;
    Ok(Experiment { id, path })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A run's identifier: 32 hexadecimal digits, others for each push.
fn id(run: &RunFigures) -> String {
    let now = Moment::now();
    let text = format!("{} {:?} {}", run.name, now, std::process::id());
    let half = |seed: u32| crc32c::crc32c_append(seed, text.as_bytes());
    let parts = [half(1), half(2), (now.unix_s as u64) as u32, (now.steady_s * 1e6) as u64 as u32];
    parts.map(|part| format!("{part:08x}")).concat()
}

/// YAML in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A parameter is a file: what leads elsewhere is none.
fn file_name(name: &str) -> String {
    name.replace(
        |character: char| !character.is_ascii_alphanumeric() && !"_-.".contains(character),
        "_",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::write;
    use crate::tracker::wandb::tests::run;

    #[test]
    fn a_run_is_a_folder_and_the_experiment_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let first = std::path::PathBuf::from(write(root.path(), &run()).unwrap());
        let second = std::path::PathBuf::from(write(root.path(), &run()).unwrap());
        assert_ne!(first, second);
        assert_eq!(first.parent(), second.parent(), "one experiment");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        let read = |name: &str| fs::read_to_string(first.join(name)).unwrap();
        assert_eq!(read("metrics/step_time_s"), "1772366399000 0.75 0\n1772366399500 0.5 1\n");
        assert_eq!(read("metrics/mfu_pct"), "1772366400000 42 1\n");
        assert_eq!(read("params/precision"), "bf16");
        assert_eq!(read("tags/mlflow.runName"), "run");
        let meta = read("meta.yaml");
        for line in
            ["status: 3", "start_time: 1772366390000", "end_time: 1772366400000", "run_name: 'run'"]
        {
            assert!(meta.lines().any(|found| found == line), "{line}: {meta}");
        }
    }
}
