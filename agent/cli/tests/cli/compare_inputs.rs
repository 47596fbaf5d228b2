//! What can be compared besides single recordings: runs of several nodes, results of benchmarks, suites; and what cannot.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Outcome, run};
use crate::fixture::{Job, NodeFile, job_run, node_run};

fn compare(folder: &Path, base: &[String], new: &[String], options: &[&str]) -> Outcome {
    let words = ["compare"].into_iter().chain(base.iter().map(String::as_str));
    let words = words.chain(["--"]).chain(new.iter().map(String::as_str));
    run(folder, &words.chain(options.iter().copied()).collect::<Vec<_>>())
}

fn document(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.stderr))
}

fn row<'a>(document: &'a Value, name: &str) -> &'a Value {
    let rows = document["metrics"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {document}"))
}

fn names(prefix: &str) -> Vec<String> {
    (0..5).map(|number| format!("{prefix}-{number}")).collect()
}

#[test]
fn the_recordings_of_a_folder_are_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let [base, new] = [names("base"), names("new")];
    for name in base.iter().chain(&new) {
        fs::create_dir(folder.path().join(name)).unwrap();
        for rank in 0..2 {
            let host = ["node-1", "node-2"][rank as usize];
            let told = NodeFile { host, boot: host, job: "job", rank, exit_code: "0" };
            node_run(&folder.path().join(format!("{name}/rank-{rank}.perfdb")), &told);
        }
    }
    let outcome = compare(folder.path(), &base, &new, &["--json", "--strict"]);
    let document = document(&outcome);
    assert_eq!(
        (outcome.code, &document["verdict"]),
        (0, &"equivalent".into()),
        "{}",
        outcome.stderr
    );
    assert_eq!(document["base"].as_array().unwrap().len(), 5);
    let fact = |name: &str| {
        let facts = document["environment"]["facts"].as_array().unwrap();
        facts.iter().find(|fact| fact["fact"] == name).unwrap()["base"][0].clone()
    };
    assert_eq!((fact("ranks"), fact("hosts")), ("2".into(), "2".into()));
    assert_eq!(row(&document, "step_time")["base"]["samples"], 10);
}

#[test]
fn a_folder_of_several_runs_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("runs")).unwrap();
    for number in 0..2 {
        // Another length: otherwise they would be the same recording.
        let job = Job { steps: 10 + number, ..Job::default() };
        job_run(&folder.path().join(format!("runs/{number}.perfdb")), &job);
    }
    let runs = ["runs".to_owned()];
    let message = compare(folder.path(), &runs, &runs, &[]).refusal("runs");
    assert!(message.contains("both hold rank 0"), "{message}");
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = ["empty".to_owned()];
    let _ = compare(folder.path(), &empty, &runs, &[]).refusal("empty: is a directory without");
}

/// What `perfagent-bench --json` writes, of two ranks.
fn result(step_ns: i64, losses: &Value) -> Value {
    let rank = |slower: i64| {
        json!({
            "step_ns": [step_ns * 3, step_ns, step_ns + 1000, step_ns - 1000, step_ns + slower],
            "peak_resident_bytes": 1 << 30, "peak_device_bytes": null,
            "data": {"wait_ns": 5_000_000, "stalls": 10}
        })
    };
    json!({
        "schema": "perfagent.bench/1", "config": {"model": "gpt", "steps": 5}, "device": "cpu",
        "world_size": 2, "torch_version": "2.11.0",
        "environment": {"host_cpu": "EPYC 9354", "host_cpus": 32, "kernel": "6.1"},
        "samples_per_step": 4, "tokens_per_step": 4096, "first_step": 0,
        "losses": losses, "ranks": [rank(0), rank(2000)]
    })
}

/// Writes five results of about this step.
fn results(folder: &Path, prefix: &str, step_ns: i64, losses: &Value) -> Vec<String> {
    let files = (0..5).map(|number| {
        let name = format!("{prefix}-{number}.json");
        let text = result(step_ns + number * step_ns / 500, losses).to_string();
        fs::write(folder.join(&name), text).unwrap();
        name
    });
    files.collect()
}

#[test]
fn results_of_benchmarks_are_runs() {
    let folder = tempfile::tempdir().unwrap();
    let losses = json!([5.0, 4.5, 4.25, 4.0, 3.5]);
    let base = results(folder.path(), "base", 10_000_000, &losses);
    let new = results(folder.path(), "new", 10_500_000, &losses);
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    let step = row(&document, "step_time");
    assert_eq!((&step["verdict"], &step["base"]["samples"]), (&"regression".into(), &20.into()));
    assert_eq!(row(&document, "throughput")["unit"], "tokens_per_s");
    assert_eq!(row(&document, "data_stall_count")["base"]["median"], 2.0);
    let loss = row(&document, "loss");
    assert_eq!((&loss["subject"], &loss["verdict"]), (&"step 4".into(), &"equivalent".into()));
    assert_eq!(document["losses"], json!({"steps": 5, "equal": true, "first_difference": null}));
}

/// A loss that is no number is written as null; that no run had one before makes it a regression.
#[test]
fn a_loss_that_is_no_number_is_a_regression() {
    let folder = tempfile::tempdir().unwrap();
    let base = results(folder.path(), "base", 10_000_000, &json!([5.0, 4.5, 4.25, 4.0, 3.5]));
    let new = results(folder.path(), "new", 10_000_000, &json!([5.0, 4.5, 4.75, null, null]));
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!(outcome.code, 1);
    let bad = row(&document, "steps_without_loss");
    assert_eq!((&bad["verdict"], &bad["new"]["median"]), (&"regression".into(), &2.0.into()));
    assert_eq!(
        document["losses"]["first_difference"],
        json!({"step": 2, "base": 4.25, "new": 4.75})
    );
}

/// Writes the folder of a suite: each case with its step and how it ended.
fn suite(folder: &Path, name: &str, cases: &[(&str, i64, &str)]) {
    let lines: Vec<String> = cases
        .iter()
        .map(|&(case, step_ns, status)| {
            let result = (status == "ok").then(|| result(step_ns, &json!([5.0, 4.0])));
            let line = json!({
                "schema": "perfagent.bench-suite/1", "suite": "ci", "suite_hash": "sha256:0", "case": case,
                "options": {}, "status": status, "reason": (status != "ok").then_some("it diverged"),
                "needed_bytes": null, "available_bytes": null, "exit_code": 0, "duration_ns": 1,
                "started": "2026-03-01T12:00:00Z", "result": result, "recording": null,
                "recording_bytes": null, "log": null,
                "environment": {
                    "host": "node-1", "cpu": "EPYC 9354", "cores": 32, "memory_bytes": 1, "gpus": [],
                    "driver": null, "perfagent": "0.1.0", "torch": "2.11.0"
                }
            });
            line.to_string() + "\n"
        })
        .collect();
    fs::create_dir(folder.join(name)).unwrap();
    fs::write(folder.join(name).join("results.jsonl"), lines.concat()).unwrap();
}

#[test]
fn suites_are_compared_case_by_case_and_unequal_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let [base, new] = [names("base"), names("new")];
    for (number, (base, new)) in (0..).zip(base.iter().zip(&new)) {
        let noise = number * 20_000;
        suite(
            folder.path(),
            base,
            &[
                ("small", 10_000_000 + noise, "ok"),
                ("large", 90_000_000 + noise, "ok"),
                ("old", 5_000_000, "ok"),
            ],
        );
        suite(
            folder.path(),
            new,
            &[
                ("small", 10_000_000 - noise, "ok"),
                ("large", 99_000_000 + noise, "ok"),
                ("old", 0, "failed"),
                ("added", 7_000_000, "ok"),
            ],
        );
    }
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document = document(&outcome);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    let verdicts: Vec<_> = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            (
                case["case"].as_str().unwrap(),
                case["new_runs"].as_u64().unwrap(),
                case["verdict"].clone(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("small", 5, "equivalent".into()),
            ("large", 5, "regression".into()),
            ("old", 0, Value::Null),
            ("added", 5, Value::Null),
        ]
    );
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("The case old has no run on the new side"), "{warnings}");
    assert!(
        warnings.contains("new-0/results.jsonl: old: failed, is not compared: it diverged"),
        "{warnings}"
    );
    let rows = document["metrics"].as_array().unwrap();
    assert!(rows.iter().all(|row| ["small", "large"].contains(&row["case"].as_str().unwrap())));
    assert_eq!(document["case_details"].as_array().unwrap().len(), 4);
    let text = compare(folder.path(), &base, &new, &[]).stdout;
    insta::assert_snapshot!(text);
}

/// A case of the base side that no new run has is no success, however well the others do.
#[test]
fn a_case_that_is_gone_is_inconclusive() {
    let folder = tempfile::tempdir().unwrap();
    let [base, new] = [names("base"), names("new")];
    for (base, new) in base.iter().zip(&new) {
        suite(folder.path(), base, &[("small", 10_000_000, "ok"), ("old", 5_000_000, "ok")]);
        suite(folder.path(), new, &[("small", 10_000_000, "ok")]);
    }
    let outcome = compare(folder.path(), &base, &new, &["--json", "--strict"]);
    assert_eq!((outcome.code, &document(&outcome)["verdict"]), (3, &"inconclusive".into()));
}

#[test]
fn a_recording_and_a_result_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let base = results(folder.path(), "base", 10_000_000, &json!([5.0]));
    job_run(&folder.path().join("run.perfdb"), &Job::default());
    let outcome = compare(folder.path(), &base, &["run.perfdb".to_owned()], &["--json"]);
    assert_eq!(outcome.code, 4);
    assert!(
        outcome.stderr.contains("basis of the figures result of a benchmark / gpu"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_is_damaged_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    job_run(&folder.path().join("run.perfdb"), &Job::default());
    let whole = result(10_000_000, &json!([5.0])).to_string();
    for (name, text, place) in [
        ("cut.json", &whole[..whole.len() / 2], "cut.json: line 1: is no whole result"),
        ("infinite.json", &whole.replace("5.0", "1e999"), "infinite.json: line 1"),
        ("results.jsonl", "rubbish\n", "results.jsonl: line 1: is no result of a case"),
        ("nothing.jsonl", "", "nothing.jsonl: holds no results"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        let run = ["run.perfdb".to_owned()];
        let _ = compare(folder.path(), &run, &[name.to_owned()], &[]).refusal(place);
    }
}

/// Whatever a result holds, the answer is one, or a refusal.
#[test]
fn no_result_brings_it_down() {
    let folder = tempfile::tempdir().unwrap();
    let base = results(folder.path(), "base", 10_000_000, &json!([5.0]));
    for (number, (key, value)) in [
        ("ranks", json!(null)),
        ("ranks", json!([{"step_ns": []}])),
        ("ranks", json!([{"step_ns": [1, "x", null, -5]}, 7])),
        ("ranks", json!([{"step_ns": [1e300, 1e308, 1e308]}])),
        ("losses", json!({"a": 1})),
        ("losses", json!([0.0])),
        ("first_step", json!(i64::MAX)),
        ("tokens_per_step", json!(-1)),
        ("config", json!([])),
        ("environment", json!("none")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut odd = result(10_000_000, &json!([5.0]));
        odd[key] = value;
        let name = format!("odd-{number}.json");
        fs::write(folder.path().join(&name), odd.to_string()).unwrap();
        let outcome = compare(folder.path(), &base, &[name], &["--force", "--json"]);
        assert!([0, 1, 2].contains(&outcome.code), "{key}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("panicked"), "{key}: {}", outcome.stderr);
    }
}
