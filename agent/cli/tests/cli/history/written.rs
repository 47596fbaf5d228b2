//! What comes out: series, pictures, and the forms of other tools.

use std::fs;

use serde_json::Value;

use super::bench::Bench;
use crate::command::run;

#[test]
fn a_series_in_its_forms() {
    let bench = Bench::new();
    bench.with_past();
    for (index, day) in (0..6).enumerate() {
        let name = format!("{index}.json");
        bench.results(&name, 1300.0 + index as f64, 500.0);
        bench.add(&name, &format!("slow{index}"), day);
    }
    let show = ["show", "--store", "history.db"];
    insta::assert_snapshot!(bench.run(&show).answer());
    insta::assert_snapshot!(bench.run(&[&show[..], &["latency"]].concat()).answer());
    let csv = bench.run(&[&show[..], &["latency", "--csv"]].concat()).answer();
    assert!(csv.starts_with("run,time,commit,value\n1,2026-01-30T12:00:00Z,c000,1000\n"), "{csv}");
    fs::write(bench.path("latency.csv"), &csv).unwrap();
    let json = bench.run(&[&show[..], &["latency", "--json"]].concat()).answer();
    fs::write(bench.path("latency.json"), &json).unwrap();
    for file in ["latency.csv", "latency.json"] {
        let answer = run(bench.folder(), &["changepoints", file, "--json"]).answer();
        let found: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&found["n"], &found["changepoints"][0]["index"]), (&36.into(), &30.into()));
    }
    bench.run(&[&show[..], &["--json"]].concat()).refusal("2 series are meant");
    bench.run(&[&show[..], &["speed"]].concat()).refusal("holds no such runs");
    bench.run(&[&show[..], &["--run", "99"]].concat()).refusal("has no run 99");
}

#[test]
fn the_forms_of_other_tools() {
    let bench = Bench::new();
    bench.with_past();
    let export = |words: &[&str]| {
        bench.run(&[&["export", "--store", "history.db", "--format"], words].concat())
    };
    let bmf = export(&["bmf"]).answer();
    fs::write(bench.path("bmf.json"), &bmf).unwrap();
    insta::assert_snapshot!(bmf);
    let custom = export(&["github-action-benchmark", "--run", "2"]);
    assert_eq!(custom.code, 0);
    assert_eq!(
        custom.stderr,
        "perfagent: 1 metrics go the other way; write them with --better higher\n"
    );
    insta::assert_snapshot!(custom.stdout);
    let csv = export(&["csv", "--commit", "c00"]).answer();
    assert_eq!(csv.lines().count(), 1 + 2 * 10, "{csv}");
    // What was written is taken in again.
    assert!(bench.add("bmf.json", "again", 1).contains("2 metrics"));
    for format in ["hyperfine", "criterion"] {
        let times = export(&[format, "--run", "2"]);
        assert_eq!(times.stderr, "perfagent: 1 metrics are no times, and are left out\n");
        let file = format!("{format}.json");
        fs::write(bench.path(&file), &times.stdout).unwrap();
        let added = bench.add(&file, format, 1);
        assert!(added.contains("1 metric of"), "{added}");
    }
    export(&["bmf", "--commit", "none"]).refusal("holds no such run");
    export(&["bmf", "-o", "history.db"]).refusal("which is not replaced");
}

#[test]
fn a_whole_history_goes_into_another_store() {
    let bench = Bench::new();
    bench.with_past();
    bench.results("one.json", 0.1 + 0.2, 1.0 / 3.0);
    bench.add("one.json", "x", 0);
    let export =
        |store: &str| bench.run(&["export", "--store", store, "--format", "json"]).answer();
    fs::write(bench.path("all.json"), export("history.db")).unwrap();
    bench.run(&["import", "--store", "copy.db", "all.json"]).answer();
    assert_eq!(export("copy.db"), export("history.db"));
    let again = bench.run(&["import", "--store", "history.db", "all.json"]).answer();
    assert!(
        again.contains("31 runs of perfagent's history, 31 of which were there already"),
        "{again}"
    );
}
