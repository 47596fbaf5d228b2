//! Traces that are cut off, changed and split in every way.

use std::io::Read;

use proptest::prelude::*;

use super::collect::Collector;
use super::document::{Unusable, read};
use crate::trace::Memory;
use crate::trace::Small;
use crate::window::Window;

/// A trace in the form of the writer of today, the facts behind the events: four events a round.
fn whole(rounds: usize) -> String {
    let mut events = Vec::new();
    events.push(r#"{"ph": "M", "name": "process_name", "pid": 41, "tid": 0, "ts": 5.000, "args": {"name": "python"}}"#.to_owned());
    for index in 0..rounds {
        let ts = 100 * index;
        events.push(format!(
            r#"{{
    "ph": "X", "cat": "cpu_op", "name": "aten::mul", "pid": 41, "tid": 41, "ts": {ts}.125, "dur": 40.5,
    "args": {{"External id": {index}, "Input Dims": [[2, 3], []], "Sequence number": {index}}}
  }}"#
        ));
        events.push(format!(
            r#"{{"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 41, "tid": 41, "ts": {ts}.250, "dur": 1.007, "args": {{"correlation": {index}}}}}"#
        ));
        events.push(format!(
            r#"{{"ph": "X", "cat": "kernel", "name": "void f<\"x\">(int)", "pid": 0, "tid": 7, "ts": {}.001, "dur": 12.003,
               "args": {{"device": 0, "stream": 7, "correlation": {index}, "grid": [1, 2, 3], "est. achieved occupancy %": 0.5}}}}"#,
            ts + 10
        ));
        events.push(format!(
            r#"{{"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": 41, "tid": 41, "ts": {ts}.5,
               "args": {{"Total Allocated": {ts}, "Device Type": 1, "Device Id": 0, "Bytes": 512}}}}"#
        ));
    }
    format!(
        "{{\n  \"schemaVersion\": 1,\n  \"deviceProperties\": [\n    {{\"id\": 0, \"name\": \"H100\", \"totalGlobalMem\": 85}}],\n  \
         \"traceEvents\": [\n  {}\n  ],\n  \"distributedInfo\": {{\"rank\": 3, \"world_size\": 8}},\n  \
         \"traceName\": \"a, }} \\\" ]\",\n  \"baseTimeNanoseconds\": 1700000000000000000\n}}\n",
        events.join(",\n  ")
    )
}

/// Rows in a form that can be compared, each table by itself.
fn rows(collector: &Collector) -> [Vec<String>; 4] {
    let trace = &collector.trace;
    let times = |times: crate::trace::Times| format!("{}..{}", times.start, times.end);
    [
        trace
            .kernels
            .iter()
            .map(|row| {
                let name = trace.texts.get(row.name);
                let grid = row.grid.map(Small::get);
                format!("{name} {} {:?} {grid:?}", times(row.times), row.correlation)
            })
            .collect(),
        trace
            .calls
            .iter()
            .map(|row| {
                format!("{} {} {:?}", trace.texts.get(row.name), times(row.times), row.correlation)
            })
            .collect(),
        trace
            .operators
            .iter()
            .map(|row| {
                let (name, shapes) = (trace.texts.get(row.name), trace.texts.get(row.shapes));
                format!("{name} {shapes} {} {}", times(row.times), row.sequence)
            })
            .collect(),
        // The number of a `pid` depends on which other one is damaged.
        trace.memory.iter().map(|row| format!("{:?}", Memory { pid: 0, ..row.clone() })).collect(),
    ]
}

fn read_text(text: &[u8]) -> Result<Collector, Unusable> {
    read(&mut Window::new(text))
}

/// How many of `ours` are not where `theirs` has them, by longest common beginning and end.
fn changed(ours: &[String], theirs: &[String]) -> usize {
    let begin = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let (ours, theirs) = (&ours[begin..], &theirs[begin..]);
    let end = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(a, b)| a == b).count();
    ours.len().max(theirs.len()) - end
}

#[test]
fn a_whole_trace_has_no_warnings() {
    let collector = read_text(whole(12).as_bytes()).unwrap();
    assert_eq!(collector.problems.warnings(), []);
    assert_eq!(rows(&collector).map(|rows| rows.len()), [12; 4]);
    let trace = &collector.trace;
    assert_eq!(
        (trace.rank, trace.world_size, trace.base),
        (Some(3), Some(8), 1_700_000_000_000_000_000)
    );
    assert_eq!(
        rows(&collector)[0][1],
        "void f<\"x\">(int) 110001..122004 Some(1) [Some(1), Some(2), Some(3)]"
    );
    assert_eq!(rows(&collector)[2][0], "aten::mul [[2, 3], []] 125..40625 0");
}

#[test]
fn wherever_a_trace_is_cut_the_beginning_is_read_and_the_cut_told() {
    let text = whole(12);
    let all = rows(&read_text(text.as_bytes()).unwrap());
    let mut usable = 0;
    for length in 0..text.trim_end().len() {
        let cut = &text.as_bytes()[..length];
        let Ok(collector) = read_text(cut) else { continue };
        usable += 1;
        for (ours, all) in rows(&collector).iter().zip(&all) {
            assert!(all.starts_with(ours), "cut at {length}");
        }
        let warnings = collector.problems.warnings();
        assert_eq!(warnings.len(), 1, "cut at {length}: {warnings:?}");
        assert_eq!((warnings[0].offset, warnings[0].count), (length as u64, 1), "{warnings:?}");
        // Nothing that is whole is lost: the number of events that end before the cut.
        let kept: usize = rows(&collector).iter().map(Vec::len).sum();
        let closed = all.iter().map(Vec::len).sum::<usize>().min(
            text[..length].matches("\"ph\": \"X\"").count()
                + text[..length].matches("\"ph\": \"i\"").count(),
        );
        assert!(kept == closed || kept + 1 == closed, "cut at {length}: {kept} of {closed}");
    }
    assert!(usable > text.len() / 2);
}

#[test]
fn it_does_not_matter_in_which_pieces_a_trace_arrives() {
    let text = whole(12);
    let all = rows(&read_text(text.as_bytes()).unwrap());
    for at in 1..text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        let collector = read(&mut Window::new(first.chain(second))).unwrap();
        assert_eq!(collector.problems.warnings(), [], "split at {at}");
        assert_eq!(rows(&collector), all, "split at {at}");
        assert_eq!(collector.trace.base, 1_700_000_000_000_000_000, "split at {at}");
    }
}

#[test]
fn a_last_event_with_a_quote_in_it_does_not_hide_what_follows() {
    let text = r#"{"traceEvents": [{"ph": "X", "cat": "kernel", "ts": 1, "name": "f"g"}], "distributedInfo": {"rank": 5}}"#;
    let collector = read_text(text.as_bytes()).unwrap();
    assert_eq!((collector.trace.kernels.len(), collector.trace.rank), (1, Some(5)));
    assert_eq!(collector.problems.warnings().len(), 1);
}

#[test]
fn known_faults_lose_nothing() {
    let text = whole(12);
    let all = rows(&read_text(text.as_bytes()).unwrap());
    for (good, fault) in [
        ("\"est. achieved occupancy %\": 0.5", "\"est. achieved occupancy %\": NaN"),
        ("void f<\\\"x\\\">(int)", "void f<\"x\">(int)"),
        ("cudaLaunchKernel", "cuda\"Launch\"Kernel"),
    ] {
        let faulty = text.replace(good, fault);
        let collector = read_text(faulty.as_bytes()).unwrap();
        let ours = rows(&collector);
        assert_eq!((&ours[0], &ours[2], &ours[3]), (&all[0], &all[2], &all[3]), "{fault}");
        assert_eq!(ours[1].len(), 12, "{fault}");
        let warnings = collector.problems.warnings();
        assert_eq!((warnings.len(), warnings[0].count), (1, 12), "{fault}: {warnings:?}");
        // The byte of the first event with the fault.
        let place = faulty[..faulty.find(fault).unwrap()].rfind("{\"ph\"").unwrap();
        assert_eq!(warnings[0].offset, place as u64, "{fault}");
    }
}

/// Whatever a byte is changed to: damage costs its own event, or is told, and does not spread.
fn check_changed_byte(text: &str, all: &[Vec<String>; 4], at: usize, byte: u8) {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = byte;
    if let Ok(collector) = read_text(&bytes) {
        let ours = rows(&collector);
        let differ: usize = ours.iter().zip(all).map(|(ours, all)| changed(ours, all)).sum();
        let warnings = collector.problems.warnings();
        assert!(differ <= 1 || !warnings.is_empty(), "byte {at} as {byte}: {differ} rows differ");
        assert!(differ <= 2, "byte {at} as {byte}: {differ} rows differ, {warnings:?}");
    }
}

#[test]
fn every_byte_changed_to_every_mark_costs_one_event_or_is_told() {
    let text = whole(3);
    let all = rows(&read_text(text.as_bytes()).unwrap());
    for at in 0..text.len() {
        for &byte in b"{}[]\",:\\ \n0x-.\xff" {
            check_changed_byte(&text, &all, at, byte);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_changed_byte_costs_one_event_or_is_told(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = whole(5);
        let all = rows(&read_text(text.as_bytes()).unwrap());
        check_changed_byte(&text, &all, at.index(text.len()), byte);
    }

    #[test]
    fn no_damage_is_too_strange(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3, prop::sample::select(
            b"{}[]\",:\\ \nx0-N\xff\0".to_vec())), 1..30)
    ) {
        let mut bytes = whole(12).into_bytes();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(collector) = read_text(&bytes) {
            prop_assert!(rows(&collector).iter().all(|rows| rows.len() <= 12));
        }
    }

    #[test]
    fn no_text_is_too_strange(tokens in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"traceEvents\"", "\"ph\"", "\"X\"", "\"ts\"", "1.5", "\"cat\"", "\"kernel\"", "\\",
        "null", "\"distributedInfo\"", "\"args\"", " ", "-", "NaN", "{\"traceEvents\": [", "\"deviceProperties\"",
    ]), 0..40)) {
        let _ = read_text(tokens.concat().as_bytes());
    }
}
