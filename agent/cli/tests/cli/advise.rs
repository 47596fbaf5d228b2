//! The advice in its forms.

use std::fs;

use serde_json::{Value, json};

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
    assert_eq!(
        names,
        [
            "data_stall",
            "communication",
            "memory_headroom",
            "host_bound",
            "synchronization",
            "exposed_copies",
            "stragglers",
            "tensor_cores",
            "unaligned_products",
            "dtype_casts",
            "tiny_kernels",
            "throttling",
            "memory_fragmentation",
        ]
    );
    for fact in facts.iter().filter(|fact| fact["verdict"] != "unknown") {
        assert!(!fact["evidence"].as_array().unwrap().is_empty(), "{fact}");
        assert_eq!(fact["evidence"][0]["recording"], "run.perfdb");
    }
}

/// Made up: all-reduces of two ranks take 0.1 ms and 1 ns a byte.
fn ceilings() -> Value {
    json!({
        "schema": "perfagent.ceilings/1",
        "host": "node-2",
        "device": "cpu",
        "name": "EPYC 9354",
        "memory_bandwidth": { "kernels": [{ "name": "copy", "median_gbps": 20.0 }] },
        "cpu": {
            "matrix_products": {
                "threads": 2,
                "dtypes": [{ "dtype": "fp32", "best": { "median_tflops": 0.1 } }],
            },
            "collectives": {
                "curves": [{
                    "collective": "all_reduce",
                    "ranks": 2,
                    "fit": { "alpha_us": 100.0, "beta_ns_per_byte": 1.0 },
                }],
            },
        },
    })
}

#[test]
fn advice_held_against_ceilings() {
    let folder = cpu_folder();
    fs::write(folder.path().join("c.json"), ceilings().to_string()).unwrap();
    let page = run(folder.path(), &["advise", "run.perfdb", "--ceilings", "c.json"]).answer();
    let (_, page) = page.split_once("\nOperator efficiency").unwrap();
    insta::assert_snapshot!(page);
}

#[test]
fn what_is_no_ceilings_is_refused() {
    let folder = cpu_folder();
    let refused = |text: &str| {
        fs::write(folder.path().join("c.json"), text).unwrap();
        let arguments = ["advise", "run.perfdb", "--ceilings", "c.json"];
        let message = run(folder.path(), &arguments).refusal("c.json");
        assert!(message.contains("perfagent ceilings -o"), "names no remedy: {message}");
        message
    };
    assert!(refused("{").contains("line 1"));
    assert!(refused("[]").contains("schema"));
    assert!(refused(r#"{"schema": "perfagent.report/1"}"#).contains("perfagent.report/1"));
    assert!(refused(r#"{"schema": "perfagent.ceilings/1"}"#).contains("`host`"));
    let no_file = run(folder.path(), &["advise", "run.perfdb", "--ceilings", "no.json"]);
    no_file.refusal("no.json");
}
