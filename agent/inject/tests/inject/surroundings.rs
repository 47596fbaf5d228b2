//! What CUPTI tells beside operations of the GPU, from each version's records.
#![expect(unsafe_code, reason = "NVIDIA's own library is called")]

use std::ffi::{CStr, c_void};

use perfagent_spool::{LossCause, MonotonicNs, NO_STREAM, Record, State};

use crate::cuda::stand_ins;
use crate::recorded::Recorded;
use crate::{run, target};

/// Runs a mode of the target with these variables set; what it printed before its last line, and what was recorded.
pub(crate) fn record(mode: &str, with: &[(&str, &str)]) -> (String, Recorded) {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, spool) = (dir.path().join("lib"), dir.path().join("spool"));
    std::fs::create_dir(&spool).unwrap();
    stand_ins(&libraries);
    let mut command = target(&[mode], &spool);
    command.env("LD_LIBRARY_PATH", &libraries).envs(with.iter().copied());
    let (status, out, err) = run(&mut command);
    assert_eq!((status.code(), err.as_str()), (Some(42), ""));
    let recorded = Recorded::read(&spool);
    assert_eq!(recorded.state, State::Closed);
    (out.strip_suffix("target done\n").unwrap().to_owned(), recorded)
}

/// The records without devices, each with its times replaced by those after `origin`.
fn outline(recorded: &Recorded) -> Vec<String> {
    let times = recorded.gpu.iter().filter_map(|(record, _)| match *record {
        Record::Memory { time, .. } => Some(time.0),
        _ => None,
    });
    let origin = times.min().unwrap();
    let after = |time: MonotonicNs| time.0 - origin;
    let span =
        |start: MonotonicNs, end: MonotonicNs| format!("{}+{}", after(start), end.0 - start.0);
    let main = recorded.pid;
    let thread = |tid: u32| if tid == main { "main".to_owned() } else { tid.to_string() };
    let on = |stream: u32| if stream == NO_STREAM { "-".to_owned() } else { stream.to_string() };
    let mut lines = Vec::new();
    for (record, name) in &recorded.gpu {
        lines.push(match *record {
            Record::Device { .. } => continue,
            Record::Context { context, device, null_stream } => {
                format!("context {context} device {device} null stream {null_stream}")
            }
            Record::Stream { context, stream, priority, flag } => {
                format!("stream {stream} of {context} priority {priority} flag {flag}")
            }
            Record::Memory { time, context, stream, bytes, address, freed, kind, pool, .. } => {
                format!(
                    "{} {bytes} B at {address:x} at {} context {context} stream {} kind {kind} pool {pool:x}",
                    if freed { "free" } else { "allocate" },
                    after(time),
                    on(stream)
                )
            }
            Record::MemoryPool { time, address, operation, size, used, .. } => {
                format!("pool {address:x} operation {operation} at {} {used}/{size} B", after(time))
            }
            Record::Synchronization { start, end, kind, context, stream, event, correlation, .. } => {
                let span = span(start, end);
                format!("wait {kind} {span} context {context} stream {stream} event {event} call {correlation}")
            }
            Record::Overhead { start, end, kind, tid, correlation } => {
                format!("overhead {kind:x} {} thread {} call {correlation}", span(start, end), thread(tid))
            }
            Record::GraphLaunch { start, end, context, stream, correlation, graph, .. } => {
                let span = span(start, end);
                format!("graph {graph} {span} context {context} stream {stream} call {correlation}")
            }
            Record::Api { start, end, tid, correlation, result, .. } => {
                let span = span(start, end);
                format!("{name} {span} thread {} call {correlation} = {result}", thread(tid))
            }
            ref other => panic!("unexpected {other:?}"),
        });
    }
    lines
}

/// Everything but calls and graphs, which must be asked for, and waits, which are seen by callbacks.
const ALWAYS: [&str; 8] = [
    "stream 13 of 1 priority -5 flag 2",
    "context 1 device 0 null stream 7",
    "stream 7 of 1 priority 0 flag 3",
    "allocate 1048576 B at 7f0000000000 at 0 context 1 stream - kind 3 pool 0",
    "allocate 4096 B at 7f0010000000 at 1 context 1 stream 13 kind 3 pool b001",
    "free 1048576 B at 7f0000000000 at 2 context 1 stream - kind 3 pool 0",
    "pool b001 operation 1 at 3 4096/2097152 B",
    "overhead 10000 400+50 thread main call 908",
];

#[test]
fn records_of_every_cuda_version_are_understood() {
    for version in ["12.4", "12.9", "13.0", "13.2"] {
        let (_, recorded) = record("surroundings", &[("FAKE_GPU_CUPTI", version)]);
        assert_eq!(outline(&recorded), ALWAYS, "CUDA {version}");
        assert!(recorded.losses.is_empty(), "CUDA {version}: {:?}", recorded.losses);
        assert!(recorded.notes.is_empty(), "CUDA {version}: {:?}", recorded.notes);
    }
}

/// The waits of a run of the target's mode `waits`, each with the call that it is joined to.
fn waits(with: &[(&str, &str)]) -> Vec<String> {
    let (_, recorded) = record("waits", with);
    assert!(recorded.losses.is_empty(), "{:?}", recorded.losses);
    let mut before = MonotonicNs(0);
    let waits = recorded.gpu.iter().filter_map(|(record, _)| match *record {
        Record::Synchronization {
            start,
            end,
            kind,
            context,
            stream,
            event,
            correlation,
            recorded_by,
            recorded_on,
        } => {
            // Each on its own, the host's as long as it waited.
            assert!(before <= start && start <= end, "{record:?}");
            let has_waited = kind != 2 && correlation < 5014;
            assert_eq!(end.0 - start.0 >= 2_000_000, has_waited, "{record:?}");
            before = end;
            let on = |stream: u32| if stream == NO_STREAM { "-".into() } else { stream.to_string() };
            let (stream, recorded_on) = (on(stream), on(recorded_on));
            Some(format!(
                "kind {kind} context {context} stream {stream} event {event:x} call {correlation} recorded by {recorded_by} on {recorded_on}"
            ))
        }
        _ => None,
    });
    waits.collect()
}

#[test]
fn waits_are_seen_as_they_happen_each_once_and_with_where_their_events_were_recorded() {
    let all = [
        "kind 4 context 1 stream - event 0 call 5001 recorded by 0 on -",
        "kind 3 context 1 stream 13 event 0 call 5002 recorded by 0 on -",
        "kind 3 context 1 stream 7 event 0 call 5003 recorded by 0 on -",
        "kind 3 context 1 stream 8 event 0 call 5004 recorded by 0 on -",
        "kind 3 context 1 stream 8 event 0 call 5005 recorded by 0 on -",
        "kind 1 context 1 stream - event aa00002 call 5009 recorded by 5008 on 15",
        "kind 2 context 1 stream 16 event aa00004 call 5010 recorded by 5007 on 14",
        "kind 1 context 1 stream - event aa00008 call 5011 recorded by 0 on -",
        "kind 3 context 1 stream 13 event 0 call 5012 recorded by 0 on -",
    ];
    // After the range, and for a stream that is none, about which CUPTI must not be asked.
    let after = [
        "kind 4 context 1 stream - event 0 call 5013 recorded by 0 on -",
        "kind 3 context 1 stream - event 0 call 5014 recorded by 0 on -",
        "kind 2 context 1 stream - event aa00002 call 5016 recorded by 5008 on 15",
    ];
    assert_eq!(waits(&[]), [&all[..], &after[..]].concat());
    // Nothing outside of a capture.
    assert_eq!(waits(&[("PERFAGENT_CAPTURE_RANGE", "step")]), all);
}

#[test]
fn where_cupti_gives_no_callbacks_its_own_records_of_waits_are_taken() {
    let (_, recorded) = record("surroundings", &[("FAKE_GPU_CALLBACKS", "0")]);
    let lines = outline(&recorded);
    let wait = "wait 3 310+4990 context 1 stream 13 event 0 call 908".to_owned();
    assert!(lines.contains(&wait), "{lines:?}");
    assert_eq!(lines.len(), ALWAYS.len() + 1, "{lines:?}");
}

/// As soon as one function was watched, waits by the others were lost without a word.
#[test]
fn where_cupti_refuses_one_callback_its_records_of_all_waits_are_taken() {
    // cuStreamSynchronize.
    let (_, recorded) = record("surroundings", &[("FAKE_GPU_DENY_CALLBACK", "440")]);
    let lines = outline(&recorded);
    let wait = "wait 3 310+4990 context 1 stream 13 event 0 call 908".to_owned();
    assert!(lines.contains(&wait), "{lines:?}");
    // The program's own calls are not seen a second time.
    let twice = [("FAKE_GPU_DENY_CALLBACK", "440"), ("PERFAGENT_CAPTURE_RANGE", "step")];
    assert_eq!(waits(&twice), [""; 0], "this part of the stand-in has callbacks only");
    // Of what only another CUDA has nothing is missing.
    let (_, recorded) = record("surroundings", &[("FAKE_GPU_DENY_CALLBACK", "800")]);
    assert_eq!(outline(&recorded), ALWAYS);
    assert!(recorded.notes.is_empty(), "{:?}", recorded.notes);
}

#[test]
fn calls_are_recorded_when_asked_for_and_chatty_ones_are_not() {
    for (version, muted) in [("12.4", "0 muted\n"), ("13.0", "2 muted\n")] {
        let with = [("FAKE_GPU_CUPTI", version), ("PERFAGENT_API", "1")];
        let (out, recorded) = record("surroundings", &with);
        assert_eq!(out, muted, "CUDA {version}: from 12.5 on CUPTI itself leaves them out");
        let calls: Vec<_> =
            outline(&recorded).into_iter().filter(|line| line.starts_with("cu")).collect();
        // Of a call within a call only the outer one.
        let wanted = [
            "cuMemAlloc_v2 0+1000 thread main call 901 = 0",
            "cudaLaunchKernel 100+100 thread main call 905 = 0",
            "cudaStreamSynchronize 300+5000 thread main call 908 = 0",
        ];
        assert_eq!(calls, wanted, "CUDA {version}");
        assert!(recorded.losses.is_empty(), "{:?}", recorded.losses);
    }
}

#[test]
fn graphs_are_recorded_as_wholes_when_asked_for() {
    let (_, recorded) = record("surroundings", &[("PERFAGENT_CUDA_GRAPHS", "graph")]);
    let lines = outline(&recorded);
    assert!(
        lines.contains(&"graph 77 300+5000 context 1 stream 13 call 905".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn graphs_with_very_many_nodes_are_recorded_node_by_node_and_that_is_said() {
    // Nobody drains the ring meanwhile.
    let (_, recorded) = record("graphs", &[("PERFAGENT_SPOOL_BYTES", "536870912")]);
    let wholes =
        recorded.gpu.iter().filter(|(record, _)| matches!(record, Record::GraphLaunch { .. }));
    assert_eq!(wholes.count(), 0, "a change on the way has crashed a program");
    assert!(
        recorded.notes.iter().any(|note| note.contains("--cuda-graphs graph records launches")),
        "{:?}",
        recorded.notes
    );
}

#[test]
fn graphs_are_recorded_node_by_node_when_asked_for() {
    let (_, recorded) = record("surroundings", &[("PERFAGENT_CUDA_GRAPHS", "node")]);
    assert_eq!(outline(&recorded), ALWAYS);
}

#[test]
fn a_libcupti_older_than_its_records_are_known_is_refused() {
    let (_, recorded) = record("surroundings", &[("FAKE_GPU_CUPTI", "11.4")]);
    assert!(recorded.gpu.is_empty(), "{:?}", recorded.gpu);
    assert_eq!(recorded.losses, [(LossCause::BlockedCupti, 1)].into());
    assert!(recorded.notes[0].contains("older than that of CUDA 11.8"), "{:?}", recorded.notes);
}

/// The stand-in steps from record to record by lengths of its own. NVIDIA's library, where it is at hand, shows that
/// those of CUDA 13.0 are right.
#[test]
fn records_are_as_long_as_in_nvidias_own_library() {
    const NEXT: &CStr = c"cuptiActivityGetNextRecord";
    type Next = extern "C" fn(*mut u8, usize, *mut *mut u8) -> i32;
    let Some(library) = nvidias_library() else {
        return println!("skipped: no libcupti of CUDA 13.0 beside libtorch");
    };
    // SAFETY: the library has this function, of this type.
    let next: Next = unsafe { std::mem::transmute(libc::dlsym(library, NEXT.as_ptr())) };
    for kind in [1, 2, 4, 5, 9, 10, 17, 22, 37, 38, 39, 49, 50, 51_u32] {
        let length = perfagent_fake_gpu::version::Version::Cuda13_0.length_of(kind).unwrap();
        let mut buffer = vec![0_u64; 128];
        buffer[0] = kind.into();
        buffer[length / 8] = 39;
        let bytes = buffer.as_mut_ptr().cast::<u8>();
        let mut record = std::ptr::null_mut();
        assert_eq!(next(bytes, 1024, &raw mut record), 0, "kind {kind}");
        assert_eq!(next(bytes, 1024, &raw mut record), 0, "kind {kind}");
        assert_eq!(record.addr() - bytes.addr(), length, "kind {kind}");
    }
}

/// The libcupti that libtorch's wheels bring, when it is that of CUDA 13.0.
fn nvidias_library() -> Option<*mut c_void> {
    type GetVersion = extern "C" fn(*mut u32) -> i32;
    let torch = std::path::PathBuf::from(std::env::var_os("PERFAGENT_TORCH_LIB")?);
    let path = torch.join("../../nvidia/cu13/lib/libcupti.so.13");
    if !path.exists() {
        return None;
    }
    let path = std::ffi::CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
    let mut version = 0;
    // SAFETY: the library's initialisers do no harm, it is made to be loaded; the function has this type.
    let library = unsafe {
        let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!library.is_null(), "{path:?} cannot be loaded");
        let get: GetVersion =
            std::mem::transmute(libc::dlsym(library, c"cuptiGetVersion".as_ptr()));
        assert_eq!(get(&raw mut version), 0);
        library
    };
    (version == 130_001).then_some(library)
}
