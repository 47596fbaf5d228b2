//! The checks for machines with a GPU (`tests/gpu`), as far as they can be tested without one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use perfagent_tests::{Bed, Done, finish};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gpu")
}

/// `python3 ARGUMENTS…` in the folder of the checks, where no GPU can be seen and no byte code is left.
fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.current_dir(folder()).args(arguments);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("CUDA_VISIBLE_DEVICES", "");
    command
}

fn results(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("results.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "perfagent.gpu-tests/1");
    document["checks"].as_array().unwrap().clone()
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
}

/// The harness's own tests, its questions to a recording among them, on one that the recorder has just made.
#[test]
fn the_harness_passes_its_tests_on_a_real_recording() {
    let bed = Bed::new();
    let small = "--layers 1 --hidden 32 --heads 2 --seq 32 --vocab 300 --micro-batch 2 --steps 3";
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--"]).args(bed.training(small));
    let _ = finish(&mut record).success();
    let mut tests = python(&["-m", "unittest", "discover", "-s", "unit", "-t", "."]);
    let done: Done =
        finish(tests.env("PERFAGENT_SAMPLE_RECORDING", bed.path("run.perfdb"))).success();
    assert!(done.stderr.trim_end().ends_with("OK"), "nothing is left out: {}", done.stderr);
}

#[test]
fn the_dry_run_lists_every_check_and_every_file_compiles() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_string_lossy().into_owned();
    let done = finish(&mut python(&["run", "--dry", &out])).success();
    let listed = results(Path::new(&out));
    let checks = fs::read_dir(folder().join("checks")).unwrap().count();
    assert_eq!(listed.len(), checks, "{}", done.stdout);
    assert!(listed.iter().all(|check| done.stdout.contains(check["summary"].as_str().unwrap())));

    let mut sources = Vec::new();
    files(&folder(), &mut sources);
    assert!(sources.len() > checks);
    let cache = format!("{out}/cache");
    let mut compile = Command::new("python3");
    compile.args(["-W", "error", "-m", "py_compile"]).args(&sources);
    let _ = finish(compile.env("PYTHONPYCACHEPREFIX", cache)).success();
}

#[test]
fn without_a_gpu_every_check_says_so() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_string_lossy().into_owned();
    let done = finish(&mut python(&["run", &path])).success();
    for check in results(out.path()) {
        assert_eq!((&check["status"], &check["reason"]), (&"skipped".into(), &"no GPU".into()));
    }
    let last = done.stdout.lines().last().unwrap();
    assert!(last.starts_with("0 ok, 0 failed, 0 error, "), "{last}");
}

#[test]
fn a_check_that_there_is_not_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let done =
        finish(&mut python(&["run", &out.path().to_string_lossy(), "--only", "launches,nosuch"]));
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains("nosuch"));
}
