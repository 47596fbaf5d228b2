//! The report in its three forms.

use serde_json::Value;

use crate::command::run;
use crate::fixture::{cpu_folder, gpu_run};

fn report(folder: &std::path::Path, form: &[&str]) -> String {
    let arguments: Vec<_> = ["report", "run.perfdb"].iter().chain(form).collect();
    run(folder, &arguments).answer()
}

fn gpu_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    folder
}

#[test]
fn two_ranks_on_a_cpu_as_text() {
    insta::assert_snapshot!(report(cpu_folder().path(), &[]));
}

#[test]
fn two_ranks_on_a_cpu_as_markdown() {
    insta::assert_snapshot!(report(cpu_folder().path(), &["--markdown"]));
}

#[test]
fn one_rank_of_two() {
    insta::assert_snapshot!(report(cpu_folder().path(), &["--rank", "1"]));
}

#[test]
fn a_gpu_run_as_text() {
    insta::assert_snapshot!(report(gpu_folder().path(), &[]));
}

#[test]
fn a_gpu_run_as_markdown() {
    insta::assert_snapshot!(report(gpu_folder().path(), &["--markdown"]));
}

#[test]
fn a_gpu_run_as_json() {
    insta::assert_snapshot!(report(gpu_folder().path(), &["--json"]));
}

#[test]
fn the_json_document_has_the_promised_keys() {
    const OF_RANK: [&str; 22] = [
        "rank",
        "world_size",
        "pid",
        "host",
        "devices",
        "span_ns",
        "busy_ns",
        "idle_ns",
        "compute_ns",
        "comm_ns",
        "copy_ns",
        "exposed_comm_ns",
        "exposed_copy_ns",
        "overlap_pct",
        "idle_causes",
        "kernels",
        "copies",
        "launch",
        "collectives",
        "memory",
        "steps",
        "step",
    ];
    let document: Value = serde_json::from_str(&report(cpu_folder().path(), &["--json"])).unwrap();
    assert_eq!(document["schema"], "perfagent.report/1");
    assert_keys(&document, &["schema", "recording", "ranks", "warnings"]);
    assert_keys(&document["recording"], &["path", "source", "duration_ns", "hosts", "lost"]);
    let lost = ["cupti_dropped", "declined", "zero_timestamp", "ring_dropped", "gaps"];
    assert_keys(&document["recording"]["lost"], &lost);
    assert_eq!(document["ranks"].as_array().unwrap().len(), 2);
    for rank in document["ranks"].as_array().unwrap() {
        assert_keys(rank, &OF_RANK);
        assert_keys(
            &rank["kernels"][0],
            &["name", "category", "count", "total_ns", "mean_ns", "min_ns", "max_ns"],
        );
        let of_collective = [
            "op",
            "dtype",
            "group_size",
            "group",
            "count",
            "bytes",
            "total_ns",
            "algbw_gbps",
            "busbw_gbps",
        ];
        assert_keys(&rank["collectives"][0], &of_collective);
        assert_keys(
            &rank["launch"],
            &["count", "mean_delay_ns", "p50_delay_ns", "p99_delay_ns", "unlinked"],
        );
        assert_keys(
            &rank["memory"],
            &["peak_allocated_bytes", "peak_reserved_bytes", "peak_device_bytes"],
        );
        assert_keys(&rank["steps"][0], &["index", "name", "start_ns", "duration_ns"]);
        assert_keys(&rank["step"], &["count", "mean_ns", "p50_ns", "p99_ns"]);
        assert_eq!(rank["step"]["p50_ns"], 100_000_000);
        assert_eq!(rank["collectives"][0]["bytes"], 3 << 20);
    }
}

#[test]
fn several_files_are_one_run() {
    let folder = cpu_folder();
    gpu_run(&folder.path().join("other.perfdb"));
    let answer = run(folder.path(), &["report", "run.perfdb", "other.perfdb", "--json"]).answer();
    let document: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(document["recording"]["path"], "run.perfdb, other.perfdb");
    assert_eq!(document["ranks"].as_array().unwrap().len(), 3);
}

#[test]
fn an_empty_recording_is_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    perfagent_recording::Writer::create(&folder.path().join("run.perfdb"))
        .unwrap()
        .finish()
        .unwrap();
    insta::assert_snapshot!(report(folder.path(), &[]));
}

#[track_caller]
fn assert_keys(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(key).is_some(), "`{key}` is not in {object}");
    }
}

#[test]
fn the_rules_that_decided() {
    insta::assert_snapshot!(report(gpu_folder().path(), &["--rules"]));
}

/// A table of the user's, and what is wrong with one.
#[test]
fn categories_by_a_table_of_the_users() {
    let folder = gpu_folder();
    let table = folder.path().join("mine.txt");
    std::fs::write(&table, "# ours\nblas = gemm\n").unwrap();
    let document: Value =
        serde_json::from_str(&report(folder.path(), &["--json", "--rule-file", "mine.txt"]))
            .unwrap();
    let kernels = document["ranks"][0]["kernels"].as_array().unwrap();
    let of = |wanted: &str| kernels.iter().filter(|row| row["category"] == wanted).count();
    assert!(of("blas") > 0 && of("matmul") == 0, "{kernels:?}");
    assert!(kernels.iter().all(|row| (row["category"] == "other") == row["rule"].is_null()));
    assert!(kernels.iter().any(|row| row["rule"] == "blas = gemm"));

    std::fs::write(&table, "blas = gemm\n\nattention (flash|fmha)\n").unwrap();
    let done = run(folder.path(), &["report", "run.perfdb", "--rule-file", "mine.txt"]);
    assert_eq!(done.code, 2);
    assert_eq!(
        done.stderr.trim_end(),
        "perfagent: mine.txt: line 3: no ` = ` between label and expression; write `category = regular expression`, or begin the \
         line with #"
    );
    let summary = ["report", "run.perfdb", "--summary", "run.json"];
    let _ = run(folder.path(), &summary).answer();
    std::fs::write(&table, "blas = gemm\n").unwrap();
    let done = run(folder.path(), &["report", "run.json", "--rule-file", "mine.txt"]);
    assert!(done.stderr.contains("is a summary"), "{}", done.stderr);
}
