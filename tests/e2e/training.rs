//! Two data-parallel ranks of a GPT, recorded and reported, held against what is known otherwise.

use std::fs;

use perfagent_recording::{Reader, Recording};
use perfagent_tests::Bed;
use serde_json::Value;

const STEPS: u64 = 6;
const LAYERS: u64 = 4;
const HIDDEN: u64 = 64;
const SEQUENCE: u64 = 64;
const VOCABULARY: u64 = 512;

/// Parameters of the GPT, counted by hand: tied embedding, positions, and per block two norms, the
/// attention's input and output projections and the two of the MLP, all with biases; a last norm.
const fn parameters() -> u64 {
    let norm = 2 * HIDDEN;
    let attention = 3 * HIDDEN * HIDDEN + 3 * HIDDEN + HIDDEN * HIDDEN + HIDDEN;
    let mlp = 4 * HIDDEN * HIDDEN + 4 * HIDDEN + 4 * HIDDEN * HIDDEN + HIDDEN;
    VOCABULARY * HIDDEN + SEQUENCE * HIDDEN + LAYERS * (2 * norm + attention + mlp) + norm
}

fn recorded() -> (Bed, Value, Value) {
    let bed = Bed::new();
    let mut arguments: Vec<String> =
        ["record", "-o", "run.perfdb", "--"].iter().map(|word| (*word).to_owned()).collect();
    arguments.extend(bed.training(&format!(
        "--layers {LAYERS} --hidden {HIDDEN} --heads 4 --seq {SEQUENCE} --vocab {VOCABULARY} --micro-batch 2 \
         --precision bf16 --nproc 2 --steps {STEPS} --json result.json"
    )));
    let _ = bed.perfagent(&arguments).success();
    let report = bed.perfagent(["report", "run.perfdb", "--json"]).success().json();
    let result =
        serde_json::from_str(&fs::read_to_string(bed.path("result.json")).unwrap()).unwrap();
    (bed, report, result)
}

#[test]
fn a_recorded_training_run_is_reported_as_it_was() {
    let (bed, report, result) = recorded();
    has_the_contracts_keys(&report);
    collectives_carry_the_gradients(&report);
    steps_agree_with_the_programs_clock(&report, &result);
    nothing_is_lost(&report);
    libraries_have_versions(&report);
    operators_have_shapes(&bed);
    advice_is_traced(&bed);
}

/// libtorch is seen in both ranks, with the version that its own files tell.
fn libraries_have_versions(report: &Value) {
    for rank in ranks(report) {
        let libraries = rank["libraries"].as_array().unwrap();
        let torch = libraries.iter().find(|library| library["name"] == "torch");
        let torch = torch.unwrap_or_else(|| panic!("{libraries:?}"));
        assert!(torch["version"].as_str().unwrap().starts_with("2.11.0"), "{torch}");
        assert!(torch["path"].as_str().unwrap().ends_with("/libtorch_cpu.so"), "{torch}");
    }
}

fn ranks(report: &Value) -> &Vec<Value> {
    let ranks = report["ranks"].as_array().unwrap();
    assert_eq!(ranks.len(), 2, "two ranks, and the launcher is none");
    ranks
}

fn has_the_contracts_keys(report: &Value) {
    assert_eq!(report["schema"], "perfagent.report/1");
    for key in ["path", "source", "duration_ns", "hosts", "lost"] {
        assert!(!report["recording"][key].is_null(), "recording.{key}");
    }
    for key in ["cupti_dropped", "declined", "zero_timestamp", "ring_dropped", "gaps"] {
        assert!(!report["recording"]["lost"][key].is_null(), "recording.lost.{key}");
    }
    assert!(report["warnings"].is_array());
    for (index, rank) in ranks(report).iter().enumerate() {
        assert_eq!(rank["rank"], index);
        assert_eq!(rank["world_size"], 2);
        let rank = rank.as_object().unwrap();
        for key in [
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
        ] {
            assert!(rank.contains_key(key), "ranks[].{key}");
        }
        let ns = |key: &str| rank[key].as_i64().unwrap();
        assert_eq!(ns("busy_ns") + ns("idle_ns"), ns("span_ns"));
        assert!(ns("exposed_comm_ns") <= ns("comm_ns"));
        assert!(rank["kernels"].as_array().unwrap().iter().any(|row| row["name"] == "aten::mm"));
        assert_eq!(rank["step"]["count"], STEPS);
    }
}

fn collectives_carry_the_gradients(report: &Value) {
    for rank in ranks(report) {
        let rows: Vec<_> = rank["collectives"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["op"] == "all_reduce")
            .collect();
        assert_eq!(
            rows.len(),
            1,
            "plain data parallel reduces gradients and nothing else: {rows:?}"
        );
        assert_eq!(rows[0]["bytes"], 4 * parameters() * STEPS, "fp32 gradients of every step");
        assert_eq!(rows[0]["dtype"], "float32");
        assert_eq!(rows[0]["group_size"], 2);
        let (algbw, busbw) =
            (rows[0]["algbw_gbps"].as_f64().unwrap(), rows[0]["busbw_gbps"].as_f64().unwrap());
        assert!(algbw > 0.0 && (algbw - busbw).abs() < 1e-9 * algbw, "2(n-1)/n is 1 for two ranks");
    }
}

fn steps_agree_with_the_programs_clock(report: &Value, result: &Value) {
    for (rank, own) in ranks(report).iter().zip(result["ranks"].as_array().unwrap()) {
        let reported: Vec<f64> = rank["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["duration_ns"].as_f64().unwrap())
            .collect();
        let own: Vec<f64> =
            own["step_ns"].as_array().unwrap().iter().map(|ns| ns.as_f64().unwrap()).collect();
        assert_eq!(reported.len(), own.len());
        let (reported, own): (f64, f64) = (reported.iter().sum(), own.iter().sum());
        assert!(
            (reported / own - 1.0).abs() < 0.01,
            "recorded {reported} ns, by the program's clock {own} ns"
        );
    }
}

fn nothing_is_lost(report: &Value) {
    for (cause, count) in report["recording"]["lost"].as_object().unwrap() {
        if count.is_number() {
            assert_eq!(count, 0, "{cause}");
        }
    }
}

fn operators_have_shapes(bed: &Bed) {
    let reader = Reader::open(&bed.path("run.perfdb")).unwrap();
    let recording = Recording::load(&reader, &mut |_| {}).unwrap();
    let shapes: Vec<_> = recording
        .operators
        .iter()
        .filter(|operator| recording.strings.get(operator.name_id) == "aten::mm")
        .map(|operator| recording.strings.get(operator.shapes_id))
        .collect();
    let rows = 2 * SEQUENCE;
    let head = format!("[[{rows}, {HIDDEN}], [{HIDDEN}, {VOCABULARY}]]");
    assert!(
        shapes.contains(&head.as_str()),
        "no product with the tied head {head}: {:?}",
        shapes.first()
    );
    assert!(
        recording
            .counters
            .iter()
            .any(|counter| counter.name == "rss" && counter.process_id.is_some())
    );
}

fn advice_is_traced(bed: &Bed) {
    let advice = bed.perfagent(["advise", "run.perfdb", "--json"]).success().json();
    let facts = advice["facts"].as_array().unwrap();
    for fact in facts {
        assert_ne!(
            fact["verdict"], "unknown",
            "everything is known of a run on processors: {fact}"
        );
        assert!(fact["evidence"].to_string().contains("run.perfdb"), "{fact}");
    }
}
