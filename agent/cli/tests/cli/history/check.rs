//! The verdict on the newest runs, in its forms and with its exit codes.

use serde_json::json;

use super::bench::{Bench, past};

const CHECK: [&str; 3] = ["check", "--store", "history.db"];

#[test]
fn a_regression_in_its_forms() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("slow.json", 1100.0, 501.0);
    bench.add("slow.json", "bad", 0);
    let text = bench.run(&CHECK);
    assert_eq!((text.code, text.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(text.stdout);
    let markdown = bench.run(&[&CHECK[..], &["--markdown"]].concat());
    assert_eq!(markdown.code, 1);
    insta::assert_snapshot!(markdown.stdout);
    let json = bench.run(&[&CHECK[..], &["--json"]].concat());
    assert_eq!(json.code, 1);
    insta::assert_snapshot!(json.stdout);
}

#[test]
fn what_fits_in_is_ok_and_what_is_faster_an_improvement() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("same.json", 1004.0, 500.0);
    bench.add("same.json", "same", 0);
    let check = bench.json(&[&CHECK[..], &["--json", "--strict"]].concat());
    assert_eq!(check["verdict"], "ok");
    let row = &check["groups"][0]["metrics"][0];
    assert!(row["detectable_pct"].as_f64().unwrap() < 5.0, "{row}");
    bench.results("fast.json", 800.0, 500.0);
    bench.add("fast.json", "fast", 1);
    let answer = bench.run(&CHECK);
    assert_eq!(answer.code, 0);
    assert!(answer.stdout.contains("verdict                     improvement"), "{}", answer.stdout);
    // Of an earlier commit only what was before it counts.
    let earlier = bench.json(&[&CHECK[..], &["--json", "--commit", "same"]].concat());
    assert_eq!(earlier["verdict"], "ok");
    assert_eq!(earlier["groups"][0]["older_runs"], 30);
}

#[test]
fn a_young_history_is_inconclusive() {
    let bench = Bench::new();
    bench.results("one.json", 1000.0, 500.0);
    bench.add("one.json", "a", 0);
    let first = bench.run(&CHECK);
    assert_eq!(first.code, 0);
    assert!(first.stdout.contains("there is no older run"), "{}", first.stdout);
    assert_eq!(bench.run(&[&CHECK[..], &["--strict"]].concat()).code, 3);
    bench.results("two.json", 2000.0, 500.0);
    bench.add("two.json", "b", 1);
    let second = bench.run(&CHECK).stdout;
    assert!(second.contains("inconclusive (7 older runs missing)"), "{second}");
}

#[test]
fn a_branch_is_held_against_another() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("slow.json", 1100.0, 500.0);
    let origin = ["--commit", "fix", "--branch", "faster", "--machine", "node-1"];
    let add = ["add", "--store", "history.db", "slow.json"];
    bench.run(&[&add[..], &origin].concat()).answer();
    assert_eq!(bench.run(&[&CHECK[..], &["--strict"]].concat()).code, 3, "no history of its own");
    let baseline = [&CHECK[..], &["--baseline-branch", "main"]].concat();
    assert_eq!(bench.run(&baseline).code, 1);
    // `main` alone is as it was.
    assert_eq!(bench.run(&[&CHECK[..], &["--branch", "main"]].concat()).code, 0);
}

#[test]
fn other_environments_are_refused_unless_forced() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("same.json", 1000.0, 500.0);
    let add = ["add", "--store", "history.db", "same.json", "--fact", "driver=580.95"];
    let origin = ["--commit", "x", "--branch", "main", "--machine", "node-1"];
    bench.run(&[&add[..], &origin].concat()).answer();
    let refused = bench.run(&CHECK);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert!(
        refused
            .stdout
            .contains("Not counted, as the environment differs: 30 older runs (driver was"),
        "{}",
        refused.stdout
    );
    assert_eq!(bench.run(&[&CHECK[..], &["--force"]].concat()).code, 0);
}

/// A metric that is gone, a suite that was left out: said, and never taken for `ok`.
#[test]
fn what_was_not_measured_is_said() {
    let bench = Bench::new();
    bench.with_past();
    bench.write("half.json", &json!({"parse": {"latency": {"value": 1000.0}}}));
    let origin = ["--commit", "y", "--branch", "main", "--machine", "node-1"];
    let add = ["add", "--store", "history.db"];
    bench.run(&[&add[..], &["half.json", "--suite", "nightly"], &origin].concat()).answer();
    bench.add("half.json", "z", 0);
    let check = bench.run(&[&CHECK[..], &["--strict"]].concat());
    assert_eq!(check.code, 3);
    for words in [
        "no longer measured",
        "throughput",
        "nightly on node-1 was not measured at this commit; last at y",
    ] {
        assert!(check.stdout.contains(words), "`{words}` is not in: {}", check.stdout);
    }
}

#[test]
fn a_clock_that_ran_backwards_is_told() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("same.json", 1001.0, 500.0);
    bench.add("same.json", "late", -40);
    let told = bench.run(&CHECK);
    assert_eq!(told.code, 0);
    for words in
        ["run 31 says that it was measured at 2026-01-20T12:00:00Z, before run", "--by-time"]
    {
        let plain = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "`{words}` is not in: {plain}");
    }
    let by_time = bench.json(&[&CHECK[..], &["--by-time", "--json"]].concat());
    assert_eq!(by_time["groups"][0]["newest"][0]["commit"], "c029");
    assert_eq!(by_time["warnings"], json!([]));
}

#[test]
fn one_commit_measured_every_night() {
    let bench = Bench::new();
    let runs: Vec<_> = (0..30)
        .map(|day| {
            let mut run = past(day, super::bench::noise(day));
            run["commit"] = json!("same");
            run
        })
        .collect();
    bench.write("past.json", &json!({"schema": "perfagent.history/1", "runs": runs}));
    bench.run(&["import", "--store", "history.db", "past.json"]).answer();
    let all = bench.run(&[&CHECK[..], &["--strict"]].concat());
    assert_eq!(all.code, 3);
    assert!(all.stdout.contains("--newest 1 judges its last run"), "{}", all.stdout);
    assert_eq!(bench.run(&[&CHECK[..], &["--strict", "--newest", "1"]].concat()).code, 0);
}
