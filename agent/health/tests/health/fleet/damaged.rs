//! Documents that are not as they should be: never ok, never a crash.

use perfagent_health::Status;
use perfagent_health::fleet::{Gathered, Kind};
use serde_json::{Value, json};

use super::simulated::{Noise, document, name};
use super::{finding, fleet, judged, node, take};

fn documents(count: usize) -> Vec<Value> {
    let mut noise = Noise::new(9);
    (0..count).map(|number| document(number, None, 0.01, &mut noise)).collect()
}

#[test]
fn nothing_is_not_ok() {
    assert_eq!(judged(Gathered::default()).verdict, Status::Unknown);
}

#[test]
fn half_a_document_makes_its_node_unknown_and_no_other() {
    let mut gathered = Gathered::default();
    for (number, document) in documents(20).iter().enumerate() {
        let text = document.to_string();
        let text = if number == 3 { &text[..text.len() * 2 / 3] } else { &text };
        take(&name(number), text, &mut gathered);
    }
    let fleet = judged(gathered);
    let counts = (fleet.verdict, fleet.counts.unknown, fleet.counts.ok);
    assert_eq!(counts, (Status::Unknown, 1, 19), "{:#?}", fleet.nodes);
    let found = finding(&fleet, &name(3), "document");
    assert!(found.detail.contains("half-written") && !found.action.is_empty(), "{found:?}");
}

#[test]
fn two_nodes_with_one_name_are_unknown() {
    let mut documents = documents(20);
    documents[5]["host"] = json!(name(4));
    let fleet = fleet(&documents);
    let found = finding(&fleet, &name(4), "document");
    assert_eq!(found.status, Status::Unknown);
    assert!(found.detail.contains("two nodes have this name"), "{found:?}");
}

#[test]
fn of_one_node_the_newest_document_counts() {
    let mut documents = documents(20);
    let mut older = documents[4].clone();
    older["time"] = json!("2026-11-27T11:50:00Z");
    older["checks"][1]["status"] = json!("critical");
    documents.push(older);
    let fleet = fleet(&documents);
    assert_eq!(node(&fleet, &name(4)).verdict, Status::Ok);
    assert!(
        fleet.notes.iter().any(|note| note.contains("the newest of its 2 documents")),
        "{:?}",
        fleet.notes
    );
}

#[test]
fn the_same_document_twice_counts_once() {
    let mut documents = documents(20);
    documents.push(documents[3].clone());
    let fleet = fleet(&documents);
    assert_eq!((fleet.verdict, fleet.counts.nodes), (Status::Ok, 20));
    assert!(fleet.notes[0].contains("counted once"), "{:?}", fleet.notes);
}

#[test]
fn a_clock_that_is_out_of_step_is_unknown() {
    let mut documents = documents(20);
    documents[7]["time"] = json!("2026-11-26T09:00:00Z");
    documents[8]["time"] = json!("2031-01-01T00:00:00Z");
    let fleet = fleet(&documents);
    assert_eq!(fleet.counts.unknown, 2);
    assert!(finding(&fleet, &name(7), "document").detail.contains("27.0 h older"), "{fleet:#?}");
    assert!(finding(&fleet, &name(8), "document").detail.contains("newer"));
}

#[test]
fn a_node_that_is_expected_and_not_there_is_unknown() {
    let mut gathered = Gathered { expected: (0..22).map(name).collect(), ..Gathered::default() };
    for (number, document) in documents(20).iter().enumerate() {
        take(&name(number), &document.to_string(), &mut gathered);
    }
    let fleet = judged(gathered);
    assert_eq!((fleet.counts.nodes, fleet.counts.unknown), (22, 2));
    assert_eq!(finding(&fleet, &name(21), "node").kind, Kind::Missing);
}

#[test]
fn a_check_that_others_have_is_missing() {
    let mut documents = documents(20);
    let checks = documents[6]["checks"].as_array_mut().unwrap();
    checks.retain(|check| check["name"] != "gpu_ecc_errors");
    let fleet = fleet(&documents);
    let found = finding(&fleet, &name(6), "checks");
    assert_eq!(
        (found.kind, found.status, &found.value),
        (Kind::Missing, Status::Unknown, &Some(8.into()))
    );
}

#[test]
fn too_few_of_a_kind_are_held_against_datasheets_and_the_rest_is_unknown() {
    let mut documents = documents(3);
    for check in documents[1]["checks"].as_array_mut().unwrap() {
        if check["name"] == "gpu_memory_copy" && check["target"] == "GPU 2" {
            check["value"] = json!(2000.0);
        }
    }
    let fleet = fleet(&documents);
    assert_eq!(fleet.groups[0].against, "floors");
    let bad = node(&fleet, &name(1));
    assert!(
        bad.findings.iter().any(|finding| finding.kind == Kind::Floor && finding.target == "GPU 2"),
        "{bad:#?}"
    );
    assert_eq!(node(&fleet, &name(0)).verdict, Status::Unknown);
}

#[test]
fn one_xid_on_every_gpu_of_many_nodes_is_the_jobs_and_one_on_one_gpu_is_the_gpus() {
    let mut documents = documents(40);
    let event = |code: u64, gpu: usize, status: &str, detail: &str| json!({"name": "xid", "target": format!("GPU {gpu}"), "status": status, "severity": "triage", "value": code, "expected": null, "unit": "XID", "action": "look", "detail": detail});
    for document in &mut documents[10..16] {
        for gpu in 0..8 {
            let event = event(31, gpu, "warning", "XID 31 MMU twice 2 times, last 3 s ago: fault");
            document["checks"].as_array_mut().unwrap().push(event);
        }
    }
    let alone = event(79, 3, "critical", "XID 79 GPU_FELL once, last 3 s ago: off the bus");
    documents[30]["checks"].as_array_mut().unwrap().push(alone);
    for document in &mut documents {
        document["checks"].as_array_mut().unwrap().push(json!({"name": "xid", "target": "kernel log", "status": "ok", "severity": "none", "value": 0, "detail": ""}));
        document["verdict"] = json!("warning");
        if !document["checks"].to_string().contains("warning") {
            document["verdict"] = json!("ok");
        }
    }
    let fleet = fleet(&documents);
    let [signature] = fleet.signatures.as_slice() else { panic!("{:#?}", fleet.signatures) };
    assert_eq!(
        (signature.xid, signature.nodes.len(), signature.gpus, signature.times_each),
        (31, 6, 48, Some(2))
    );
    assert!(signature.of_application && signature.action.contains("job"), "{signature:?}");
    assert!(finding(&fleet, &name(12), "xid").action.contains("job"));
    assert_eq!(node(&fleet, &name(30)).verdict, Status::Critical);
    assert_eq!(finding(&fleet, &name(30), "xid").action, "look");
}

#[test]
fn drivers_counts_and_checksums_that_differ_are_found() {
    let mut documents = documents(40);
    for document in &mut documents {
        let checks = document["checks"].as_array_mut().unwrap();
        checks[0]["value"] = json!("580.82.07");
        for gpu in 0..8 {
            checks.push(json!({"name": "train_checksum", "target": format!("GPU {gpu}"), "status": "ok", "severity": "none", "value": "9f3a", "detail": ""}));
        }
    }
    documents[3]["checks"][0]["value"] = json!("550.54.15");
    documents[11]["gpus"].as_array_mut().unwrap().pop();
    let last = documents[21]["checks"].as_array_mut().unwrap().last_mut().unwrap();
    last["value"] = json!("9f3b");
    let fleet = fleet(&documents);
    assert_eq!(finding(&fleet, &name(3), "nvidia_driver").status, Status::Warning);
    assert_eq!(finding(&fleet, &name(11), "gpu_count").status, Status::Critical);
    let wrong = finding(&fleet, &name(21), "train_checksum");
    assert_eq!((wrong.target.as_str(), wrong.status), ("GPU 7", Status::Critical));
    assert_eq!(fleet.counts.ok, 37);
}
