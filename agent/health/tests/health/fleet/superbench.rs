//! superbench's own example: three nodes, of which it finds two defective.
#![expect(clippy::print_stdout, reason = "a test says what it leaves out")]

use std::fs;

use perfagent_health::Status;
use perfagent_health::fleet::{Gathered, Kind};
use serde_json::Value;

use super::{judged, node, take};

fn shared(name: &str) -> Option<String> {
    let path =
        format!("{}/../../../shared/data/health/superbench/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: no {path}");
    }
    text
}

#[test]
fn the_planted_faults_of_its_example_are_found_where_it_finds_them() {
    let (Some(rows), Some(verdicts)) =
        (shared("test_results.jsonl"), shared("diagnosis_summary.json"))
    else {
        return;
    };
    let mut gathered = Gathered::default();
    take("test_results.jsonl", &rows, &mut gathered);
    assert_eq!(gathered.problems, []);
    let fleet = judged(gathered);
    let launch = super::finding(&fleet, "sb-validation-01", "kernel-launch/event_overhead");
    assert_eq!(
        (launch.kind, launch.target.as_str(), launch.status),
        (Kind::Gpu, "GPU 0", Status::Critical)
    );
    assert!(launch.detail.contains("times the median"), "{launch:?}");
    let third = node(&fleet, "sb-validation-03");
    let missing = third.findings.iter().find(|finding| finding.kind == Kind::Missing).unwrap();
    assert_eq!(missing.value, Some(24.into()), "{missing:?}");
    let failed = super::finding(&fleet, "sb-validation-03", "mem-bw/return_code");
    assert_eq!((failed.kind, failed.status), (Kind::Failed, Status::Critical));
    // What it rejects is critical here; what it accepts has no fault here either, and is unknown only because three nodes are
    // too few to judge whole nodes.
    let told: Vec<Value> = serde_json::from_str(&verdicts).unwrap();
    for row in told {
        let found = node(&fleet, row["index"].as_str().unwrap());
        let accepted = row["diagnosis/accept"].as_bool().unwrap();
        assert_eq!(found.verdict == Status::Critical, !accepted, "{found:#?}");
        let faults = found.findings.iter().filter(|finding| finding.kind != Kind::TooFew).count();
        assert_eq!(faults == 0, accepted, "{found:#?}");
    }
}

#[test]
fn a_healthy_run_of_it_has_no_fault() {
    let Some(rows) = shared("test_generate_baseline_results.jsonl") else { return };
    let mut gathered = Gathered::default();
    take("rows", &rows, &mut gathered);
    let fleet = judged(gathered);
    for node in &fleet.nodes {
        let kinds: Vec<Kind> = node.findings.iter().map(|finding| finding.kind).collect();
        assert!(kinds.iter().all(|kind| *kind == Kind::TooFew), "{node:#?}");
    }
}
