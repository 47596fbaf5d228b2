//! Traces that are made here, whole and damaged.

use std::collections::BTreeMap;

use perfagent_fuzz::{damage, each_input};
use perfagent_recording::table::CopyKind;
use prost::Message;

use super::document::{Collector, read};
use super::proto::{Metadata, Named, Value, When, XEvent, XStat};
use super::recognises;
use crate::trace::Small;
use crate::trace::Times;
use crate::window::Window;

#[derive(Clone, PartialEq, Message)]
struct XSpace {
    #[prost(message, repeated, tag = "1")]
    planes: Vec<XPlane>,
    #[prost(string, repeated, tag = "4")]
    hostnames: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct XPlane {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    lines: Vec<XLine>,
    #[prost(message, repeated, tag = "4")]
    event_metadata: Vec<Named>,
    #[prost(message, repeated, tag = "5")]
    stat_metadata: Vec<Named>,
    #[prost(message, repeated, tag = "6")]
    stats: Vec<XStat>,
}

#[derive(Clone, PartialEq, Message)]
struct XLine {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(int64, tag = "3")]
    timestamp_ns: i64,
    #[prost(message, repeated, tag = "4")]
    events: Vec<XEvent>,
}

/// Names of events and of stats; numbers are places in these lists.
const EVENTS: [&str; 10] = [
    "fusion_kernel",
    "MemcpyH2D",
    "Memset",
    "cuLaunchKernel",
    "dot.3",
    "train",
    "$app.py:7 main",
    "Wait",
    "end: dot.3",
    "Transformation",
];
const STATS: [&str; 11] = [
    "kernel_details",
    "memcpy_details",
    "memset_details",
    "correlation_id",
    "hlo_op",
    "step_num",
    "process_id",
    "profile_start_time",
    "device_type_string",
    "memory_size",
    // The value that a stat refers to.
    "regs:32 static_shared:16 dynamic_shared:2048 grid:8,2,1 block:256,1,1 occ_pct:50",
];

fn stat(id: i64, value: Value) -> XStat {
    XStat { metadata_id: id, value: Some(value) }
}

fn event(id: i64, offset: i64, duration: i64, stats: Vec<XStat>) -> XEvent {
    XEvent { metadata_id: id, when: Some(When::OffsetPs(offset)), duration_ps: duration, stats }
}

fn line(id: i64, name: &str, timestamp_ns: i64, events: Vec<XEvent>) -> XLine {
    XLine { id, name: name.to_owned(), timestamp_ns, events }
}

fn plane(id: i64, name: &str, lines: Vec<XLine>, stats: Vec<XStat>) -> XPlane {
    let named = |names: &[&str]| {
        let named = names.iter().enumerate().map(|(id, name)| {
            let value = Metadata { id: id as i64, name: (*name).to_owned() };
            Named { key: id as i64, value: Some(value) }
        });
        named.collect()
    };
    let (event_metadata, stat_metadata) = (named(&EVENTS), named(&STATS));
    XPlane { id, name: name.to_owned(), lines, event_metadata, stat_metadata, stats }
}

/// A step of a GPU run, times from the start of the profile.
fn whole() -> XSpace {
    let text = |text: &str| Value::Text(text.to_owned());
    let launch = |correlation| vec![stat(3, Value::Signed(correlation))];
    let kernel =
        |correlation| vec![stat(0, Value::Reference(10)), stat(3, Value::Unsigned(correlation))];
    let gpu = vec![
        line(
            7,
            "Stream #7(Compute)",
            1000,
            vec![
                event(0, 500_000, 250_000, kernel(11)),
                event(0, 750_000, 250_000, kernel(12)),
                event(9, 0, 5000, vec![]),
            ],
        ),
        line(
            8,
            "Stream #8(MemcpyH2D,Memset)",
            1000,
            vec![
                event(
                    1,
                    0,
                    10_000,
                    vec![stat(1, text("kind_src:pinned kind_dst:device size:4096 dest:0"))],
                ),
                event(2, 10_000, 10_000, vec![stat(2, text("kind:device size:64 async:1"))]),
            ],
        ),
        line(0xdead_beef, "XLA Ops", 0, vec![event(4, 0, 9_000_000, kernel(0))]),
        line(0xdead_bee0, "Framework Ops", 0, vec![event(4, 0, 9_000_000, vec![])]),
    ];
    let host = vec![line(
        41,
        "python",
        900,
        vec![
            event(5, 0, 2_000_000, vec![stat(5, Value::Signed(3))]),
            event(6, 0, 9_000_000, vec![]),
            event(4, 1000, 700_000, vec![stat(4, text("dot.3"))]),
            event(3, 50_000, 20_000, launch(11)),
            event(7, 800_000, 1000, vec![]),
            event(8, 800_000, 0, vec![]),
        ],
    )];
    let sums = XEvent { when: Some(When::Occurrences(5)), ..event(0, 0, 0, vec![]) };
    XSpace {
        planes: vec![
            plane(
                1,
                "/device:GPU:1",
                gpu,
                vec![stat(8, text("NVIDIA H100")), stat(9, Value::Unsigned(80 << 30))],
            ),
            plane(2, "/host:CPU", host, vec![stat(6, Value::Signed(4711))]),
            plane(
                3,
                "/device:TPU:0",
                vec![line(1, "XLA Ops", 0, vec![event(4, 0, 1, vec![])])],
                vec![],
            ),
            plane(4, "/host:CUPTI", vec![line(1, "sums", 0, vec![sums])], vec![]),
            plane(
                0,
                "Task Environment",
                vec![],
                vec![stat(7, Value::Unsigned(1_700_000_000_000_000_000))],
            ),
        ],
        hostnames: vec!["node-1".to_owned()],
    }
}

fn parse(bytes: &[u8]) -> Collector {
    read(&mut Window::new(bytes))
}

#[test]
fn a_gpu_and_its_host() {
    let bytes = whole().encode_to_vec();
    assert!(recognises(&bytes) && recognises(&bytes[..64]));
    let Collector { trace, problems, events, planes, left_out, .. } = parse(&bytes);
    assert_eq!(problems.warnings(), []);
    assert_eq!((events, planes, trace.kept()), (15, 5, 8));
    let counts = [
        ("/device:TPU:0", 1),
        ("Framework Ops", 1),
        ("Python frames", 1),
        ("XLA Ops", 1),
        ("instants", 1),
        ("on a GPU, but no operation", 1),
        ("sums of events", 1),
    ];
    assert_eq!(left_out, counts.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!((trace.base, trace.pid), (1_700_000_000_000_000_000, Some(4711)));
    let device = &trace.devices[0];
    assert_eq!(
        (device.id, &*device.name, device.total_global_mem),
        (1, "NVIDIA H100", Some(80 << 30))
    );
    let kernels: Vec<_> = trace
        .kernels
        .iter()
        .map(|row| (trace.texts.get(row.name), row.times, row.correlation, row.registers.get()))
        .collect();
    let of = |start, end, correlation| {
        ("fusion_kernel", Times { start, end }, Some(correlation), Some(32))
    };
    assert_eq!(kernels, [of(1500, 1750, 11), of(1750, 2000, 12)]);
    assert_eq!(trace.kernels[0].grid.map(Small::get), [Some(8), Some(2), Some(1)]);
    let shared = [trace.kernels[0].static_shared, trace.kernels[0].dynamic_shared];
    assert_eq!(shared.map(Small::get), [Some(16), Some(2048)]);
    let copies: Vec<_> = trace.copies.iter().map(|row| (row.kind, row.bytes, row.stream)).collect();
    assert_eq!(copies, [(CopyKind::HtoD, 4096, 1), (CopyKind::Memset, 64, 1)]);
    let streams: Vec<_> = trace.streams.iter().map(|row| (row.device, row.number)).collect();
    assert_eq!(streams, [(1, 7), (1, 8)]);
    let call = &trace.calls[0];
    assert_eq!((trace.texts.get(call.name), call.correlation), ("cuLaunchKernel", Some(11)));
    let operator = &trace.operators[0];
    assert_eq!((trace.texts.get(operator.name), operator.times.start), ("dot.3", 901));
    let ranges: Vec<_> = trace.annotations.iter().map(|row| trace.texts.get(row.name)).collect();
    assert_eq!(ranges, ["step 3", "Wait"]);
    assert_eq!((&*trace.threads[0].pid, &*trace.threads[0].tid), ("4711", "41"));
}

#[test]
fn picoseconds_are_rounded_down_at_both_ends() {
    let events = vec![
        event(0, 1999, 2, vec![stat(0, Value::Reference(10))]),
        event(0, 2001, 998, vec![stat(0, Value::Reference(10))]),
        event(0, -1, 1, vec![stat(0, Value::Reference(10))]),
    ];
    let gpu = plane(1, "/device:GPU:0", vec![line(7, "Stream #7", 100, events)], vec![]);
    let Collector { trace, problems, .. } =
        parse(&XSpace { planes: vec![gpu], hostnames: vec![] }.encode_to_vec());
    let times: Vec<_> = trace.kernels.iter().map(|row| (row.times.start, row.times.end)).collect();
    assert_eq!(times, [(101, 102), (102, 102), (99, 100)]);
    let warnings = problems.warnings();
    assert_eq!((warnings.len(), warnings[0].count), (1, 3));
}

#[test]
fn times_that_are_none_cost_their_event() {
    let bad = [(i64::MAX, 1), (0, i64::MAX), (i64::MIN, 1), (2000, -1000)];
    let events = bad.map(|(offset, duration)| event(7, offset, duration, vec![])).to_vec();
    let lines = vec![line(1, "t", 5, events), line(2, "u", i64::MAX, vec![event(7, 0, 1, vec![])])];
    let host = plane(1, "/host:CPU", lines, vec![]);
    let collector = parse(&XSpace { planes: vec![host], hostnames: vec![] }.encode_to_vec());
    assert_eq!(collector.problems.events_lost() + collector.trace.kept() as u64, 5);
    assert_eq!(collector.trace.annotations.iter().filter(|row| row.times.start == 5).count(), 1);
}

#[test]
fn wherever_a_trace_is_cut_whole_planes_are_read_and_the_cut_told() {
    let space = whole();
    let bytes = space.encode_to_vec();
    let mut ends = BTreeMap::from([(0, 0)]);
    let mut end = 0;
    for (number, plane) in space.planes.iter().enumerate() {
        end += XSpace { planes: vec![plane.clone()], hostnames: vec![] }.encoded_len();
        ends.insert(end, number as u64 + 1);
    }
    for length in 0..end {
        let collector = parse(&bytes[..length]);
        let (&whole, &planes) = ends.range(..=length).next_back().unwrap();
        assert_eq!(collector.planes, planes, "cut at {length}");
        let offsets: Vec<_> =
            collector.problems.warnings().into_iter().map(|warning| warning.offset).collect();
        let told = if whole == length { vec![] } else { vec![length as u64] };
        assert_eq!(offsets, told, "cut at {length}");
    }
}

#[test]
fn fuzz_traces() {
    let whole = whole().encode_to_vec();
    each_input("XLA traces", 3000, |from| {
        let mut bytes = whole.clone();
        damage(&mut bytes, from);
        let _ = recognises(&bytes);
        let collector = parse(&bytes);
        let left_out: u64 = collector.left_out.values().sum();
        let lost = collector.problems.events_lost();
        // Every event is kept, left out or lost.
        assert_eq!(collector.trace.kept() as u64 + left_out + lost, collector.events);
    });
}
