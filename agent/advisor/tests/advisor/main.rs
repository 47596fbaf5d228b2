//! The facts on reports made by hand.

mod ceilings;
mod findings;
mod h200;
mod traces;

use perfagent_advisor::{Fact, Verdict, advise};
use perfagent_analysis::report::{
    Basis, Breakdown, CollectiveRow, DeviceFacts, HostFacts, HostUsage, IdleRow, KernelRow, Lost,
    Memory, RangeRow, Rank, RecordingFacts, Report, SCHEMA, Step, StepSummary,
};

const GIB: i64 = 1 << 30;

fn report(ranks: Vec<Rank>) -> Report {
    let host =
        HostFacts { name: "node-1".into(), memory_bytes: Some(16 * GIB), ..HostFacts::default() };
    Report {
        schema: SCHEMA.into(),
        recording: RecordingFacts {
            files: Vec::new(),
            path: "run.perfdb".into(),
            source: "record".into(),
            duration_ns: 10_000,
            hosts: vec![host],
            lost: Lost::default(),
            losses: Vec::new(),
            alignment: Vec::new(),
        },
        ranks,
        warnings: Vec::new(),
        collective_tests: Vec::new(),
    }
}

/// A rank with ten steps of 1000 ns, of which `data`, `exposed` and `lead_in` are lost.
fn rank(number: i64, data: i64, exposed: i64, lead_in: i64) -> Rank {
    let range =
        RangeRow { name: "data".into(), count: 10, total_ns: 10 * data, ..RangeRow::default() };
    let step = |index| Step {
        index,
        name: "step".into(),
        start_ns: index * 1000,
        duration_ns: 1000,
        lead_in_ns: Some(lead_in),
        ..Step::default()
    };
    Rank {
        rank: Some(number),
        pid: 100 + number,
        host: "node-1".into(),
        recording_path: "run.perfdb".into(),
        process_id: number + 1,
        basis: Basis::Operators,
        steps: (0..10).map(step).collect(),
        step: StepSummary { count: 10, ..StepSummary::default() },
        training: Breakdown {
            window_ns: 10_000,
            data_ns: 10 * data,
            exposed_comm_ns: 10 * exposed,
            comm_ns: 20 * exposed,
            ..Breakdown::default()
        },
        data_range_count: 10,
        ranges: vec![range],
        collectives: vec![CollectiveRow {
            op: "all_reduce".into(),
            count: 10,
            ..CollectiveRow::default()
        }],
        host_usage: HostUsage { samples: 5, rss_peak_bytes: Some(3 * GIB), ..HostUsage::default() },
        ..Rank::default()
    }
}

fn fact(report: &Report, name: &str) -> Fact {
    advise(report, None).facts.into_iter().find(|fact| fact.name == name).unwrap()
}

fn assert_close(value: Option<f64>, expected: f64) {
    assert!(
        value.is_some_and(|value| (value - expected).abs() < 1e-9),
        "{value:?} is not {expected}"
    );
}

#[test]
fn the_rank_that_waits_most_for_data_is_named() {
    let fact = fact(&report(vec![rank(0, 20, 0, 0), rank(1, 150, 0, 50)]), "data_stall");
    assert_close(fact.value, 20.0);
    assert_eq!((fact.rank, fact.verdict), (Some(1), Verdict::Act));
    assert_close(fact.ranks[0].value, 2.0);
    assert_eq!(fact.evidence[0].names, ["data"]);
    assert_eq!((fact.evidence[0].count, fact.evidence[0].process_id), (10, 2));
    assert!(fact.advice.contains("rank 1 spends 20.0 %"), "{}", fact.advice);
}

#[test]
fn nothing_to_gain_is_said() {
    let report = report(vec![rank(0, 20, 10, 0)]);
    for name in ["data_stall", "communication"] {
        let fact = fact(&report, name);
        assert_eq!(fact.verdict, Verdict::NothingToGain, "{name}");
        assert!(fact.advice.starts_with("Nothing to gain"), "{}", fact.advice);
    }
}

#[test]
fn without_marks_the_stall_is_unknown_not_zero() {
    let bare =
        Rank { breakdown: Breakdown { window_ns: 100, ..Breakdown::default() }, ..Rank::default() };
    let report = report(vec![bare]);
    let stall = fact(&report, "data_stall");
    assert_eq!((stall.value, stall.verdict), (None, Verdict::Unknown));
    assert_eq!(fact(&report, "communication").verdict, Verdict::NothingToGain);
    assert!(advise(&report, None).limits.iter().any(|limit| limit.contains("No steps are marked")));
}

#[test]
fn exposed_communication_is_told_from_all_of_it() {
    let fact = fact(&report(vec![rank(0, 0, 100, 0)]), "communication");
    assert_close(fact.value, 10.0);
    let figure = |name: &str| fact.figures.iter().find(|figure| figure.name == name).unwrap().value;
    assert_close(figure("communication_share_pct"), 20.0);
    assert_close(figure("overlap_pct"), 50.0);
    assert_eq!((fact.verdict, fact.evidence[0].table.as_str()), (Verdict::Act, "collectives"));
}

#[test]
fn a_machine_holds_all_its_ranks() {
    let roomy = fact(&report(vec![rank(0, 0, 0, 0), rank(1, 0, 0, 0)]), "memory_headroom");
    assert_close(roomy.value, (10 * GIB) as f64);
    assert_eq!((roomy.verdict, roomy.evidence.len()), (Verdict::Act, 2));
    let full: Vec<Rank> = (0..5).map(|number| rank(number, 0, 0, 0)).collect();
    let tight = fact(&report(full), "memory_headroom");
    assert_close(tight.value, GIB as f64);
    assert_eq!(tight.verdict, Verdict::NothingToGain);
    let unknown = Rank { host_usage: HostUsage::default(), ..rank(1, 0, 0, 0) };
    let fact = fact(&report(vec![rank(0, 0, 0, 0), unknown]), "memory_headroom");
    assert_eq!((fact.value, fact.verdict), (None, Verdict::Unknown));
}

#[test]
fn only_the_gpus_that_a_rank_used_count() {
    let device = |id| DeviceFacts {
        id,
        uuid: None,
        name: "GPU".into(),
        total_bytes: Some(80 * GIB),
        compute_capability: None,
        ..DeviceFacts::default()
    };
    let on_gpu = Rank {
        basis: Basis::Gpu,
        devices: vec![device(0), device(1)],
        idle_causes: vec![IdleRow { device: 1, stream: 7, ..IdleRow::default() }],
        memory: Memory { peak_reserved_bytes: Some(78 * GIB), ..Memory::default() },
        kernels: vec![KernelRow::default()],
        ..rank(0, 0, 0, 0)
    };
    let fact = fact(&report(vec![on_gpu]), "memory_headroom");
    assert_close(fact.value, (2 * GIB) as f64);
    assert!(fact.advice.starts_with("Reduce the micro-batch"), "{}", fact.advice);
}

#[test]
fn the_whole_document() {
    insta::assert_json_snapshot!(advise(&report(vec![rank(0, 150, 100, 0)]), None));
}
