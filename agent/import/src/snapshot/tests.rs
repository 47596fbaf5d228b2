//! Small snapshots, and what becomes of them.

use super::pickle::pickler::{Py, pickle};
use super::replay::Row;
use super::{Reading, Unusable, read};
use crate::window::Window;

fn parse(value: &Py) -> Reading {
    read(&mut Window::new(&*pickle(value))).unwrap()
}

pub(super) fn frames(line: i64) -> Py {
    let frame = |file, line, name| {
        Py::Dict(vec![
            ("name", Py::Text(name)),
            ("filename", Py::Text(file)),
            ("line", Py::Int(line)),
        ])
    };
    Py::List(vec![
        frame("/opt/c10/cuda/CUDACachingAllocator.cpp", 0, "c10::cuda::malloc"),
        frame("/venv/lib/python3.12/site-packages/torch/nn/modules/linear.py", 125, "forward"),
        frame("/home/me/train.py", line, "step"),
        frame("/home/me/main.py", 3, "<module>"),
    ])
}

pub(super) fn event(action: &'static str, address: i64, size: i64, micros: i64) -> Py {
    Py::Dict(vec![
        ("action", Py::Text(action)),
        ("addr", Py::Int(address)),
        ("size", Py::Int(size)),
        ("stream", Py::Int(0)),
        ("time_us", Py::Int(micros)),
        ("frames", frames(address)),
    ])
}

fn block(address: i64, size: i64, asked_for: i64, state: &'static str) -> Py {
    Py::Dict(vec![
        ("address", Py::Int(address)),
        ("size", Py::Int(size)),
        ("requested_size", Py::Int(asked_for)),
        ("state", Py::Text(state)),
        ("frames", frames(7)),
    ])
}

fn segment(device: i64, address: i64, total: i64, blocks: Vec<Py>) -> Py {
    Py::Dict(vec![
        ("device", Py::Int(device)),
        ("address", Py::Int(address)),
        ("total_size", Py::Int(total)),
        ("blocks", Py::List(blocks)),
    ])
}

fn snapshot(traces: Vec<Vec<Py>>, segments: Vec<Py>) -> Py {
    Py::Dict(vec![
        ("segments", Py::List(segments)),
        ("device_traces", Py::List(traces.into_iter().map(Py::List).collect())),
    ])
}

/// One block from before the first event that stays (at 100), one that goes (at 200), one that comes and goes (at 300),
/// one that stays (at 400), one whose free is asked for only (at 500).
pub(super) fn whole() -> Py {
    snapshot(
        vec![vec![
            event("segment_alloc", 4096, 2000, 10),
            event("alloc", 300, 30, 10),
            event("free_requested", 200, 20, 11),
            event("alloc", 400, 40, 12),
            event("free_completed", 200, 20, 13),
            event("free_requested", 300, 30, 14),
            event("free_completed", 300, 30, 14),
            event("alloc", 500, 50, 15),
            event("free_requested", 500, 50, 16),
            event("segment_free", 8192, 500, 17),
        ]],
        vec![
            segment(
                0,
                0,
                3000,
                vec![
                    block(100, 512, 10, "active_allocated"),
                    block(400, 512, 40, "active_allocated"),
                    block(500, 512, 50, "active_pending_free"),
                    block(700, 512, 70, "inactive"),
                ],
            ),
            segment(0, 4096, 2000, vec![]),
        ],
    )
}

/// `time bytes@address: allocated of reserved at site`.
fn shown(reading: &Reading, rows: &[Row]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let bytes = row.bytes.map_or("reading".to_owned(), |bytes| format!("{bytes:+}"));
            let (time, site) = (row.time / 1000, reading.texts.get(row.site));
            let levels = format!("{} of {}", row.allocated, row.reserved);
            format!("{time} {bytes}@{}: {levels} {site}", row.address)
        })
        .collect()
}

#[test]
fn the_start_is_worked_out_from_the_end() {
    let reading = parse(&whole());
    assert_eq!(reading.problems.warnings(), []);
    let replay = &reading.replays[&0];
    assert_eq!(replay.earlier, 2);
    assert_eq!(
        shown(&reading, &replay.rows),
        [
            "10 +10@100: 10 of 3500 train.py:7 step",
            "10 +20@200: 30 of 3500 ",
            "10 reading@4096: 30 of 5500 train.py:4096 step",
            "10 +30@300: 60 of 5500 train.py:300 step",
            "12 +40@400: 100 of 5500 train.py:400 step",
            "13 -20@200: 80 of 5500 train.py:200 step",
            "14 -30@300: 50 of 5500 train.py:300 step",
            "15 +50@500: 100 of 5500 train.py:500 step",
            "17 reading@8192: 100 of 5000 train.py:8192 step",
        ]
    );
    assert_eq!((reading.snapshot.events, reading.kept()), (10, 7));
    assert_eq!(reading.snapshot.left_out, [("free_requested".to_owned(), 3)].into());
    let trace = &reading.snapshot.devices[&0];
    assert_eq!((trace.reserved, trace.rounded), (5000, 1536));
}

#[test]
fn where_frees_were_not_recorded_as_complete_those_asked_for_count() {
    let reading = parse(&snapshot(
        vec![vec![event("alloc", 1, 10, 1), event("free_requested", 1, 10, 2)]],
        vec![segment(0, 0, 100, vec![])],
    ));
    assert_eq!(reading.problems.warnings(), []);
    assert_eq!(reading.replays[&0].rows.last().unwrap().allocated, 0);
}

#[test]
fn devices_do_not_mix_and_one_without_events_has_its_blocks() {
    let reading = parse(&snapshot(
        vec![vec![event("alloc", 1, 10, 5)], vec![], vec![event("alloc", 1, 30, 6)]],
        vec![
            segment(0, 0, 100, vec![block(1, 512, 10, "active_allocated")]),
            segment(1, 0, 200, vec![block(1, 512, 20, "active_allocated")]),
            segment(2, 0, 300, vec![block(1, 512, 30, "active_allocated")]),
            segment(3, 0, 400, vec![]),
        ],
    ));
    assert_eq!(reading.problems.warnings(), []);
    let last = |device| reading.replays[&device].rows.last().unwrap();
    let levels = [0, 1, 2, 3].map(|device| (last(device).allocated, last(device).reserved));
    assert_eq!(levels, [(10, 100), (20, 200), (30, 300), (0, 400)]);
    assert_eq!(last(1).time, 5000);
}

#[test]
fn what_cannot_be_true_is_counted() {
    let reading = parse(&snapshot(
        vec![vec![
            event("alloc", 1, 10, 9),
            event("alloc", 1, 20, 8),
            event("free_completed", 1, 21, 9),
            event("free_completed", 1, 20, 9),
            event("alloc", 2, 5, 9),
            event("alloc", 3, 6, 9),
            event("alloc", 4, -6, 9),
            Py::Dict(vec![("action", Py::Text("alloc"))]),
            Py::Int(3),
            event("segment_free", 5, 600, 9),
        ]],
        vec![segment(
            0,
            0,
            100,
            vec![block(1, 512, 20, "active_allocated"), block(2, 512, 6, "active_allocated")],
        )],
    ));
    let texts: Vec<_> = reading
        .problems
        .warnings()
        .into_iter()
        .map(|warning| (warning.count, warning.text))
        .collect();
    assert_eq!(
        texts.iter().map(|(count, _)| *count).collect::<Vec<_>>(),
        [1, 2, 1, 6],
        "{texts:?}"
    );
    assert!(texts[0].1.contains("by 1 µs"), "{texts:?}");
    assert!(texts[3].1.contains("without a free in between"), "{texts:?}");
    let replay = &reading.replays[&0];
    assert_eq!(
        shown(&reading, &replay.rows),
        [
            "9 +10@1: 10 of 700 train.py:1 step",
            "9 -10@1: 0 of 700 ",
            "9 +20@1: 20 of 700 train.py:1 step",
            "9 -20@1: 0 of 700 train.py:1 step",
            "9 +5@2: 5 of 700 train.py:2 step",
            "9 +6@3: 11 of 700 train.py:3 step",
            "9 reading@5: 11 of 100 train.py:5 step",
        ]
    );
}

#[test]
fn an_event_that_is_referred_to_many_times_is_one() {
    let shared = Py::Shared("event", Box::new(event("alloc", 1, 10, 1)));
    let trace = Py::Shared("trace", Box::new(Py::List(vec![shared; 300])));
    let reading = parse(&Py::Dict(vec![("device_traces", Py::List(vec![trace; 300]))]));
    assert_eq!(reading.replays[&0].rows.len(), 1);
    assert_eq!(reading.snapshot.events, 300);
    assert_eq!(reading.problems.events_lost(), 299 + 299);
}

#[test]
fn notes_and_ranges() {
    let mark = |stage, micros| {
        Py::Dict(vec![
            ("stage", Py::Text(stage)),
            ("name", Py::Text("Optimizer.step#AdamW.step")),
            ("device", Py::Int(0)),
            ("time_us", Py::Int(micros)),
        ])
    };
    let Py::Dict(mut pairs) = snapshot(
        vec![vec![Py::Dict(vec![
            ("action", Py::Text("oom")),
            ("size", Py::Int(99)),
            ("device_free", Py::Int(4)),
            ("time_us", Py::Int(20)),
            ("frames", frames(42)),
        ])]],
        vec![],
    ) else {
        unreachable!()
    };
    let marks = vec![mark("END", 1), mark("START", 2), mark("END", 3), mark("START", 4)];
    pairs.push(("external_annotations", Py::List(marks)));
    let reading = parse(&Py::Dict(pairs));
    assert_eq!(reading.problems.warnings(), []);
    let event = reading.snapshot.out_of_memory[0];
    assert_eq!((event.size, event.free, event.time), (99, Some(4), 20_000));
    assert_eq!(reading.texts.get(event.site), "train.py:42 step");
    let spans: Vec<_> =
        reading.snapshot.annotations.iter().map(|mark| (mark.start, mark.end)).collect();
    assert_eq!(spans, [(2000, Some(3000)), (4000, None)]);
    assert_eq!((reading.snapshot.events, reading.kept()), (5, 4));
}

#[test]
fn without_times_events_keep_their_order() {
    let old = |action, address| {
        Py::Dict(vec![
            ("action", Py::Text(action)),
            ("addr", Py::Int(address)),
            ("size", Py::Int(8)),
        ])
    };
    let trace = vec![old("alloc", 1), old("alloc", 2), old("free_completed", 1)];
    let history = Py::List(vec![Py::Dict(vec![("real_size", Py::Int(5)), ("frames", frames(1))])]);
    let block = |state, history: &Py| {
        Py::Dict(vec![
            ("size", Py::Int(512)),
            ("state", Py::Text(state)),
            ("history", history.clone()),
        ])
    };
    let blocks = vec![block("inactive", &history), block("active_allocated", &history)];
    let reading = parse(&snapshot(vec![trace], vec![segment(0, 4096, 1024, blocks)]));
    let times: Vec<_> = reading.replays[&0].rows.iter().map(|row| row.time).collect();
    assert_eq!(times, [0, 0, 1000, 2000]);
    let first = reading.replays[&0].rows[0];
    assert_eq!((first.bytes, first.address), (Some(5), 4096 + 512));
    // No clock, and the block at 2 that is not listed.
    assert_eq!(reading.problems.warnings().len(), 2);
}

#[test]
fn other_pickles_are_told() {
    for (value, what) in [
        (Py::List(vec![]), "a pickle of a list"),
        (Py::Dict(vec![("state_dict", Py::Int(1))]), "a pickle of a dict"),
        (Py::Int(1), "a pickle of an integer"),
    ] {
        match read(&mut Window::new(&*pickle(&value))) {
            Err(Unusable::NotASnapshot(text)) => assert!(text.contains(what), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
