//! Each kind of record arrives as the right row.

use perfagent_recording::table::{Payload, Severity, Timing};

use crate::harness::{Run, actor, lost, text};
use crate::role::FLOOD;

#[test]
fn every_kind_of_record_becomes_its_row() {
    let run = Run::new();
    let ended = run.record(&actor("vocabulary"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let recording = run.read();
    let names =
        |ids: Vec<_>| ids.into_iter().map(|id| text(&recording, id).to_owned()).collect::<Vec<_>>();

    assert_eq!(
        names(recording.ranges.iter().map(|range| range.name_id).collect()),
        ["load", "wait", "step"]
    );
    let [load, wait, step] = &recording.ranges.to_vec()[..] else {
        panic!("{:?}", recording.ranges)
    };
    assert_eq!((step.depth, step.payload, step.color), (Some(0), Payload::Integer(41), None));
    assert_eq!(
        (load.depth, load.payload, load.color),
        (Some(1), Payload::Real(0.5), Some(0xff00_ff00))
    );
    assert_eq!((text(&recording, load.category_id), text(&recording, load.domain_id)), ("io", ""));
    assert_eq!((wait.depth, text(&recording, wait.domain_id)), (None, "perfagent.collective"));
    assert!(recording.ranges.iter().all(|range| !range.open && range.end_ns >= range.start_ns));

    let [relu, addmm] = &recording.operators.to_vec()[..] else {
        panic!("{:?}", recording.operators)
    };
    assert_eq!(
        (text(&recording, addmm.name_id), text(&recording, addmm.shapes_id)),
        ("aten::addmm", "[[2, 3], [3, 4]]")
    );
    assert_eq!((addmm.sequence, addmm.depth), (Some(12), 0));
    assert_eq!(
        (text(&recording, relu.name_id), relu.sequence, relu.depth),
        ("aten::relu", Some(-1), 1)
    );

    let [collective] = &recording.collectives.to_vec()[..] else {
        panic!("{:?}", recording.collectives)
    };
    assert_eq!(
        names(vec![
            collective.op_id,
            collective.dtype_id,
            collective.group_id,
            collective.source_id
        ]),
        ["all_reduce", "float32", "data_parallel", "nvtx"]
    );
    assert_eq!(
        (collective.bytes, collective.group_size, collective.sequence),
        (Some(4096), Some(2), Some(9))
    );

    assert_eq!(
        (recording.marks.len(), recording.marks.get(0).unwrap().payload),
        (1, Payload::Integer(1))
    );
    assert_eq!(recording.threads[0].name, "worker");
    assert!(
        recording
            .notes
            .iter()
            .any(|note| note.text == "remark" && note.severity == Severity::Warning)
    );
    assert!(recording.clock_anchors.iter().any(|anchor| anchor.process_id.is_some()));
    for anchor in &recording.clock_anchors {
        assert!((anchor.time_ns - anchor.realtime_ns).nanos().abs() < 1_000_000_000);
    }
    assert!(recording.losses.is_empty(), "{:?}", recording.losses);
}

#[test]
fn gpu_work_is_placed_on_devices_and_streams() {
    let run = Run::new();
    run.record(&actor("vocabulary"));
    let recording = run.read();
    let [device] = &recording.devices[..] else { panic!("{:?}", recording.devices) };
    assert_eq!(device.uuid.as_deref(), Some("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"));
    assert_eq!(
        (device.name.as_str(), device.total_bytes, device.cc_major),
        ("NVIDIA Test GPU", Some(1 << 30), Some(9))
    );
    assert_eq!(recording.streams.iter().map(|stream| stream.stream).collect::<Vec<_>>(), [7, 8]);
    let [kernel] = &recording.kernels.to_vec()[..] else { panic!("{:?}", recording.kernels) };
    assert_eq!(text(&recording, kernel.name_id), "gemm");
    assert_eq!((kernel.end_ns - kernel.start_ns).nanos(), 500, "lengths are exact");
    assert_eq!((kernel.correlation, kernel.grid_x, kernel.block_x), (Some(99), Some(8), Some(256)));
    assert_eq!((kernel.graph, kernel.graph_node), (None, None));
    assert_eq!(recording.api_calls.get(0).unwrap().correlation, kernel.correlation);
    assert_eq!(recording.api_calls.get(0).unwrap().start_ns, kernel.start_ns);
    let kinds: Vec<_> = recording.copies.iter().map(|copy| copy.kind.as_str()).collect();
    assert_eq!(kinds, ["HtoD", "DtoH", "DtoD", "HtoH", "PtoP", "other", "memset"]);
    assert_eq!(
        (recording.copies.get(6).unwrap().graph, recording.copies.get(6).unwrap().graph_node),
        (Some(5), Some(6))
    );
}

#[test]
fn ends_without_a_start_are_counted_and_starts_without_an_end_are_marked() {
    let run = Run::new();
    run.record(&actor("nesting"));
    let recording = run.read();
    let ranges: Vec<_> = recording
        .ranges
        .iter()
        .map(|range| (text(&recording, range.name_id), range.depth, range.open))
        .collect();
    assert_eq!(
        ranges,
        [("inner", Some(1), false), ("outer", Some(0), false), ("never closed", Some(0), true)]
    );
    assert_eq!((lost(&recording, "unmatched_pop"), lost(&recording, "unmatched_end")), (2, 1));
}

#[test]
fn a_range_that_ends_on_another_thread_may_be_read_end_first() {
    let run = Run::new();
    run.record(&actor("crossing"));
    let recording = run.read();
    assert_eq!(recording.collectives.len(), 3);
    for collective in &recording.collectives {
        assert_eq!(
            ((collective.end_ns - collective.start_ns).nanos(), collective.open),
            (1000, false)
        );
    }
    assert!(recording.losses.is_empty(), "{:?}", recording.losses);
}

#[test]
fn a_flood_of_events_arrives_whole() {
    let run = Run::new();
    // PERFAGENT_COLLECT_TEST_FLOOD=1000000 makes a measurement of this test: `recorder_cpu_ns` is printed.
    let count = std::env::var(FLOOD).ok().and_then(|count| count.parse().ok()).unwrap_or(50_000);
    let mut command = actor("flood");
    command.insert(1, format!("{FLOOD}={count}").into());
    run.record(&command);
    let recording = run.read();
    assert_eq!(recording.operators.len(), count);
    assert!(recording.losses.is_empty(), "{:?}", recording.losses);
    let cost: f64 = recording.meta_value("recorder_cpu_ns").unwrap().parse().unwrap();
    println!("{:.0} ns of the recorder a record", cost / (2 * count) as f64);
}

#[test]
fn a_gap_cuts_what_was_open_and_no_loss_is_counted_twice() {
    let run = Run::new();
    run.record(&actor("losses"));
    let recording = run.read();
    assert_eq!((lost(&recording, "ring_full"), lost(&recording, "thread_buffer_full")), (7, 3));
    let gap = recording.losses.iter().find(|loss| loss.start_ns.is_some()).unwrap();
    assert_eq!(gap.count, 5);
    let ranges: Vec<_> = recording
        .ranges
        .iter()
        .map(|range| (text(&recording, range.name_id), range.open))
        .collect();
    assert_eq!(ranges, [("before", true), ("after", false)]);
    assert_eq!(Some(recording.ranges.get(0).unwrap().end_ns), gap.start_ns);
}

#[test]
fn calls_of_nccl_come_from_its_ranges_without_a_time_and_from_its_plugin_with_their_kernels() {
    let run = Run::new();
    run.record(&actor("nccl"));
    let recording = run.read();
    let [range, gather, plugin] = &recording.collectives.to_vec()[..] else {
        panic!("{:?}", recording.collectives)
    };
    assert_eq!(
        (text(&recording, range.op_id), text(&recording, range.source_id)),
        ("all_reduce", "nvtx")
    );
    assert_eq!((range.timing, range.bytes, range.enqueued_ns), (Timing::Enqueue, Some(2048), None));
    assert_eq!((range.sequence, gather.sequence), (None, None), "the number is the size");
    // Each rank passes a part of an all-gather's message, and the number of ranks is not told.
    assert_eq!((text(&recording, gather.op_id), gather.bytes), ("all_gather", None));
    assert_eq!(text(&recording, plugin.source_id), "nccl");
    assert_eq!(text(&recording, plugin.group_id), "0x00000000000000ab");
    assert_eq!(
        (plugin.timing, plugin.bytes, plugin.sequence),
        (Timing::Kernel, Some(200), Some(3))
    );
    assert_eq!((plugin.end_ns - plugin.start_ns).nanos(), 500, "not the kernel of the graph");
    assert_eq!(plugin.correlation, recording.kernels.get(1).unwrap().correlation);
    assert_eq!(plugin.enqueued_ns, Some(plugin.start_ns));
    let ranges: Vec<_> =
        recording.ranges.iter().map(|range| text(&recording, range.name_id)).collect();
    assert_eq!(ranges, ["ncclGroupStart"], "no operation");
}

#[test]
fn without_a_word_from_nccl_its_kernels_are_collectives_of_unknown_size() {
    let run = Run::new();
    run.record(&actor("nccl-silent"));
    let recording = run.read();
    let [collective] = &recording.collectives.to_vec()[..] else {
        panic!("{:?}", recording.collectives)
    };
    assert_eq!(
        (text(&recording, collective.op_id), text(&recording, collective.source_id)),
        ("all_reduce", "kernel")
    );
    assert_eq!((collective.bytes, collective.group_size, collective.dtype_id.0), (None, None, 0));
    assert_eq!(
        (collective.timing, (collective.end_ns - collective.start_ns).nanos()),
        (Timing::Kernel, 800)
    );
    assert_eq!(recording.kernels.len(), 2);
}
