//! What is alive at the peak, against a second implementation that works it out anew for every moment.

use std::collections::BTreeMap;
use std::path::Path;

use perfagent_analysis::report;
use perfagent_analysis::report::{AtPeak, Memory, PeakGroup};
use perfagent_import::{ImportOptions, import};
use perfagent_recording::table::{ApiCall, CopyKind, MemoryEvent};
use perfagent_recording::{ProcessId, Reader, Recording};
use proptest::prelude::*;

use crate::builder::{Builder, at};

const KINDS: [&str; 3] = ["", "parameter", "activation"];
const SITES: [&str; 3] = ["", "train.py:1 step", "model.py:2 forward"];

/// Site, bytes and blocks at the peak of the real snapshot.
const GROUPS: [(&str, i64, i64); 12] = [
    ("", 167_772_160, 3),
    ("model.py:108 step", 135_487_696, 156),
    ("model.py:60 forward", 109_117_440, 32),
    ("model.py:56 forward", 74_514_432, 22),
    ("model.py:90 __init__", 67_743_744, 52),
    ("model.py:81 forward", 67_108_868, 2),
    ("model.py:59 forward", 18_874_368, 8),
    ("model.py:80 forward", 10_502_144, 4),
    ("model.py:58 forward", 8_650_816, 16),
    ("model.py:77 forward", 4_196_352, 2),
    ("model.py:95 __init__", 32_768, 2),
    ("model.py:107 step", 4, 1),
];

fn run() -> (Builder, ProcessId) {
    let mut run = Builder::new("record");
    let rank = run.process(1, Some(0), Some(1));
    run.copy(rank, (0, 7), (CopyKind::DtoD, 1), (0, 1), None);
    (run, rank)
}

fn memory(recording: &Recording) -> Memory {
    report(recording, "any").ranks[0].memory.clone()
}

fn peak(recording: &Recording) -> AtPeak {
    memory(recording).at_peak.unwrap()
}

fn group(kind: &str, site: &str, operator: &str, bytes: i64, count: i64, oldest: i64) -> PeakGroup {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PeakGroup {
        kind: known(kind),
        site: known(site),
        operator: known(operator),
        bytes,
        count,
        oldest_ns: Some(oldest),
    }
}

#[test]
fn what_is_alive_by_kind_and_site() {
    let (mut run, rank) = run();
    for (time, bytes, address, kind, site) in [
        (10, 100, 1, "parameter", "a"),
        (11, 50, 2, "parameter", "a"),
        (12, 30, 3, "activation", "b"),
        (13, -30, 3, "activation", "b"),
        (14, 40, 3, "activation", "b"),
        (14, 40, 4, "activation", "c"),
        (15, -100, 1, "", ""),
        // As much as before, later: the first time counts.
        (16, 100, 5, "", "d"),
    ] {
        run.memory(rank, Some(0), (time, bytes, Some(address)), None, [kind, site]);
    }
    let expected = AtPeak {
        time_ns: 14,
        allocated_bytes: 230,
        groups: vec![
            group("parameter", "a", "", 150, 2, 10),
            group("activation", "b", "", 40, 1, 14),
            group("activation", "c", "", 40, 1, 14),
        ],
        ..AtPeak::default()
    };
    assert_eq!(peak(&run.recording), expected);
}

#[test]
fn what_is_older_than_the_recording_is_not_guessed() {
    let (mut run, rank) = run();
    // 1000 bytes were there before, of which 300 go; a free without an allocation; an address that is used twice.
    for (time, bytes, address, level) in [
        (1, 200, 1, 1200),
        (2, -300, 9, 900),
        (3, 500, 2, 1400),
        (4, 600, 2, 2000),
        (5, -600, 2, 1400),
    ] {
        run.memory(rank, Some(0), (time, bytes, Some(address)), Some(level), ["", "a"]);
    }
    let expected = AtPeak {
        time_ns: 4,
        allocated_bytes: 2000,
        groups: vec![group("", "a", "", 800, 2, 1)],
        unseen_bytes: 1200,
        unmatched_frees: 1,
        missing_frees: 1,
    };
    assert_eq!(peak(&run.recording), expected);
    assert_eq!(memory(&run.recording).peak_allocated_bytes, Some(2000));
}

#[test]
fn memory_of_the_host_and_of_the_driver_stay_apart_from_that_of_the_allocator() {
    let (mut run, rank) = run();
    run.memory(rank, None, (1, 1 << 40, Some(1)), Some(1 << 40), ["", "host"]);
    run.memory(rank, Some(0), (2, 1 << 30, Some(1)), None, ["device", ""]);
    run.memory(rank, Some(0), (3, 64, Some(1)), Some(64), ["", "a"]);
    run.memory(rank, Some(1), (4, 32, Some(1)), Some(32), ["", "a"]);
    let expected = AtPeak {
        time_ns: 4,
        allocated_bytes: 96,
        groups: vec![group("", "a", "", 96, 2, 3)],
        ..AtPeak::default()
    };
    assert_eq!(peak(&run.recording), expected);
}

#[test]
fn without_a_site_the_operator_tells() {
    let (mut run, rank) = run();
    run.operator(rank, "1", "aten::linear", (0, 100));
    run.operator(rank, "1", "aten::addmm", (10, 50));
    run.operator(rank, "1", "aten::empty", (20, 30));
    run.operator(rank, "2", "aten::empty", (60, 70));
    run.operator(rank, "2", "backward", (200, 300));
    for (number, time) in [25, 40, 55, 65, 100, 150, 250].into_iter().enumerate() {
        let address = Some(number as i64);
        run.memory(rank, Some(0), (time, 1 << number, address), None, ["", ""]);
    }
    run.memory(rank, Some(0), (252, 1 << 10, Some(99)), None, ["", "a"]);
    let at_peak = peak(&run.recording);
    let groups: Vec<_> = at_peak
        .groups
        .iter()
        .map(|group| (group.operator.as_deref().unwrap_or_default(), group.bytes))
        .collect();
    assert_eq!(
        groups,
        [
            ("", 1 << 10),
            ("backward", 1 << 6),
            ("", 1 << 5),
            ("aten::linear", (1 << 2) + (1 << 4)),
            // Nothing but an allocation ran on the thread that began last.
            ("aten::empty", 1 << 3),
            ("aten::addmm", (1 << 0) + (1 << 1)),
        ]
    );
}

#[test]
fn the_thread_of_the_call_decides_where_it_is_known() {
    let (mut run, rank) = run();
    run.operator(rank, "1", "forward", (0, 100));
    run.operator(rank, "2", "loader", (10, 100));
    let call = ApiCall {
        process_id: rank,
        thread_id: run.thread(rank, "1"),
        start_ns: at(40),
        end_ns: at(60),
        correlation: Some(7),
        ..ApiCall::default()
    };
    run.recording.api_calls.push(call);
    let device_id = Some(run.device(rank, 0));
    for (address, correlation) in [(1, None), (2, Some(7))] {
        run.recording.memory.push(MemoryEvent {
            process_id: rank,
            device_id,
            time_ns: at(50),
            bytes: Some(8),
            address: Some(address),
            correlation,
            ..MemoryEvent::default()
        });
    }
    let expected = [group("", "", "forward", 8, 1, 50), group("", "", "loader", 8, 1, 50)];
    assert_eq!(peak(&run.recording).groups, expected);
}

#[test]
fn memory_without_addresses_is_summed_by_kind() {
    let (mut run, rank) = run();
    for (time, bytes, kind) in [
        (1, 100, "parameter"),
        (2, 50, "temporary"),
        (3, -50, "temporary"),
        (3, 50, "activation"),
        (4, 20, "activation"),
        (5, -70, "activation"),
    ] {
        run.memory(rank, Some(0), (time, bytes, None), None, [kind, ""]);
    }
    let expected = AtPeak {
        time_ns: 4,
        allocated_bytes: 170,
        groups: vec![group("parameter", "", "", 100, 1, 1), group("activation", "", "", 70, 2, 3)],
        ..AtPeak::default()
    };
    assert_eq!(peak(&run.recording), expected);
}

#[test]
fn readings_alone_say_nothing_of_what_is_alive() {
    let (mut run, rank) = run();
    let reading = MemoryEvent {
        process_id: rank,
        device_id: Some(run.device(rank, 0)),
        allocated_bytes: Some(5),
        ..MemoryEvent::default()
    };
    run.recording.memory.push(reading);
    let memory = memory(&run.recording);
    assert_eq!((memory.at_peak, memory.curve.len()), (None, 0));
    assert_eq!(memory.peak_allocated_bytes, Some(5));
}

#[test]
fn a_process_of_which_only_its_allocator_is_known_is_a_rank() {
    let mut run = Builder::new("import");
    let memory_only = run.process(1, None, None);
    run.memory(memory_only, Some(0), (5, 8, Some(1)), Some(8), ["", "a"]);
    let driver_only = run.process(2, None, None);
    run.memory(driver_only, Some(0), (5, 8, Some(1)), None, ["device", ""]);
    let pids = |recording: &Recording| {
        report(recording, "any").ranks.iter().map(|rank| rank.pid).collect::<Vec<_>>()
    };
    assert_eq!(pids(&run.recording), [1]);
    let on_gpu = run.process(3, None, None);
    run.copy(on_gpu, (0, 7), (CopyKind::DtoD, 1), (0, 1), None);
    assert_eq!(pids(&run.recording), [1, 3]);
}

/// One step of a small GPT on an H200 (data/h200). The figures are those of Python's own `pickle` and a loop over the events.
#[test]
fn the_peak_of_a_real_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200/traces");
    let inputs = vec![data.join("bf16.snapshot.pickle.gz")];
    let output = folder.path().join("run.perfdb");
    import(&ImportOptions { inputs, output: output.clone(), force: false }).unwrap();
    let recording = Recording::load(&Reader::open(&output).unwrap(), &mut |_| {}).unwrap();
    let at_peak = peak(&recording);
    assert_eq!(at_peak.time_ns, 1_795_680_551_577_160_000);
    assert_eq!((at_peak.allocated_bytes, at_peak.unseen_bytes), (664_000_792, 0));
    let groups: Vec<_> = at_peak
        .groups
        .iter()
        .map(|group| (group.site.as_deref().unwrap_or_default(), group.bytes, group.count))
        .collect();
    assert_eq!(groups, GROUPS);
}

/// (time, device, address, bytes, kind, site)
type Event = (i64, i64, Option<i64>, i64, usize, usize);

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (
        0_i64..30,
        0_i64..2,
        prop::option::weighted(0.8, 0_i64..6),
        -40_i64..100,
        0..KINDS.len(),
        0..SITES.len(),
    );
    prop::collection::vec(event, 1..60)
}

/// The level and what is known to be alive after the first `count` rows, from nothing.
type State = (i64, BTreeMap<(usize, usize), (i64, i64)>, i64, i64);

fn naive(events: &[Event], count: usize) -> State {
    let (mut blocks, mut unmatched, mut missing) =
        (Vec::<(i64, i64, i64, usize, usize)>::new(), 0, 0);
    let mut groups = BTreeMap::new();
    for &(_, device, address, bytes, kind, site) in &events[..count] {
        let Some(address) = address else {
            let group: &mut (i64, i64) = groups.entry((kind, site)).or_default();
            *group = (group.0 + bytes, group.1 + bytes.signum());
            continue;
        };
        let there = blocks.iter().position(|block| (block.0, block.1) == (device, address));
        match (bytes.signum(), there) {
            (1, there) => {
                if let Some(there) = there {
                    missing += 1;
                    blocks.remove(there);
                }
                blocks.push((device, address, bytes, kind, site));
            }
            (-1, Some(there)) => drop(blocks.remove(there)),
            (-1, None) => unmatched += 1,
            _ => {}
        }
    }
    for (_, _, bytes, kind, site) in blocks {
        let group = groups.entry((kind, site)).or_default();
        *group = (group.0 + bytes, group.1 + 1);
    }
    let level = groups.values().map(|group| group.0).sum();
    (level, groups, unmatched, missing)
}

/// Groups by kind and site; those of nothing left out.
fn by_origin(groups: &[PeakGroup]) -> BTreeMap<(usize, usize), i64> {
    let place = |texts: [&str; 3], text: &Option<String>| {
        texts.iter().position(|known| *known == text.as_deref().unwrap_or_default()).unwrap()
    };
    groups
        .iter()
        .map(|row| ((place(KINDS, &row.kind), place(SITES, &row.site)), row.bytes))
        .collect()
}

proptest! {
    #[test]
    fn the_peak_is_that_of_a_naive_search(mut events in events()) {
        let (mut run, rank) = run();
        for &(time, device, address, bytes, kind, site) in &events {
            run.memory(rank, Some(device), (time, bytes, address), None, [KINDS[kind], SITES[site]]);
        }
        let at_peak = peak(&run.recording);
        events.sort_by_key(|event| event.0);
        let states: Vec<State> = (1..=events.len()).map(|count| naive(&events, count)).collect();
        let greatest = states.iter().map(|state| state.0).max().unwrap();
        let first = states.iter().position(|state| state.0 == greatest).unwrap();
        let (level, groups, unmatched, missing) = &states[first];
        prop_assert_eq!((at_peak.time_ns, at_peak.allocated_bytes), (events[first].0, *level));
        prop_assert_eq!((at_peak.unmatched_frees, at_peak.missing_frees), (*unmatched, *missing));
        prop_assert_eq!(at_peak.unseen_bytes, 0);
        let naive: BTreeMap<_, _> =
            groups.iter().filter(|(_, group)| group.0 != 0).map(|(key, group)| (*key, group.0)).collect();
        let mut ours = by_origin(&at_peak.groups);
        ours.retain(|_, bytes| *bytes != 0);
        prop_assert_eq!(ours, naive);
    }

    #[test]
    fn groups_and_what_is_unseen_add_up_and_the_curve_holds_the_peak(
        events in events(), levels in prop::collection::vec(0_i64..1000, 60), told in any::<bool>()
    ) {
        let (mut run, rank) = run();
        for (&(time, device, address, bytes, kind, site), level) in events.iter().zip(levels) {
            let level = told.then_some(level);
            run.memory(rank, Some(device), (time, bytes, address), level, [KINDS[kind], SITES[site]]);
        }
        let memory = memory(&run.recording);
        let at_peak = memory.at_peak.unwrap();
        let seen: i64 = at_peak.groups.iter().map(|group| group.bytes).sum();
        prop_assert_eq!(seen + at_peak.unseen_bytes, at_peak.allocated_bytes);
        let greatest = memory.curve.iter().map(|point| point.allocated_bytes).max();
        prop_assert_eq!(greatest, Some(at_peak.allocated_bytes));
        prop_assert!(memory.curve.is_sorted_by_key(|point| point.time_ns));
        prop_assert!(memory.curve.len() <= 4 * 65);
    }

    /// Operators that nest as they do, and those that do not: whoever is named ran then.
    #[test]
    fn an_operator_that_is_named_ran_at_that_moment(
        spans in prop::collection::vec((0_u8..3, 0_i64..50, 0_i64..20), 0..40), time in 0_i64..60
    ) {
        let (mut run, rank) = run();
        for (number, &(thread, start, length)) in spans.iter().enumerate() {
            run.operator(rank, &thread.to_string(), &format!("op{number}"), (start, start + length));
        }
        run.memory(rank, Some(0), (time, 1, Some(1)), None, ["", ""]);
        let named = peak(&run.recording).groups[0].operator.clone();
        let runs = |span: &(u8, i64, i64)| span.1 <= time && time <= span.1 + span.2;
        let latest = spans.iter().filter(|span| runs(span)).map(|span| span.1).max();
        let started = named.map(|name| spans[name[2..].parse::<usize>().unwrap()].1);
        prop_assert_eq!(started, latest);
    }
}
