//! The advice in its forms.

use serde_json::Value;

use crate::command::run;
use crate::fixture::{cpu_folder, gpu_run};

#[test]
fn advice_as_text() {
    let folder = cpu_folder();
    insta::assert_snapshot!(run(folder.path(), &["advise", "run.perfdb"]).answer());
}

#[test]
fn advice_as_markdown() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    insta::assert_snapshot!(run(folder.path(), &["advise", "run.perfdb", "--markdown"]).answer());
}

#[test]
fn every_fact_names_where_it_was_measured() {
    let folder = cpu_folder();
    let answer = run(folder.path(), &["advise", "run.perfdb", "--json"]).answer();
    let document: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(document["schema"], "perfagent.advice/1");
    let facts = document["facts"].as_array().unwrap();
    let names: Vec<_> = facts.iter().map(|fact| fact["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["data_stall", "communication", "memory_headroom"]);
    for fact in facts.iter().filter(|fact| fact["verdict"] != "unknown") {
        assert!(!fact["evidence"].as_array().unwrap().is_empty(), "{fact}");
        assert_eq!(fact["evidence"][0]["recording"], "run.perfdb");
    }
}
