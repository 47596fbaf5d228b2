//! Damaged traces, also of the kind that `perfagent export` writes: whatever stands in them becomes rows or is told.

use perfagent_fuzz::{Unstructured, damage, each_costly_input, each_input, number};
use perfagent_recording::Writer;

use super::document::{read, read_divided};
use super::regular::Division;
use crate::hosts::Hosts;
use crate::trace::write;
use crate::window::Window;

/// A trace with one event of each kind, of two processes.
const OWN: &str = r#"{"schemaVersion": 1, "distributedInfo": {"rank": 1, "world_size": 2}, "baseTimeNanoseconds": 1772366400000000000,
"deviceProperties": [{"id": 0, "name": "H200", "totalGlobalMem": 85}],
"perfagent": {"format": 1, "hosts": [{"name": "node-1"}], "processes": [
 {"track": 77, "host": 0, "pid": 77, "rank": 0, "name": "train", "start_ns": 5, "threads": [{"track": 77, "tid": 77, "name": "main"}],
  "devices": [{"track": 0, "ordinal": 0, "name": "H200"}], "streams": [{"device": 0, "stream": 7, "context": 1, "name": "side"}]},
 {"track": 78, "host": 9, "pid": 78, "rank": 1, "name": "train", "start_ns": 5}],
 "counters": [{"track": 77, "label": "power (W)", "host": 0, "process": 0, "device": 0, "name": "power", "unit": "W"}],
 "losses": [{"process": 1, "cause": "ring_full", "count": 3}], "notes": [{"process": 7, "severity": "warning", "text": "hot"}]},
"traceEvents": [
 {"ph": "X", "cat": "user_annotation", "name": "step", "pid": 77, "tid": 77, "ts": 0.001, "dur": 9.500, "args": {"nvtx domain": "d", "nvtx payload": 5.5, "nesting depth": -1, "end not seen": 1}},
 {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 78, "tid": 5000001, "ts": 1.000, "dur": 2.000, "args": {"Input Dims": [[2, 3]], "Input type": ["long int"], "flops": 12, "nesting depth": 1, "host thread": 78}},
 {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 77, "tid": 77, "ts": 1.000, "dur": 1.000, "args": {"correlation": 3, "result": 0}},
 {"ph": "X", "cat": "kernel", "name": "f", "pid": 0, "tid": 7, "ts": 2.000, "dur": 1.000, "args": {"device": 0, "context": 1, "stream": 7, "correlation": 3, "grid": [1, 2, 3],
  "static shared memory": 4, "Collective name": "allreduce", "In msg nelems": 4, "dtype": "Float", "told apart": 1}},
 {"ph": "X", "cat": "perfagent_collective", "name": "all_reduce", "pid": 77, "tid": 5000000, "ts": 2.000, "dur": 1.000, "args": {"Collective name": "all_reduce", "message bytes": 16,
  "reported by": "nccl", "timing": "kernel", "enqueued at": 1.500, "on device": 0, "on stream": 7, "in context": 1, "kernel correlation": 3, "host thread": -1}},
 {"ph": "X", "cat": "gpu_memcpy", "name": "Memcpy HtoD", "pid": 0, "tid": 7, "ts": 4.000, "dur": 1.000, "args": {"device": 0, "stream": 7, "bytes": 512}},
 {"ph": "X", "cat": "cuda_sync", "name": "Event Sync", "pid": 0, "tid": 9, "ts": 4.000, "dur": 1.000, "args": {"cuda_sync_kind": "Event Sync", "stream": -1, "wait_on_stream": 7,
  "wait_on_cuda_event_record_corr_id": 3, "wait_on_cuda_event_id": 9, "context": 1}},
 {"ph": "i", "cat": "nvtx_mark", "name": "here", "pid": 77, "tid": 77, "s": "t", "ts": 5.000, "args": {"nvtx payload": 7}},
 {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "pid": 78, "tid": 78, "s": "t", "ts": 5.000, "args": {"Device Type": 1, "Device Id": 3, "Bytes": -512, "reported by": "cupti", "Kind": "pinned", "Site": "a.py:1"}},
 {"ph": "X", "cat": "cuda_profiler_range", "name": "f", "pid": 0, "tid": 0, "ts": 2.000, "dur": 1.000, "args": {"dram__bytes_read.sum": 512.0, "sm__cycles.avg": 7.5, "range index": 0, "device": 0, "correlation": 3}},
 {"ph": "C", "cat": "perfagent_counter", "name": "power (W)", "pid": 77, "tid": 0, "ts": 6.000, "args": {"value": 312.5}},
 {"ph": "C", "cat": "perfagent_counter", "name": "unknown", "pid": 77, "tid": 0, "ts": 6.000, "args": {"value": "inf"}},
 {"ph": "s", "cat": "ac2g", "name": "ac2g", "pid": 77, "tid": 77, "id": 1, "ts": 1.000, "args": {}}
]}"#;

/// A trace of PyTorch with hardware counters, whose launches have to be found.
const COUNTED: &str = r#"{"schemaVersion": 1, "traceEvents": [
 {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 41, "tid": 41, "ts": 1.000, "dur": 9.000, "args": {"External id": 1}},
 {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 41, "tid": 41, "ts": 2.000, "dur": 1.000, "args": {"correlation": 1}},
 {"ph": "X", "cat": "cuda_driver", "name": "cuLaunchKernel", "pid": 41, "tid": 41, "ts": 2.250, "dur": 0.500, "args": {"correlation": 1}},
 {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 41, "tid": 42, "ts": 2.500, "dur": 1.000, "args": {"correlation": 2}},
 {"ph": "X", "cat": "cuda_driver", "name": "cuLaunchKernelEx", "pid": 41, "tid": 41, "ts": 5.000, "dur": 1.000, "args": {"correlation": 3}},
 {"ph": "X", "cat": "cuda_profiler_range", "name": "f", "pid": 0, "tid": 0, "ts": 0.000, "dur": 3.000, "args": {"a__b.sum": 1.0, "c__d.sum": nan}},
 {"ph": "X", "cat": "cuda_profiler_range", "name": "g", "pid": 0, "tid": 0, "ts": 3.000, "dur": 3.000, "args": {"a__b.sum": 18014398509481984, "c__d.sum": -0.5}},
 {"ph": "X", "cat": "cuda_profiler_range", "name": "h", "pid": 0, "tid": 0, "ts": 6.000, "dur": 3.000, "args": {"a__b.sum": 1e300, "c__d.sum": "text"}},
 {"ph": "s", "cat": "ac2g", "name": "ac2g", "pid": 41, "tid": 41, "id": 1, "ts": 1.000, "args": {}}
], "traceName": "counted.json"}"#;

/// Imports a text into a recording, and returns how many rows it should have given.
fn import(text: &[u8]) -> Option<usize> {
    let collector = read(&mut Window::new(text)).ok()?;
    write(&collector.trace, &mut Writer::in_memory(), &mut Hosts::default()).unwrap();
    Some(collector.trace.kept())
}

#[test]
fn the_whole_text_has_everything() {
    let collector = read(&mut Window::new(OWN.as_bytes())).unwrap();
    assert_eq!(collector.problems.warnings(), []);
    let left_out: Vec<_> = collector.left_out().into_iter().collect();
    assert_eq!(left_out, [("ac2g".to_owned(), 1), ("perfagent_counter".to_owned(), 1)]);
    assert_eq!(import(OWN.as_bytes()), Some(11));
    assert_eq!(collector.trace.collectives.len(), 1, "told apart from its kernel");
}

fn damaged(from: &mut Unstructured<'_>) -> Vec<u8> {
    let text = if number(from).is_multiple_of(3) { COUNTED } else { OWN };
    let mut text = text.as_bytes().to_vec();
    damage(&mut text, from);
    // A number that is still one, but another.
    let digits: Vec<usize> = (0..text.len()).filter(|&at| text[at].is_ascii_digit()).collect();
    if let Some(&at) = digits.get(number(from) as usize % digits.len().max(1)) {
        let other = number(from).to_string();
        text.splice(at..=at, other.bytes());
    }
    text
}

/// Where the text is divided must not matter. Threads are started for each.
#[test]
fn fuzz_kineto_in_parts() {
    const DIVIDED: Division = Division { parts: 3, least: 64, piece: 700 };
    each_costly_input("fuzz_kineto_in_parts", 1000, 10, |from| {
        let text = damaged(from);
        let read = |division| read_divided(&mut Window::new(&*text), division);
        match (read(DIVIDED), read(DIVIDED.undivided())) {
            (Ok(parts), Ok(whole)) => {
                assert_eq!(parts.trace, whole.trace);
                assert_eq!(parts.left_out(), whole.left_out());
                assert_eq!(parts.problems.warnings(), whole.problems.warnings());
                assert_eq!(parts.events, whole.events);
            }
            (parts, whole) => assert_eq!(parts.err(), whole.err()),
        }
    });
}

#[test]
fn fuzz_kineto() {
    let (mut traces, mut usable) = (0, 0_u64);
    each_input("fuzz_kineto", 4000, |from| {
        usable += u64::from(import(&damaged(from)).is_some());
        traces += 1;
    });
    // Of few, as when one is repeated, it says nothing.
    assert!(traces < 1000 || usable > traces / 4, "{usable} of {traces} traces gave rows");
}
