//! `perfagent record --push`.

use std::fs;
use std::path::Path;

use super::super::{folder, run};

/// The names below a folder, sorted.
fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_is_handed_to_each_tracker() {
    let folder = folder();
    let words = [
        "record",
        "-o",
        "run.perfdb",
        "--push",
        "tensorboard=tb",
        "--push",
        "mlflow=mlruns",
        "--push",
        "wandb=wb",
        "--push",
        "mlflow=http://127.0.0.1:1",
        "--",
        "sh",
        "-c",
        "exit 7",
    ];
    let outcome = run(folder.path(), "gpus=1", &words);
    assert_eq!(outcome.code, 7, "the program's own: {}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("perfagent: pushed to ").count(), 3, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("not pushed to mlflow=http://127.0.0.1:1: "),
        "{}",
        outcome.stderr
    );
    assert!(names(&folder.path().join("tb/run"))[0].starts_with("events.out.tfevents."));
    assert_eq!(names(&folder.path().join("wb/run")), ["run.jsonl"]);
    let experiment = names(&folder.path().join("mlruns")).remove(0);
    let experiment = folder.path().join("mlruns").join(experiment);
    let inside = names(&experiment);
    assert_eq!((inside.len(), inside[1].as_str()), (2, "meta.yaml"));
    let run = experiment.join(&inside[0]);
    assert_eq!(names(&run), ["artifacts", "meta.yaml", "metrics", "params", "tags"]);
    assert!(names(&run.join("metrics")).contains(&"duration_s".to_owned()));
}

#[test]
fn a_destination_that_is_none_is_refused_before_anything_runs() {
    let folder = folder();
    let words = ["record", "-o", "run.perfdb", "--push", "neptune=x", "--", "touch", "ran"];
    run(folder.path(), "gpus=1", &words).refusal("neptune=x");
    assert!(!folder.path().join("ran").exists());
}
