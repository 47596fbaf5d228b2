//! Facts that hold a run against the ceilings of its device.

use perfagent_advisor::{Ceilings, Fact, Verdict, advise};
use perfagent_analysis::report::{Basis, CollectiveRow, Rank, Report, RooflineRow};

use super::{assert_close, rank, report};

/// Made up: 0.1 TFLOP/s in fp32, 20 GB/s, all-reduces of two ranks 0.1 ms and 1 ns a byte.
const CEILINGS: &str = r#"{
    "schema": "perfagent.ceilings/1", "host": "node-1", "device": "cpu", "name": "CPU",
    "memory_bandwidth": {"kernels": [{"median_gbps": 18.0}, {"median_gbps": 20.0}]},
    "cpu": {
        "matrix_products": {"threads": 2, "dtypes": [{"dtype": "fp32", "best": {"median_tflops": 0.1}}]},
        "collectives": {"curves": [
            {"collective": "all_reduce", "ranks": 2, "fit": {"alpha_us": 100.0, "beta_ns_per_byte": 1.0}},
            {"collective": "broadcast", "ranks": 2, "fit": null}
        ]}
    }
}"#;

fn ceilings() -> Ceilings {
    serde_json::from_str(CEILINGS).unwrap()
}

fn fact(report: &Report, ceilings: &Ceilings, name: &str) -> Fact {
    advise(report, Some(ceilings)).facts.into_iter().find(|fact| fact.name == name).unwrap()
}

/// A product of fp32 matrices of so many operations and so many bytes.
fn product(flops: i64, bytes: i64, time_ns: i64) -> RooflineRow {
    RooflineRow {
        name: "aten::addmm".into(),
        shapes: "[[8, 8]]".into(),
        dtype: Some("float".into()),
        count: 10,
        flops,
        bytes: Some(bytes),
        time_ns,
        tflops: flops as f64 / time_ns as f64 / 1e3,
        gbps: Some(bytes as f64 / time_ns as f64),
        intensity: Some(flops as f64 / bytes as f64),
    }
}

/// A rank on a processor with these products in its window of 10,000 ns.
fn with(rows: Vec<RooflineRow>) -> Rank {
    Rank { roofline: rows, ..rank(0, 0, 0, 0) }
}

fn figure(fact: &Fact, name: &str) -> Option<f64> {
    fact.figures.iter().find(|figure| figure.name == name).unwrap().value
}

#[test]
fn arithmetic_below_its_ceiling_is_to_be_acted_on() {
    // 200,000 operations need 2,000 ns at 0.1 TFLOP/s and took 6,000 ns.
    let report = report(vec![with(vec![product(200_000, 100, 6000)])]);
    let fact = fact(&report, &ceilings(), "operator_efficiency");
    assert_eq!(fact.verdict, Verdict::Act);
    assert_close(fact.value, 40.0);
    assert_close(figure(&fact, "least_by_measured_time_pct"), 100.0 / 3.0);
    assert!(fact.advice.contains("33.3 GFLOP/s of the 100.0 GFLOP/s"), "{}", fact.advice);
    assert!(fact.advice.starts_with("Give it larger or rounder shapes"), "{}", fact.advice);
}

#[test]
fn memory_can_be_the_lower_ceiling() {
    // A FLOP a byte and 20 GB/s: 0.02 TFLOP/s, so that 100,000 operations need 5,000 of the 9,000 ns.
    let report = report(vec![with(vec![product(100_000, 100_000, 9000)])]);
    let fact = fact(&report, &ceilings(), "operator_efficiency");
    assert_close(fact.value, 40.0);
    assert!(fact.advice.contains("memory holds it up"), "{}", fact.advice);
}

#[test]
fn faster_than_memory_is_a_matter_of_caches() {
    // 0.04 TFLOP/s of 0.02 that memory allows: only arithmetic bounds it, and that at 1,000 of 2,500 ns.
    let report = report(vec![with(vec![product(100_000, 100_000, 2500)])]);
    let fact = fact(&report, &ceilings(), "operator_efficiency");
    assert_close(fact.value, 15.0);
}

#[test]
fn at_its_ceiling_there_is_nothing_to_gain() {
    let report = report(vec![with(vec![product(400_000, 100, 5000)])]);
    let fact = fact(&report, &ceilings(), "operator_efficiency");
    assert_eq!(fact.verdict, Verdict::NothingToGain);
    assert_close(fact.value, 10.0);
}

#[test]
fn ranks_of_a_machine_share_its_cores() {
    // Each of two has half of 0.1 TFLOP/s: 200,000 operations need 4,000 of 6,000 ns.
    let one = with(vec![product(200_000, 100, 6000)]);
    let other = Rank { rank: Some(1), pid: 101, ..one.clone() };
    let fact = fact(&report(vec![one, other]), &ceilings(), "operator_efficiency");
    assert_close(fact.value, 20.0);
    assert_eq!(fact.ranks.len(), 2);
}

#[test]
fn an_operator_of_unknown_type_has_no_ceiling() {
    let unknown = RooflineRow { dtype: None, ..product(200_000, 100, 6000) };
    let alone = report(vec![with(vec![unknown.clone()])]);
    let fact_of = |report: &Report| fact(report, &ceilings(), "operator_efficiency");
    let nothing = fact_of(&alone);
    assert_eq!((nothing.verdict, nothing.value), (Verdict::Unknown, None));
    assert!(nothing.advice.contains("record_shapes=True"), "{}", nothing.advice);
    let beside = report(vec![with(vec![product(200_000, 100, 2000), unknown])]);
    let beside = fact_of(&beside);
    assert_close(figure(&beside, "operators_without_a_ceiling_count"), 10.0);
    assert_close(beside.value, 0.0);
}

#[test]
fn ceilings_of_another_kind_of_device_are_refused_with_the_remedy() {
    let on_gpu = Rank { basis: Basis::Gpu, ..with(vec![product(200_000, 100, 6000)]) };
    let report = report(vec![on_gpu]);
    let fact = fact(&report, &ceilings(), "operator_efficiency");
    assert_eq!(fact.verdict, Verdict::Unknown);
    assert!(fact.advice.contains("perfagent ceilings --device cuda:0"), "{}", fact.advice);
}

/// Ten all-reduces of `ranks` ranks with 900 kB each.
fn all_reduces(ranks: i64, total_ns: i64) -> CollectiveRow {
    CollectiveRow {
        op: "all_reduce".into(),
        group_size: Some(ranks),
        count: 10,
        bytes: Some(9_000_000),
        total_ns,
        ..CollectiveRow::default()
    }
}

fn of_collectives(row: CollectiveRow) -> Rank {
    let mut rank = rank(0, 0, 0, 0);
    rank.training.window_ns = 100_000_000;
    Rank { collectives: vec![row], ..rank }
}

#[test]
fn collectives_are_held_against_their_line() {
    // 0.1 ms and 900,000 ns: 1 ms each, 10 ms all; they take 40 ms of 100.
    let slow = report(vec![of_collectives(all_reduces(2, 40_000_000))]);
    let fact_of = |report: &Report| fact(report, &ceilings(), "collective_efficiency");
    let slow = fact_of(&slow);
    assert_eq!(slow.verdict, Verdict::Act);
    assert_close(slow.value, 30.0);
    assert_close(figure(&slow, "time_by_the_line_ns"), 10_000_000.0);
    assert!(slow.advice.contains("4.0 times what they take alone, waiting"), "{}", slow.advice);
    let fast = fact_of(&report(vec![of_collectives(all_reduces(2, 11_000_000))]));
    assert_eq!(fast.verdict, Verdict::NothingToGain);
    assert_close(fast.value, 1.0);
}

#[test]
fn where_waiting_is_known_it_is_taken_off() {
    let row = CollectiveRow {
        matched: 5,
        matched_bytes: Some(4_500_000),
        transfer_ns: Some(6_000_000),
        ..all_reduces(2, 40_000_000)
    };
    let report = report(vec![of_collectives(row)]);
    let fact = fact(&report, &ceilings(), "collective_efficiency");
    assert_close(fact.value, 1.0);
    assert!(!fact.advice.contains("waiting"), "{}", fact.advice);
}

#[test]
fn collectives_of_other_numbers_of_ranks_have_no_line() {
    let report = report(vec![of_collectives(all_reduces(8, 40_000_000))]);
    let fact = fact(&report, &ceilings(), "collective_efficiency");
    assert_eq!((fact.verdict, fact.value), (Verdict::Unknown, None));
    assert!(fact.advice.contains("of 2 ranks"), "{}", fact.advice);
}

#[test]
fn a_run_without_collectives_has_nothing_to_gain() {
    let report = report(vec![with(Vec::new())]);
    let fact = fact(&report, &ceilings(), "collective_efficiency");
    assert_eq!((fact.verdict, fact.value), (Verdict::NothingToGain, None));
}

#[test]
fn ceilings_of_another_machine_are_told_apart() {
    let mut elsewhere = ceilings();
    elsewhere.host = "node-9".into();
    let report = report(vec![with(Vec::new())]);
    let limits = |ceilings: &Ceilings| advise(&report, Some(ceilings)).limits.join("\n");
    assert!(limits(&elsewhere).contains("The run was on node-1, not on node-9"));
    assert!(!limits(&ceilings()).contains("The run was on"));
    assert!(limits(&ceilings()).contains("products with 2 threads"));
}
