//! What `advise` finds in the demo's run, against what its recording holds row by row.

use std::collections::BTreeMap;

use perfagent_analysis::Intervals;
use perfagent_recording::{ProcessId, Reader, Recording, Timestamp};
use perfagent_tests::Bed;
use serde_json::Value;

/// What only GPUs have: nothing to gain, and no figure.
const OF_GPUS: [&str; 8] = [
    "host_bound",
    "synchronization",
    "exposed_copies",
    "tensor_cores",
    "unaligned_products",
    "tiny_kernels",
    "throttling",
    "memory_fragmentation",
];

/// Operators that convert or copy, by their names in PyTorch.
const MOVES: [&str; 5] =
    ["aten::_to_copy", "aten::to", "aten::copy_", "aten::clone", "aten::contiguous"];

/// One rank of the run, as its rows tell.
struct Rank {
    process: ProcessId,
    number: i64,
    /// From the start of the first step to the end of the last, ns.
    window: (i64, i64),
    steps: usize,
    /// By group and number within it, when this rank came.
    collectives: BTreeMap<(i64, i64), i64>,
}

fn ranks(recording: &Recording) -> Vec<Rank> {
    let text = |id| recording.strings.get(id);
    let mut ranks: Vec<Rank> = Vec::new();
    for (index, process) in recording.processes.iter().enumerate() {
        let Some(number) = process.rank else { continue };
        let id = ProcessId(index as i64 + 1);
        let is_step = |name, domain| text(name) == "step" && text(domain) == "perfagent";
        let steps: Vec<(i64, i64)> = recording
            .ranges
            .iter()
            .filter(|range| range.process_id == id && is_step(range.name_id, range.domain_id))
            .map(|range| (range.start_ns.unix_nanos(), range.end_ns.unix_nanos()))
            .collect();
        let (Some(first), Some(last)) =
            (steps.iter().map(|step| step.0).min(), steps.iter().map(|step| step.1).max())
        else {
            continue;
        };
        let collectives = recording
            .collectives
            .iter()
            .filter(|call| call.process_id == id)
            .filter_map(|call| {
                Some(((call.group_id.0, call.sequence?), call.start_ns.unix_nanos()))
            })
            .collect();
        ranks.push(Rank {
            process: id,
            number,
            window: (first, last),
            steps: steps.len(),
            collectives,
        });
    }
    ranks.sort_by_key(|rank| rank.number);
    ranks
}

fn fact<'a>(advice: &'a Value, name: &str) -> &'a Value {
    let facts = advice["facts"].as_array().unwrap();
    facts.iter().find(|fact| fact["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn of_rank(fact: &Value, number: i64) -> f64 {
    let ranks = fact["ranks"].as_array().unwrap();
    let row = ranks.iter().find(|row| row["rank"] == number).unwrap();
    row["value"].as_f64().unwrap_or_else(|| panic!("{fact} has no figure of rank {number}"))
}

fn assert_share(fact: &Value, rank: &Rank, part_ns: i64) {
    let expected = 100.0 * part_ns as f64 / (rank.window.1 - rank.window.0) as f64;
    let found = of_rank(fact, rank.number);
    assert!((found - expected).abs() < 1e-9, "rank {}: {expected} expected: {fact}", rank.number);
}

#[test]
fn findings_of_the_demo_are_what_its_rows_say() {
    let bed = Bed::new();
    let mut arguments = ["record", "-o", "run.perfdb", "--"].map(str::to_owned).to_vec();
    arguments.extend(bed.training("--preset nano --precision bf16 --nproc 2 --steps 4"));
    let _ = bed.perfagent(&arguments).success();
    let advice = bed.perfagent(["advise", "run.perfdb", "--json"]).success().json();
    let reader = Reader::open(&bed.path("run.perfdb")).unwrap();
    let recording = Recording::load(&reader, &mut |_| {}).unwrap();
    let ranks = ranks(&recording);
    assert_eq!(
        ranks.iter().map(|rank| (rank.number, rank.steps)).collect::<Vec<_>>(),
        [(0, 4), (1, 4)]
    );

    for name in OF_GPUS {
        let fact = fact(&advice, name);
        assert_eq!(fact["verdict"], "nothing_to_gain", "{fact}");
        assert!(fact["value"].is_null() && fact["gain"].is_null(), "{fact}");
        assert!(fact["advice"].as_str().unwrap().contains("no GPU"), "{fact}");
    }
    waits_for_the_later_rank(&ranks, fact(&advice, "stragglers"));
    conversions_are_own_times(&bed, &ranks, fact(&advice, "dtype_casts"));
    communication_is_within_its_bounds(&recording, &ranks, fact(&advice, "communication"));
    the_page_begins_with_what_is_worth_most(&bed, &advice);
}

/// A rank waits in each collective until the other one has come to it.
fn waits_for_the_later_rank(ranks: &[Rank], fact: &Value) {
    let (first, second) = (&ranks[0].collectives, &ranks[1].collectives);
    let mut waits = [0, 0];
    for (call, &start) in first {
        let other = second.get(call).unwrap_or_else(|| panic!("{call:?} is of rank 0 alone"));
        waits[0] += (other - start).max(0);
        waits[1] += (start - other).max(0);
    }
    for (rank, wait) in ranks.iter().zip(waits) {
        assert_share(fact, rank, wait);
    }
    let share = fact["value"].as_f64().unwrap();
    let verdict = if share >= 5.0 { "act" } else { "nothing_to_gain" };
    assert_eq!(fact["verdict"], verdict, "{fact}");
}

/// Own times of operators that move without computing, as the naive analysis has them.
fn conversions_are_own_times(bed: &Bed, ranks: &[Rank], fact: &Value) {
    let naive = perfagent_naive::ranks(&bed.path("run.perfdb"));
    for rank in ranks {
        let own = naive.iter().find(|other| other["process_id"] == rank.process.0).unwrap();
        let rows = own["kernels"].as_array().unwrap();
        let moved = |row: &&Value| MOVES.contains(&row["name"].as_str().unwrap());
        let time = rows.iter().filter(moved).map(|row| row["total_ns"].as_i64().unwrap()).sum();
        assert!(time > 0, "bf16 training converts: {own}");
        assert_share(fact, rank, time);
    }
}

/// What nothing hides lies between what no operator runs beside and all of it.
fn communication_is_within_its_bounds(recording: &Recording, ranks: &[Rank], fact: &Value) {
    for rank in ranks {
        let own = |process: ProcessId| process == rank.process;
        let clipped = |start: Timestamp, end: Timestamp| {
            (start.unix_nanos().max(rank.window.0), end.unix_nanos().min(rank.window.1))
        };
        let calls = recording.collectives.iter().filter(|call| own(call.process_id));
        let comm =
            Intervals::union_of(calls.map(|call| clipped(call.start_ns, call.end_ns)).collect());
        let operators = recording.operators.iter().filter(|operator| own(operator.process_id));
        let operators =
            Intervals::union_of(operators.map(|row| clipped(row.start_ns, row.end_ns)).collect());
        let whole = (rank.window.1 - rank.window.0) as f64;
        let share = |set: &Intervals| 100.0 * set.length() as f64 / whole;
        let found = of_rank(fact, rank.number);
        let least = share(&comm.difference(&operators));
        assert!(least > 0.0 && comm.length() > 0, "gradients are reduced while nothing computes");
        assert!((least - 1e-9..=share(&comm) + 1e-9).contains(&found), "{least} at least: {fact}");
        if fact["rank"] == rank.number {
            let figures = fact["figures"].as_array().unwrap();
            let told = figures.iter().find(|figure| figure["name"] == "comm_ns").unwrap();
            assert_eq!(told["value"].as_f64(), Some(comm.length() as f64), "{fact}");
        }
    }
    assert!(fact["gain"]["most_share_pct"].as_f64() >= fact["gain"]["likely_share_pct"].as_f64());
}

fn the_page_begins_with_what_is_worth_most(bed: &Bed, advice: &Value) {
    let page = bed.perfagent(["advise", "run.perfdb"]).success().stdout;
    let summary = advice["summary"].as_str().unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&page).contains(&words(summary)), "{page}");
    let mut acting: Vec<&Value> = advice["facts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|fact| fact["verdict"] == "act")
        .collect();
    acting.sort_by_key(|fact| fact["place"].as_i64().unwrap());
    let likely: Vec<f64> = acting
        .iter()
        .map(|fact| fact["gain"]["likely_share_pct"].as_f64().unwrap_or(-1.0))
        .collect();
    assert!(likely.is_sorted_by(|a, b| a + 0.001 >= *b), "{likely:?}");
}
