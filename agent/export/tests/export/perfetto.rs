//! What Perfetto makes of a file. Its rules, as version 52 was seen to follow them: events of a track come by their
//! time, of those at one time the longest span first, else as in the file; a span that outlasts the one around it is
//! dropped; an arrow belongs to the innermost span that is open; track 0 of a process is that of its main thread; no text in an
//! event may end with a backslash.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfagent_export::Format;
use perfagent_recording::table::{Device, Host, Kernel, Operator, Process, Range, Stream, Thread};
use perfagent_recording::{DeviceId, ProcessId, Timestamp, Writer};
use serde_json::Value;

use crate::bed::{Bed, recorded};
use crate::chrome::{self, nanos};

/// Checks that no span is lost, and that every arrow leads from a call to what it launched.
pub(crate) fn check(events: &[Value], what: &str) {
    let mut tracks: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        if matches!(event["ph"].as_str(), Some("X" | "i" | "s" | "f")) {
            tracks.entry(track(event, what)).or_default().push(index);
        }
    }
    let mut bound = BTreeMap::new();
    for indices in tracks.into_values() {
        replay(events, indices, &mut bound, what);
    }
    let starts = bound.iter().filter(|&(&arrow, _)| events[arrow]["ph"] == "s");
    let calls: BTreeMap<i64, usize> =
        starts.map(|(&arrow, &call)| (events[arrow]["id"].as_i64().unwrap(), call)).collect();
    for (&arrow, &span) in &bound {
        if events[arrow]["ph"] == "f" {
            let call = calls[&events[arrow]["id"].as_i64().unwrap()];
            let of = |span: usize| events[span]["args"]["correlation"].as_i64();
            assert!(of(call).is_some(), "{what}: {}", events[call]);
            assert_eq!(of(call), of(span), "{what}: {} and {}", events[call], events[span]);
        }
    }
}

/// Checks that Perfetto finds the end of every text in an event: it takes a quote behind a backslash for part of the
/// text, also where the backslash is one of the text's own.
pub(crate) fn check_texts(file: &str, what: &str) {
    // Each event is a line.
    for line in file.lines().filter(|line| line.starts_with("  {\"ph\"")) {
        let (mut in_text, mut escaped, mut last) = (false, false, ' ');
        for mark in line.chars() {
            let ends = in_text && !escaped && mark == '"';
            assert!(!ends || last != '\\', "{what}: a text ends with a backslash: {line}");
            escaped = in_text && !escaped && mark == '\\';
            in_text = if in_text { !ends } else { mark == '"' };
            last = mark;
        }
    }
}

/// The process and the thread that Perfetto takes an event for, whose numbers have 32 bits there.
fn track(event: &Value, what: &str) -> (i64, i64) {
    let (pid, tid) = (event["pid"].as_i64().unwrap(), event["tid"].as_i64().unwrap());
    for number in [pid, tid] {
        assert!(u32::try_from(number).is_ok(), "{what}: {event}");
    }
    assert!(tid != 0 || pid == 0, "{what}: would be on the track of the main thread: {event}");
    (pid, tid)
}

/// Nests the spans of a track, and notes for each arrow the span that it belongs to.
fn replay(
    events: &[Value],
    mut indices: Vec<usize>,
    bound: &mut BTreeMap<usize, usize>,
    what: &str,
) {
    let start = |index: usize| nanos(&events[index]["ts"]).unwrap();
    let length = |index: usize| nanos(&events[index]["dur"]).unwrap_or(0);
    indices.sort_by_key(|&index| (start(index), Reverse(length(index))));
    let mut open: Vec<usize> = Vec::new();
    for index in indices {
        match events[index]["ph"].as_str() {
            Some("X") => {
                let (from, to) = (start(index), start(index) + length(index));
                // Spans of no length at one time lie in one another.
                while open.last().is_some_and(|&last| {
                    start(last) + length(last) <= from && (start(last), length(last)) != (from, 0)
                }) {
                    open.pop();
                }
                if let Some(&last) = open.last() {
                    let outlasts = to > start(last) + length(last);
                    assert!(!outlasts, "{what}: {} in {}", events[index], events[last]);
                }
                open.push(index);
            }
            Some("s" | "f") => {
                // The file has an arrow right behind its span.
                let own = index - 1;
                let innermost = *open.last().unwrap();
                // Where another span begins at the same time, Perfetto cannot be told which one is meant.
                assert!(
                    innermost == own || start(innermost) == start(own),
                    "{what}: {} belongs to {}",
                    events[index],
                    events[innermost]
                );
                bound.insert(index, own);
            }
            _ => {}
        }
    }
}

/// The events of an exported file.
fn events(bed: &Bed, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(bed.path(name)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["traceEvents"].as_array().unwrap().clone()
}

/// A rank with a GPU on whose streams 0 and `ordinal` kernels overlap, written into `writer`.
fn rank_with_gpu(writer: &mut Writer, rank: Option<i64>, ordinal: i64) {
    let host_id = writer.insert(&Host { name: "node".to_owned(), ..Host::default() }).unwrap();
    let start_ns = Timestamp::from_unix_nanos(1_772_366_400_000_000_000);
    let process = Process {
        host_id,
        pid: 70 + rank.unwrap_or(9),
        rank,
        name: "train".to_owned(),
        start_ns,
        ..Process::default()
    };
    let process_id: ProcessId = writer.insert(&process).unwrap();
    let device = Device { process_id, ordinal, name: "MI300X".to_owned(), ..Device::default() };
    let device_id: DeviceId = writer.insert(&device).unwrap();
    let name_id = writer.string("gemm").unwrap();
    for (number, stream) in [0, ordinal].into_iter().enumerate() {
        let row = Stream { process_id, device_id, stream, ..Stream::default() };
        let stream_id = writer.insert(&row).unwrap();
        let start = start_ns.unix_nanos() + 10 * number as i64;
        let kernel = Kernel {
            process_id,
            device_id,
            stream_id,
            start_ns: Timestamp::from_unix_nanos(start),
            end_ns: Timestamp::from_unix_nanos(start + 15),
            name_id,
            ..Kernel::default()
        };
        writer.append(&kernel).unwrap();
    }
}

#[test]
fn streams_0_and_1_of_gpu_1_are_two_tracks() {
    let bed = Bed::new();
    let mut writer = Writer::create(&bed.path("run.perfdb")).unwrap();
    rank_with_gpu(&mut writer, None, 1);
    writer.finish().unwrap();
    bed.export(&["run.perfdb"], Format::Chrome, "run.json");
    chrome::check(&bed.path("run.json"), "two streams");
    let events = events(&bed, "run.json");
    let of = |stream: i64| {
        let found = events.iter().find(|event| event["args"]["stream"] == stream).unwrap();
        (found["pid"].as_i64().unwrap(), found["tid"].as_i64().unwrap())
    };
    assert_eq!(of(1), (1, 1));
    assert_ne!(of(0).1, 0);
    let name = events.iter().find(|event| {
        event["name"] == "thread_name" && event["tid"] == of(0).1 && event["pid"] == 1
    });
    assert_eq!(name.unwrap()["args"]["name"], "stream 0");
}

#[test]
fn perfetto_opens_what_has_a_name_that_ends_with_a_backslash() {
    let bed = Bed::new();
    let mut writer = Writer::create(&bed.path("run.perfdb")).unwrap();
    let host_id = writer.insert(&Host { name: "node".to_owned(), ..Host::default() }).unwrap();
    let process_id = writer.insert(&Process { host_id, pid: 77, ..Process::default() }).unwrap();
    let thread = Thread { process_id, tid: 77, name: "worker\\".to_owned() };
    let thread_id = writer.insert(&thread).unwrap();
    let name_id = writer.string(r"load C:\data\").unwrap();
    writer.append(&Range { process_id, thread_id, name_id, ..Range::default() }).unwrap();
    let (name_id, types_id) =
        (writer.string("copy").unwrap(), Some(writer.string(r#"["a\\", "b"]"#).unwrap()));
    let operator = Operator { process_id, thread_id, name_id, types_id, ..Operator::default() };
    writer.append(&operator).unwrap();
    writer.finish().unwrap();
    bed.export(&["run.perfdb"], Format::Chrome, "run.json");
    chrome::check(&bed.path("run.json"), "backslash");
    let names: Vec<_> = events(&bed, "run.json")
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| event["name"].clone())
        .collect();
    assert_eq!(names, [r"load C:\data\", "copy"]);
}

#[test]
fn ranks_stand_in_their_order() {
    let bed = Bed::new();
    let mut writer = Writer::create(&bed.path("run.perfdb")).unwrap();
    for rank in [None, Some(1), Some(0)] {
        rank_with_gpu(&mut writer, rank, 3);
    }
    writer.finish().unwrap();
    bed.export(&["run.perfdb"], Format::Chrome, "run.json");
    let events = events(&bed, "run.json");
    let named = |kind: &'static str| events.iter().filter(move |event| event["name"] == kind);
    let titles = named("process_name").map(|event| event["args"]["name"].as_str().unwrap());
    let order =
        named("process_sort_index").map(|event| event["args"]["sort_index"].as_i64().unwrap());
    let mut processes: Vec<_> = order.zip(titles).collect();
    processes.sort_unstable();
    let titles: Vec<_> = processes.into_iter().map(|(_, title)| title).collect();
    let wanted = [
        "rank 0: train",
        "rank 1: train",
        "train",
        "rank 0: GPU 3 MI300X",
        "rank 1: GPU 3 MI300X",
        "train: GPU 3 MI300X",
    ];
    assert_eq!(titles, wanted);
}

#[test]
fn an_arrow_leads_to_every_operation_whose_launch_was_seen() {
    let bed = Bed::new();
    let packed = recorded().into_iter().find(|path| path.ends_with("calls/run.perfdb.gz"));
    bed.unpack(&packed.unwrap(), "run.perfdb");
    bed.export(&["run.perfdb"], Format::Chrome, "run.json");
    let run = bed.load("run.perfdb");
    let of_process = |process: ProcessId, correlation: Option<i64>| {
        run.api_calls
            .iter()
            .any(|call| call.process_id == process && call.correlation == correlation)
    };
    let kernels = run.kernels.iter().map(|row| (row.process_id, row.correlation));
    let copies = run.copies.iter().map(|row| (row.process_id, row.correlation));
    let launched = kernels
        .chain(copies)
        .filter(|&(process, correlation)| correlation.is_some() && of_process(process, correlation))
        .count();
    let arrows = events(&bed, "run.json").iter().filter(|event| event["ph"] == "f").count();
    assert!(launched > 4000);
    assert_eq!(arrows, launched);
}
