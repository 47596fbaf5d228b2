//! The parsers on CUPTI's own bytes, captured on a real GPU (data/h200).
#![expect(unsafe_code, reason = "a CUPTI is played, and memory laid out as CUPTI's")]

mod capture;
mod mutated;
mod pages;
mod replay;
mod shape;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use perfagent_spool::{LossCause, MonotonicNs, Record};

use super::super::{kind, layout, sys};
use capture::Capture;
use replay::Replay;

/// Plays a whole capture.
fn played(name: &str) -> Replay {
    let capture = Capture::read(name);
    let mut replay = Replay::new(capture.version);
    for buffer in &capture.buffers {
        replay.feed(&buffer.bytes, buffer.records.iter().map(|&(step, _)| step));
    }
    replay
}

/// When each call was made, and which, by correlation id.
fn calls(replay: &Replay) -> HashMap<u32, (MonotonicNs, String)> {
    let mut calls = HashMap::new();
    replay.each(|record, name| {
        if let Record::Api { start, end, correlation, .. } = record {
            assert!(start <= end);
            assert!(calls.insert(correlation, (start, name.to_owned())).is_none(), "{record:?}");
        }
    });
    calls
}

/// Every record, without what differs from run to run: how often each occurs.
#[test]
fn all_records_of_a_program_are_read() {
    for name in ["node", "graph"] {
        let replay = played(name);
        let mut shapes = BTreeMap::<String, usize>::new();
        replay.each(|record, name| *shapes.entry(shape::of(&record, name)).or_default() += 1);
        let lines = shapes.iter().map(|(shape, count)| format!("{count:4} × {shape}\n"));
        insta::assert_snapshot!(name, lines.collect::<String>());
        // 60 markers, 20 CUDA events and the device: kinds that are never enabled.
        assert_eq!(replay.losses(), [(LossCause::UnknownRecord, 81)], "{name}");
    }
}

#[test]
fn kernels_and_graphs_join_the_calls_that_launched_them() {
    for name in ["node", "graph"] {
        let replay = played(name);
        let calls = calls(&replay);
        let (mut singles, mut nodes, mut graphs) = (0, BTreeMap::new(), BTreeSet::new());
        replay.each(|record, _| match record {
            Record::Kernel { start, end, correlation, graph, graph_node, .. } => {
                let (called, function) = &calls[&correlation];
                assert!(*called <= start && start < end, "{record:?}");
                assert!(end.0 - start.0 < 1_000_000, "these kernels take microseconds: {record:?}");
                if graph == 0 {
                    assert_eq!((function.as_str(), graph_node), ("cudaLaunchKernel", 0));
                    singles += 1;
                } else {
                    assert_eq!(function, "cudaGraphLaunch");
                    *nodes.entry(graph_node).or_insert(0) += 1;
                }
            }
            Record::GraphLaunch { start, end, correlation, .. } => {
                assert!(calls[&correlation].0 <= start && start < end, "{record:?}");
                assert_eq!(calls[&correlation].1, "cudaGraphLaunch");
                graphs.insert(correlation);
            }
            _ => {}
        });
        assert_eq!(singles, 60, "three kernels a round");
        let (expected_nodes, expected_graphs) = if name == "node" { (10, 0) } else { (0, 10) };
        assert_eq!((nodes.len(), graphs.len()), (expected_nodes, expected_graphs), "{name}");
        assert!(nodes.values().all(|&replays| replays == 10), "{nodes:?}");
    }
}

#[test]
fn operations_of_a_stream_follow_each_other() {
    for name in ["node", "graph"] {
        let mut spans = BTreeMap::<u32, Vec<(MonotonicNs, MonotonicNs)>>::new();
        played(name).each(|record, _| match record {
            Record::Kernel { start, end, stream, .. }
            | Record::Memcpy { start, end, stream, .. }
            | Record::Memset { start, end, stream, .. } => {
                spans.entry(stream).or_default().push((start, end));
            }
            _ => {}
        });
        assert_eq!(spans.len(), 2, "the default stream and the program's own");
        for (stream, spans) in &mut spans {
            spans.sort_unstable();
            assert!(spans.iter().all(|(start, end)| start <= end));
            let overlap = spans.windows(2).find(|pair| pair[1].0 < pair[0].1);
            assert_eq!(overlap, None, "{name}, stream {stream}");
        }
    }
}

/// They had the number 4294967295.
#[test]
fn waits_for_streams_and_contexts_have_no_event() {
    let mut waits = BTreeMap::new();
    played("node").each(|record, _| {
        if let Record::Synchronization { kind, event, .. } = record {
            *waits.entry((kind, event != 0)).or_insert(0) += 1;
        }
    });
    assert_eq!(waits, BTreeMap::from([((1, true), 20), ((3, false), 20), ((4, false), 2)]));
}

/// With CUDA 13, every launch of a recorded program looks the kernel's name up in the driver.
#[test]
fn the_look_up_of_names_in_every_launch_is_no_call_of_the_program() {
    let calls = calls(&played("node"));
    let count = |wanted: &str| calls.values().filter(|(_, name)| name == wanted).count();
    assert_eq!((count("cudaLaunchKernel"), count("cuKernelGetName")), (70, 0));
}

#[test]
fn what_is_allocated_is_freed() {
    let replay = played("node");
    let calls = calls(&replay);
    let mut held = BTreeMap::<(u8, u64), i64>::new();
    replay.each(|record, _| {
        if let Record::Memory { bytes, freed, kind, address, correlation, .. } = record {
            assert!(calls.contains_key(&correlation), "{record:?}");
            let held = held.entry((kind, address)).or_default();
            assert_eq!(*held == 0, !freed, "{record:?}");
            *held += if freed { -(bytes as i64) } else { bytes as i64 };
        }
    });
    assert!(held.values().all(|&held| held == 0), "{held:?}");
}

#[test]
fn ids_of_other_tools_find_the_kernel_within_them() {
    let replay = played("node");
    let mut ids = HashMap::new();
    replay.each(|record, _| {
        if let Record::ExternalCorrelation { correlation, id } = record {
            ids.insert(correlation, id);
        }
    });
    let mut found = Vec::new();
    replay.each(|record, name| {
        if let Record::Kernel { correlation, .. } = record
            && let Some(&id) = ids.get(&correlation)
        {
            assert_eq!(name, "plain(float*)");
            found.push(id);
        }
    });
    assert_eq!(found, (1000..1020).collect::<Vec<_>>());
}

/// How long CUPTI's records are, and how much of them is looked at.
#[test]
fn structures_are_no_longer_than_the_records() {
    let used = BTreeMap::from([
        (sys::KIND_MEMCPY, size_of::<sys::Memcpy>()),
        (sys::KIND_MEMSET, size_of::<sys::Memset>()),
        (kind::DRIVER_CALL, size_of::<layout::ApiCall>()),
        (kind::RUNTIME_CALL, size_of::<layout::ApiCall>()),
        (kind::CONTEXT, size_of::<layout::Context>()),
        (sys::KIND_CONCURRENT_KERNEL, size_of::<sys::Kernel>()),
        (kind::OVERHEAD, size_of::<layout::CorrelatedOverhead>()),
        (kind::STREAM, size_of::<layout::Stream>()),
        (kind::SYNCHRONIZATION, size_of::<layout::Synchronization>()),
        (sys::KIND_EXTERNAL_CORRELATION, size_of::<sys::ExternalCorrelation>()),
        (kind::MEMORY2, size_of::<layout::Memory>()),
        (kind::MEMORY_POOL, size_of::<layout::MemoryPool>()),
        (kind::GRAPH_TRACE, size_of::<layout::GraphTrace>()),
    ]);
    let mut sizes = BTreeMap::<u32, BTreeSet<usize>>::new();
    for buffer in Capture::read("graph").buffers {
        for pair in buffer.records.windows(2) {
            sizes.entry(pair[0].1).or_default().insert(pair[1].0 - pair[0].0);
        }
    }
    let table: Vec<_> =
        used.iter().map(|(kind, &used)| (kind, used, sizes[kind].iter().collect())).collect();
    for (kind, used, sizes) in &table {
        let sizes: &Vec<&usize> = sizes;
        assert!(sizes.len() == 1 && used <= sizes[0], "kind {kind}: {used} of {sizes:?}");
    }
    let lines = table.iter().map(|(kind, used, sizes)| format!("{kind}: {used} of {}", sizes[0]));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join(", "), @"1: 80 of 96, 2: 80 of 88, 4: 40 of 40, 5: 40 of 40, 9: 16 of 32, 10: 160 of 216, 17: 48 of 56, 37: 24 of 24, 38: 40 of 56, 39: 24 of 24, 49: 96 of 128, 50: 72 of 80, 51: 40 of 56");
}
