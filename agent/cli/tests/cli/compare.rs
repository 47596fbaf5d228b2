//! The comparison of two sets of runs, in its forms and with its exit codes.

use std::path::Path;

use serde_json::Value;

use crate::command::{Outcome, run};
use crate::fixture::{Job, cpu_run, job_run};

/// What the runs of a side have on top of their length, in tenths of a percent: between-run noise.
const NOISE: [i64; 5] = [0, 4, -3, 2, -5];

/// Records five runs `NAME-0.perfdb` … whose steps take `step_pct` percent of 100 ms, and returns their
/// names.
fn side(folder: &Path, name: &str, step_pct: i64, job: impl Fn() -> Job) -> Vec<String> {
    let runs = NOISE.iter().enumerate().map(|(number, noise)| {
        let file = format!("{name}-{number}.perfdb");
        let per_mille = step_pct * 10 + noise;
        let scaled = |nanos: i64| nanos * per_mille / 1000;
        let job = job();
        let job = Job { step_ns: scaled(job.step_ns), kernel_ns: scaled(job.kernel_ns), ..job };
        job_run(&folder.join(&file), &job);
        file
    });
    runs.collect()
}

fn compare(folder: &Path, base: &[String], new: &[String], options: &[&str]) -> Outcome {
    let words = ["compare"].into_iter().chain(base.iter().map(String::as_str));
    let words = words.chain(["--"]).chain(new.iter().map(String::as_str));
    run(folder, &words.chain(options.iter().copied()).collect::<Vec<_>>())
}

fn document(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn row<'a>(document: &'a Value, name: &str) -> &'a Value {
    let rows = document["metrics"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {document}"))
}

#[test]
fn a_slowdown_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 104, Job::default);
    let outcome = compare(folder.path(), &base, &new, &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn a_slowdown_as_markdown() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 104, || Job { kernel: "gemm_fp32", ..Job::default() });
    let outcome = compare(folder.path(), &base, &new, &["--markdown"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn every_metric_of_a_slowdown() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 104, Job::default);
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    assert_eq!(outcome.code, 1);
    let document = document(&outcome);
    assert_eq!(document["schema"], "perfagent.compare/1");
    assert_eq!(document["verdict"], "regression");
    for (name, verdict) in [
        ("step_time", "regression"),
        ("throughput", "regression"),
        ("kernel_time", "regression"),
        ("kernel_count", "equivalent"),
        ("peak_device_memory", "equivalent"),
    ] {
        assert_eq!(row(&document, name)["verdict"], verdict, "{name}");
    }
    let step = row(&document, "step_time");
    assert_eq!((&step["base"]["runs"], &step["base"]["samples"]), (&5.into(), &55.into()));
    assert_eq!(step["base"]["median"], 100_000_000.0);
    assert!((step["change_pct"].as_f64().unwrap() - 4.0).abs() < 0.01);
    assert_eq!(row(&document, "throughput")["base"]["median"], 81_920.0);
    let kernel = &document["difference"]["kernels"][0];
    assert_eq!((&kernel["name"], &kernel["base_count"]), (&"gemm_bf16".into(), &1.0.into()));
    // The noise of five runs comes to -0.4 tenths of a percent of 60 ms.
    assert_eq!(
        (&kernel["base_ns"], &kernel["new_ns"]),
        (&59_976_000.0.into(), &62_376_000.0.into())
    );
    // The other way round it is an improvement, and that is no "no".
    let outcome = compare(folder.path(), &new, &base, &["--json", "--strict"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(self::document(&outcome)["verdict"], "improvement");
    // What does not matter is the user's to say.
    let outcome = compare(folder.path(), &base, &new, &["--threshold", "8", "--json"]);
    assert_eq!((outcome.code, &self::document(&outcome)["verdict"]), (0, &"equivalent".into()));
}

#[test]
fn an_equal_pair_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 100, Job::default);
    let outcome = compare(folder.path(), &base, &new, &["--strict", "--json"]);
    assert_eq!((outcome.code, &document(&outcome)["verdict"]), (0, &"equivalent".into()));
    assert_eq!(outcome.stdout, compare(folder.path(), &base, &new, &["--json"]).stdout);
}

#[test]
fn one_run_a_side_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 130, Job::default);
    let outcome = compare(folder.path(), &base[..1], &new[..1], &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(outcome.stdout);
    let outcome = compare(folder.path(), &base[..1], &new[..1], &["--strict"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (3, ""));
}

#[test]
fn different_gpus_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let other = || Job { gpu: "NVIDIA A100-SXM4-80GB", host: "node-2", ..Job::default() };
    let new = side(folder.path(), "new", 100, other);
    let outcome = compare(folder.path(), &base, &new, &[]);
    assert_eq!(outcome.code, 4);
    assert_eq!(outcome.stderr.lines().count(), 1);
    for part in ["base-0.perfdb", "1 × NVIDIA H100 80GB HBM3", "1 × NVIDIA A100", "--force"] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    insta::assert_snapshot!(outcome.stdout);
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, &document["verdict"]), (4, &"incomparable".into()));
    assert_eq!(document["environment"]["differences"][0]["fact"], "gpu");
    let outcome = compare(folder.path(), &base, &new, &["--force", "--json"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(self::document(&outcome)["environment"]["forced"], true);
}

/// Another host of the same kind is worth a remark, no more.
#[test]
fn another_host_of_the_same_kind_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 100, || Job { host: "node-2", ..Job::default() });
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, &document["verdict"]), (0, &"equivalent".into()));
    assert_eq!(document["environment"]["differences"][0]["fact"], "host");
}

/// A run of more steps has more of everything: only figures of single steps are compared.
#[test]
fn runs_of_different_length_are_compared_by_their_steps() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", 100, Job::default);
    let new = side(folder.path(), "new", 100, || Job { steps: 30, ..Job::default() });
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, &document["verdict"]), (0, &"equivalent".into()));
    let rows = document["metrics"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["family"] == "headline"), "{document}");
    assert!(document["warnings"][0].as_str().unwrap().contains("different numbers of steps"));
}

#[test]
fn a_recording_without_anything_is_inconclusive() {
    let folder = tempfile::tempdir().unwrap();
    perfagent_recording::Writer::create(&folder.path().join("empty.perfdb"))
        .unwrap()
        .finish()
        .unwrap();
    let files = ["empty.perfdb".to_owned()];
    let outcome = compare(folder.path(), &files, &files, &["--json"]);
    assert_eq!((outcome.code, &document(&outcome)["verdict"]), (0, &"inconclusive".into()));
    assert_eq!(compare(folder.path(), &files, &files, &["--strict"]).code, 3);
}

#[test]
fn operators_and_collectives_of_a_cpu_run() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..4).map(|number| format!("run-{number}.perfdb")).collect();
    for file in &files {
        cpu_run(&folder.path().join(file));
    }
    let outcome = compare(folder.path(), &files[..2], &files[2..], &["--json", "--strict"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, &document["verdict"]), (0, &"equivalent".into()));
    for name in [
        "step_time",
        "exposed_communication",
        "peak_host_memory",
        "operator_time",
        "operator_count",
        "bus_bandwidth",
    ] {
        assert_eq!(row(&document, name)["verdict"], "equivalent", "{name}");
    }
    assert_eq!(row(&document, "bus_bandwidth")["subject"], "all_reduce float32 world of 2");
    assert_eq!(row(&document, "operator_time")["base"]["median"], 60e6);
    assert_eq!(row(&document, "exposed_communication")["base"]["median"], 20e6);
}
