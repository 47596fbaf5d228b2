//! What is added: every format, and what a run is known by.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::bench::Bench;
use crate::fixture::{Job, cpu_run, job_run};

#[test]
fn every_format_becomes_a_run() {
    let bench = Bench::new();
    cpu_run(&bench.path("run.perfdb"));
    bench.results("bmf.json", 12.0, 3.0);
    bench.write(
        "custom.json",
        &json!([{"name": "speed", "unit": "ops/sec", "value": 7, "range": "± 1"}]),
    );
    bench.write(
        "hyperfine.json",
        &json!({"results": [{"command": "sleep 1", "mean": 1.0, "times": [1.0, 1.1]}]}),
    );
    bench.write(
        "bench.json",
        &json!({"schema": "perfagent.bench/1", "device": "cpu", "tokens_per_step": 64, "ranks": [{"step_ns": [9, 5, 6, 7], "peak_resident_bytes": 4096}]}),
    );
    let message = json!({"reason": "benchmark-complete", "id": "norm", "unit": "ns", "iteration_count": [10], "measured_values": [50.0]});
    bench.write("criterion.jsonl", &message);
    let new = bench.path("target/criterion/fib/20/new");
    fs::create_dir_all(&new).unwrap();
    fs::write(new.join("benchmark.json"), json!({"full_id": "fib/20"}).to_string()).unwrap();
    fs::write(new.join("sample.json"), json!({"iters": [1, 2], "times": [4, 10]}).to_string())
        .unwrap();
    for file in [
        "bmf.json",
        "custom.json",
        "hyperfine.json",
        "bench.json",
        "criterion.jsonl",
        "target/criterion",
    ] {
        bench.add(file, "abc", 0);
    }
    let words =
        ["add", "--store", "history.db", "--commit", "abc", "--branch", "main", "run.perfdb"];
    let told = bench.run(&words);
    assert_eq!(told.code, 0, "{}", told.stderr);
    insta::assert_snapshot!(bench.run(&["list", "--store", "history.db"]).answer());
    insta::assert_snapshot!(bench.run(&["show", "--store", "history.db", "--details"]).answer());
    let one = bench.run(&["show", "--store", "history.db", "--run", "7"]).answer();
    assert!(one.contains("cpu") && one.contains("EPYC 9354") && one.contains("step time"), "{one}");
}

/// A recording's environment decides: the same job on another GPU has no history yet.
#[test]
fn recordings_bring_their_environment() {
    let bench = Bench::new();
    let add = |file: &str, commit: &str, job: &Job| {
        job_run(&bench.path(file), job);
        let words = ["add", "--store", "history.db", "--branch", "main", "--commit", commit, file];
        assert_eq!(bench.run(&words).code, 0);
    };
    for number in 0..10_i64 {
        let step_ns = 100_000_000 + number * 7 % 5 * 100_000;
        add(&format!("{number}.perfdb"), &format!("c{number}"), &Job { step_ns, ..Job::default() });
    }
    let check = ["check", "--store", "history.db"];
    assert_eq!(bench.run(&check).code, 0);
    add("slow.perfdb", "slow", &Job { step_ns: 120_000_000, ..Job::default() });
    let slow = bench.run(&check);
    assert_eq!(slow.code, 1);
    assert!(slow.stdout.contains("step time"), "{}", slow.stdout);
    add("other.perfdb", "other", &Job { gpu: "NVIDIA A100-SXM4-80GB", ..Job::default() });
    let other = bench.run(&check);
    assert_eq!(other.code, 4, "{}", other.stdout);
    assert!(other.stdout.contains("gpu was 1 × NVIDIA H100 80GB HBM3"), "{}", other.stdout);
}

#[test]
fn the_same_file_twice_is_one_run() {
    let bench = Bench::new();
    bench.results("a.json", 5.0, 6.0);
    let first = bench.add("a.json", "abc", 0);
    assert_eq!(first, "run 1: 2 metrics of a.json (abc on main, default on node-1)\n");
    let again = bench.add("a.json", "abc", 0);
    assert!(again.starts_with("run 1 has the same figures as a.json"), "{again}");
    assert!(bench.add("a.json", "abc", 1).starts_with("run 2: "), "another time is another run");
    assert!(bench.add("a.json", "fed", 0).starts_with("run 3: "));
    let words = ["add", "--store", "history.db", "--commit", "abc", "--branch", "main"];
    let words = [&words[..], &["--machine", "node-1", "--replace", "--json", "a.json"]].concat();
    assert_eq!(bench.json(&words)["runs"][0]["id"], 4);
    let list = bench.json(&["list", "--store", "history.db", "--json"]);
    let ids: Vec<_> =
        list["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect();
    assert_eq!(ids, [3, 4]);
}

#[test]
fn the_commit_is_what_ci_or_git_says() {
    let bench = Bench::new();
    bench.results("a.json", 5.0, 6.0);
    let add = ["add", "--store", "history.db", "--machine", "m", "a.json"];
    let in_no_repository = |command: &mut assert_cmd::Command| {
        command
            .env("GIT_CEILING_DIRECTORIES", bench.folder().parent().unwrap())
            .env_remove("GIT_DIR");
    };
    let mut command = bench.command(&add);
    in_no_repository(&mut command);
    crate::command::outcome(&mut command).refusal("give it with --commit");
    for (variables, place) in [
        (&[("GITHUB_SHA", "aaa"), ("GITHUB_REF_NAME", "main")][..], "(aaa on main,"),
        (
            &[("GITHUB_SHA", "bbb"), ("GITHUB_REF_NAME", "12/merge"), ("GITHUB_HEAD_REF", "fix")],
            "(bbb on fix,",
        ),
        (
            &[("CI_COMMIT_SHA", "ccc"), ("CI_COMMIT_BRANCH", "dev"), ("GITHUB_HEAD_REF", "")],
            "(ccc on dev,",
        ),
    ] {
        let mut command = bench.command(&add);
        command.envs(variables.iter().copied());
        let answer = crate::command::outcome(&mut command).answer();
        assert!(answer.contains(place), "{answer}");
    }
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let mut command = Command::new("git");
        command.args(identity).args(words).current_dir(bench.folder());
        assert!(command.stdout(std::process::Stdio::null()).status().unwrap().success());
    };
    git(&["init", "-q", "-b", "trunk"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    let answer = bench.run(&add).answer();
    assert!(answer.contains(" on trunk, default on m)"), "{answer}");
    git(&["checkout", "-q", "--detach"]);
    bench.run(&add).refusal("give it with --branch");
}

#[test]
fn a_history_of_github_action_benchmark() {
    let bench = Bench::new();
    let entry = |day: i64| {
        let commit = json!({"id": format!("c{day}")});
        let benches = json!([{"name": "fib", "value": 50.0 + super::bench::noise(day), "unit": "ns/iter", "range": "± 2"}]);
        json!({"commit": commit, "date": 1_573_968_123_092_i64 + day * 86_400_000, "tool": "cargo", "benches": benches})
    };
    let entries: Vec<_> = (0..20).map(entry).collect();
    let history = json!({"lastUpdate": 1, "repoUrl": "", "entries": {"Rust Benchmark": entries}});
    fs::write(bench.path("data.js"), format!("window.BENCHMARK_DATA = {history}")).unwrap();
    let import =
        ["import", "--store", "history.db", "--branch", "main", "--machine", "runner", "data.js"];
    let answer = bench.run(&import).answer();
    assert_eq!(
        answer,
        "data.js: 20 runs of github-action-benchmark's history, 0 of which were there already\n"
    );
    let answer = bench.run(&import).answer();
    assert!(answer.contains("20 of which were there already"), "{answer}");
    let list = bench.json(&["list", "--store", "history.db", "--json"]);
    assert_eq!(list["runs"][1]["time"], "2019-11-18T05:22:03Z");
    assert_eq!(list["runs"][1]["suite"], "Rust Benchmark");
    let check = bench.json(&["check", "--store", "history.db", "--json"]);
    assert_eq!(check["verdict"], "ok");
    bench.run(&["add", "--store", "history.db", "data.js"]).refusal("perfagent history import");
}

#[test]
fn the_user_may_say_which_way_is_better() {
    let bench = Bench::new();
    bench.write("a.json", &json!({"x": {"score": {"value": 1}}, "y": {"score": {"value": 2}}}));
    let add = ["add", "--store", "history.db", "--commit", "a", "--branch", "b", "a.json"];
    bench.run(&[&add[..], &["--higher-is-better", "y"]].concat()).answer();
    let run = bench.json(&["show", "--store", "history.db", "--run", "1", "--json"]);
    let better = |index: usize| run["measurements"][index]["better"].as_str().unwrap();
    assert_eq!((better(0), better(1)), ("lower", "higher"));
}
