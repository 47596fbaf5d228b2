//! What a comparison explains, and the forms that it is written in.

use std::fs;
use std::path::Path;

use quick_junit::{Report, TestCaseStatus};
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use crate::command::{Outcome, run};
use crate::fixture::{Job, job_run};

const NOISE: [i64; 5] = [0, 4, -3, 2, -5];

/// Records five runs of a job whose lengths vary by tenths of a percent.
fn side(folder: &Path, name: &str, job: &dyn Fn() -> Job) -> Vec<String> {
    let runs = NOISE.iter().enumerate().map(|(number, noise)| {
        let file = format!("{name}-{number}.perfdb");
        let job = job();
        let scaled = |nanos: i64| nanos * (1000 + noise) / 1000;
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

const MS: i64 = 1_000_000;
const SMALL: &str = "ampere_bf16_s16816gemm_bf16_64x64_ldg8_f2f_stages_64x5_tn";
const LARGE: &str = "ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_64x3_tn";

fn slower() -> Job {
    Job { step_ns: 109 * MS, kernel_ns: 66 * MS, kernel: SMALL, ..Job::default() }
}

/// A product that got another tile is slower by 6 ms, and the host is late by 3 ms more.
fn slowdown(folder: &Path) -> (Vec<String>, Vec<String>) {
    let base = side(folder, "base", &|| Job { kernel: LARGE, ..Job::default() });
    (base, side(folder, "new", &slower))
}

#[test]
fn the_parts_add_up_to_the_change_of_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let attribution = &document["attribution"];
    let rows = attribution["rows"].as_array().unwrap();
    let sum = |key: &str| rows.iter().map(|row| row[key].as_i64().unwrap()).sum::<i64>();
    for key in ["base_ns", "new_ns", "change_ns"] {
        assert_eq!(sum(key), attribution[key].as_i64().unwrap(), "{key}");
    }
    // The noise of the five runs is -0.4 tenths of a percent.
    assert_eq!(attribution["base_ns"], 99_960_000);
    assert_eq!(attribution["new_ns"], 108_956_400);
    assert_eq!(attribution["base_steps"], 55);
    let kernel = rows.iter().find(|row| row["kind"] == "kernel").unwrap();
    assert_eq!((&kernel["was"], &kernel["name"]), (&LARGE.into(), &SMALL.into()));
    assert_eq!(kernel["change_ns"], 5_997_600);
    let idle: i64 = rows
        .iter()
        .filter(|row| row["kind"] == "idle")
        .map(|row| row["change_ns"].as_i64().unwrap())
        .sum();
    assert_eq!(idle, 2_998_800);
}

/// A kernel that only changed its name is one metric and one row, not one that is gone and one that is new.
#[test]
fn a_renamed_kernel_is_compared_with_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let outcome = compare(folder.path(), &base, &new, &["--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["unpaired"], serde_json::json!([]));
    let rows = document["metrics"].as_array().unwrap();
    let kernel = rows.iter().find(|row| row["name"] == "kernel_time").unwrap();
    assert_eq!(kernel["subject"], format!("{LARGE} → {SMALL}"));
    assert_eq!(kernel["verdict"], "regression");
    assert!((kernel["change_pct"].as_f64().unwrap() - 10.0).abs() < 0.1);
}

#[test]
fn a_heated_gpu_is_not_compared_with_a_cool_one() {
    let folder = tempfile::tempdir().unwrap();
    let base = side(folder.path(), "base", &|| Job { clock_mhz: Some(1980.0), ..Job::default() });
    let hot = || Job { clock_mhz: Some(1980.0), throttled: true, ..Job::default() };
    let new = side(folder.path(), "new", &hot);
    let outcome = compare(folder.path(), &base, &new, &[]);
    assert_eq!(outcome.code, 4);
    assert!(outcome.stderr.contains("throttling none seen / hw_thermal"), "{}", outcome.stderr);
    assert_eq!(compare(folder.path(), &base, &new, &["--force"]).code, 0);
    // Another limit of the clock is decisive too; what samples make of one is not.
    for (name, clock, code) in [("near", 1950.0, 0), ("far", 1200.0, 4)] {
        let new = side(folder.path(), name, &|| Job { clock_mhz: Some(clock), ..Job::default() });
        let outcome = compare(folder.path(), &base, &new, &[]);
        assert_eq!(outcome.code, code, "{}{}", outcome.stdout, outcome.stderr);
    }
}

#[test]
fn a_junit_document_has_a_test_case_a_metric() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let outcome = compare(folder.path(), &base, &new, &["--junit", "compare.xml", "--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let text = fs::read_to_string(folder.path().join("compare.xml")).unwrap();
    let report = Report::deserialize_from_str(&text).unwrap();
    let suite = &report.test_suites[0];
    assert_eq!(suite.test_cases.len(), document["metrics"].as_array().unwrap().len());
    let step = suite.test_cases.iter().find(|case| case.name.as_str() == "step time").unwrap();
    let TestCaseStatus::NonSuccess { message, .. } = &step.status else { panic!("{step:?}") };
    let message = message.as_ref().unwrap().as_str();
    for part in ["+9.00 %", "95 % interval", "q < 0.001"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let count = suite.test_cases.iter().find(|case| case.name.as_str().starts_with("kernel count"));
    assert!(matches!(count.unwrap().status, TestCaseStatus::Success { .. }));
    let gpu = suite.properties.iter().find(|property| property.name.as_str() == "base gpu");
    assert_eq!(gpu.unwrap().value.as_str(), "1 × NVIDIA H100 80GB HBM3");
    assert!(Document::parse(&text).is_ok());
}

#[test]
fn what_cannot_be_judged_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let _ = compare(folder.path(), &base[..1], &new[..1], &["--junit", "one.xml"]);
    let text = fs::read_to_string(folder.path().join("one.xml")).unwrap();
    let report = Report::deserialize_from_str(&text).unwrap();
    let step =
        report.test_suites[0].test_cases.iter().find(|case| case.name.as_str() == "step time");
    assert!(matches!(step.unwrap().status, TestCaseStatus::Skipped { .. }));
    let other = side(folder.path(), "other", &|| Job { gpu: "NVIDIA L4", ..Job::default() });
    let outcome = compare(folder.path(), &base, &other, &["--junit", "other.xml"]);
    assert_eq!(outcome.code, 4);
    let text = fs::read_to_string(folder.path().join("other.xml")).unwrap();
    let report = Report::deserialize_from_str(&text).unwrap();
    let case = &report.test_suites[0].test_cases[0];
    assert_eq!(case.name.as_str(), "environment: gpu");
    assert!(matches!(case.status, TestCaseStatus::Skipped { .. }));
}

#[test]
fn annotations_name_what_became_worse() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let outcome = compare(folder.path(), &base, &new, &["--github"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn a_comment_is_found_again_and_never_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let options = ["--comment", "comment.md", "--marker", "gpt"];
    let _ = compare(folder.path(), &base, &new, &options);
    let text = fs::read_to_string(folder.path().join("comment.md")).unwrap();
    assert!(
        text.starts_with("<!-- perfagent-compare gpt -->\n# perfagent compare: regression\n"),
        "{text}"
    );
    // A thousand kernels that a side lacks, each with a name as long as C++ makes them.
    let many = || Job { step_ns: 300 * MS, more_kernels: 1_000, ..Job::default() };
    let new = side(folder.path(), "many", &many);
    let _ = compare(folder.path(), &base, &new, &["--comment", "long.md"]);
    let text = fs::read_to_string(folder.path().join("long.md")).unwrap();
    assert!(text.len() <= 65_536, "{}", text.len());
    let message = compare(folder.path(), &base, &new, &["--comment", "x.md", "--marker", "a-->"]);
    let _ = message.refusal("--marker a-->");
}

#[test]
fn a_page_for_a_browser_has_the_runs_and_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    let _ = compare(folder.path(), &base, &new, &["--html", "compare.html"]);
    let page = fs::read_to_string(folder.path().join("compare.html")).unwrap();
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&page, options).unwrap();
    let titles: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("figcaption"))
        .filter_map(|node| node.descendants().find(|node| node.has_tag_name("b"))?.text())
        .collect();
    assert_eq!(
        titles,
        [
            "The runs of both sides, headline metrics.",
            "The runs of both sides, other metrics that changed.",
            "What made the change."
        ]
    );
    for absent in ["<script", "http://", "https://"] {
        let text = page.replace("http://www.w3.org/", "");
        assert!(!text.contains(absent), "{absent}");
    }
    insta::assert_snapshot!(page);
    // It is written beside the answer, and over no recording.
    let refused = compare(folder.path(), &base, &new, &["--html", "base-0.perfdb"]);
    let _ = refused.refusal("base-0.perfdb: is a recording");
}

#[test]
fn a_rate_of_wrong_alarms_is_a_percentage() {
    let folder = tempfile::tempdir().unwrap();
    let (base, new) = slowdown(folder.path());
    for rate in ["0", "-1", "50", "nan"] {
        let outcome = compare(folder.path(), &base, &new, &["--false-discoveries", rate]);
        let _ = outcome.refusal("--false-discoveries");
    }
    let outcome = compare(folder.path(), &base, &new, &["--false-discoveries", "0.1", "--json"]);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["false_discovery_rate"], 0.001);
}
