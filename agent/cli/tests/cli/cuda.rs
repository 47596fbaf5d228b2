//! What a CUDA program does around its kernels, from `perfagent record` to SQL: CUDA and CUPTI are stand-ins.
#![expect(unsafe_code, reason = "the recorded program loads libraries as a C program does")]

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::command::{outcome, perfagent, run};
use crate::nccl::{built, function};

const PLAYED: &str = "PERFAGENT_CLI_TEST_CUDA";

/// Does nothing as a test; uses "CUDA" when the environment says so.
#[test]
fn play() {
    type Handle = *mut std::ffi::c_void;
    let Some(played) = std::env::var_os(PLAYED) else { return };
    let handle = std::ptr::without_provenance_mut;
    // SAFETY: the library is the stand-in, whose functions have these types.
    unsafe {
        let init: extern "C" fn(u32) -> i32 = function(c"libcuda.so.1", c"cuInit");
        assert_eq!(init(0), 0);
        if played == "waits" {
            let record: extern "C" fn(Handle, Handle) -> i32 =
                function(c"libcuda.so.1", c"cudaEventRecord");
            let wait: extern "C" fn(Handle) -> i32 =
                function(c"libcuda.so.1", c"cudaEventSynchronize");
            let stream: extern "C" fn(Handle, Handle, u32) -> i32 =
                function(c"libcuda.so.1", c"cudaStreamWaitEvent");
            record(handle(0x5500_0010), handle(13));
            wait(handle(0x5500_0010));
            stream(handle(16), handle(0x5500_0010), 0);
            return;
        }
        let surroundings: extern "C" fn() = function(c"libcuda.so.1", c"fake_gpu_surroundings");
        surroundings();
    }
}

/// Records the program with these options of `record`. CUPTI's own records of waits have times that do not vary, and are
/// taken where it gives no callbacks.
fn record(folder: &Path, options: &[&str]) {
    record_played(folder, options, &[(PLAYED, "1"), ("FAKE_GPU_CALLBACKS", "0")]);
}

fn record_played(folder: &Path, options: &[&str], played: &[(&str, &str)]) {
    let libraries = folder.join("lib");
    std::fs::create_dir(&libraries).unwrap();
    for name in ["libcuda.so.1", "libcupti.so.13"] {
        symlink(built("libperfagent_fake_gpu.so"), libraries.join(name)).unwrap();
    }
    let said = outcome(
        perfagent(folder)
            .env("PERFAGENT_LIBRARY", built("libperfagent.so"))
            .env("LD_LIBRARY_PATH", &libraries)
            .envs(played.iter().copied())
            .args(["record", "-o", "run.perfdb"])
            .args(options)
            .arg("--")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "cuda::play", "--test-threads=1"]),
    );
    assert_eq!(said.code, 0, "{}", said.stderr);
}

fn sql(folder: &Path, query: &str) -> String {
    run(folder, &["sql", "run.perfdb", query, "--format", "csv"]).answer()
}

#[test]
fn contexts_streams_memory_and_waits_are_in_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let sql = |query| sql(folder.path(), query);
    insta::assert_snapshot!(sql("SELECT context, null_stream, ordinal FROM contexts JOIN devices ON devices.id = device_id"), @r"
    context,null_stream,ordinal
    1,7,0
    ");
    insta::assert_snapshot!(sql("SELECT stream, context, priority, kind FROM streams ORDER BY stream"), @r"
    stream,context,priority,kind
    7,1,0,null
    13,1,-5,non-blocking
    ");
    insta::assert_snapshot!(sql(
        "SELECT kinds.value AS kind, bytes, printf('%x', address) AS address, allocated_bytes, reserved_bytes, correlation,
         sources.value AS source FROM memory JOIN strings kinds ON kinds.id = kind_id JOIN strings sources ON
         sources.id = source_id WHERE source = 'cupti' ORDER BY memory.id"
    ), @r"
    kind,bytes,address,allocated_bytes,reserved_bytes,correlation,source
    device,1048576,7f0000000000,,,901,cupti
    device,4096,7f0010000000,,,902,cupti
    device,-1048576,7f0000000000,,,903,cupti
    pool,,b001,4096,2097152,904,cupti
    ");
    insta::assert_snapshot!(sql("SELECT kind, end_ns - start_ns AS ns, context, stream, event, correlation FROM synchronizations"), @r"
    kind,ns,context,stream,event,correlation
    stream,4990,1,13,,908
    ");
    insta::assert_snapshot!(sql("SELECT value AS kind, end_ns - start_ns AS ns, correlation FROM overheads JOIN strings ON strings.id = kind_id"), @r"
    kind,ns,correlation
    buffer-flush,50,908
    ");
    insta::assert_snapshot!(sql("SELECT (SELECT count(*) FROM api_calls) AS calls, (SELECT count(*) FROM kernels) AS kernels, (SELECT count(*) FROM losses) AS losses"), @r"
    calls,kernels,losses
    0,0,0
    ");
}

#[test]
fn waits_for_events_tell_where_those_were_recorded() {
    let folder = tempfile::tempdir().unwrap();
    record_played(folder.path(), &[], &[(PLAYED, "waits")]);
    insta::assert_snapshot!(sql(
        folder.path(),
        "SELECT kind, end_ns - start_ns >= 2000000 AS waited, context, stream, printf('%x', event) AS event, correlation,
         recorded_by, recorded_on FROM synchronizations ORDER BY start_ns"
    ), @r"
    kind,waited,context,stream,event,correlation,recorded_by,recorded_on
    event,1,1,,aa00002,5002,5001,13
    stream-event,0,1,16,aa00002,5003,5001,13
    ");
}

#[test]
fn calls_and_whole_graphs_are_recorded_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &["--api", "--cuda-graphs", "graph"]);
    let sql = |query| sql(folder.path(), query);
    insta::assert_snapshot!(sql(
        "SELECT value AS name, api_calls.end_ns - api_calls.start_ns AS ns, correlation, result, tid = pid AS main FROM api_calls
         JOIN strings ON strings.id = name_id JOIN threads ON threads.id = thread_id JOIN processes ON
         processes.id = api_calls.process_id"
    ), @r"
    name,ns,correlation,result,main
    cuMemAlloc_v2,1000,901,0,0
    cudaLaunchKernel,100,905,0,0
    cudaStreamSynchronize,5000,908,0,0
    ");
    insta::assert_snapshot!(sql(
        "SELECT value AS name, end_ns - start_ns AS ns, graph, graph_node, correlation, stream FROM kernels
         JOIN strings ON strings.id = name_id JOIN streams ON streams.id = stream_id"
    ), @r"
    name,ns,graph,graph_node,correlation,stream
    [CUDA graph],5000,77,,905,13
    ");
}

/// A row of the report without the process's number, whose length varies.
fn without_pid(line: &str) -> String {
    line.split_whitespace()
        .filter(|word| word.parse::<u32>().is_err() || *word == "50")
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_report_tells_what_waiting_and_recording_cost() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &["--cuda-graphs", "graph"]);
    let page = run(folder.path(), &["report", "run.perfdb"]).answer();
    let from = page.find("Waits for the GPU").unwrap();
    let until = page.find("Memory and processor").unwrap();
    let page: Vec<_> = page[from..until].lines().map(without_pid).collect();
    insta::assert_snapshot!(page.join("\n"), @r"
    Waits for the GPU, added up over threads
    waited for count total of the span
    pid stream 4.990 µs 99.8 %

    What recording and loading cost the host, as CUPTI tells
    for count total of the span
    pid buffer-flush 50 ns 1.0 %
    ");
    let answer = run(folder.path(), &["report", "run.perfdb", "--json"]).answer();
    let report: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let rank = &report["ranks"][0];
    let wait = serde_json::json!([{ "kind": "stream", "count": 1, "total_ns": 4990 }]);
    assert_eq!(rank["synchronizations"], wait);
    let flush = serde_json::json!([{ "kind": "buffer-flush", "count": 1, "total_ns": 50 }]);
    assert_eq!(rank["overheads"], flush);
    assert_eq!(
        (&rank["busy_ns"], &rank["kernels"][0]["name"]),
        (&5000.into(), &"[CUDA graph]".into())
    );
}

#[test]
fn a_capture_range_that_never_opens_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &["--capture-range", "warm-up"]);
    let notes = sql(folder.path(), "SELECT severity, text FROM notes");
    insta::assert_snapshot!(notes, @r#"
    severity,text
    warning,"the capture range ""warm-up"" was never open, so nothing of this process was recorded"
    "#);
}

#[test]
fn whole_graphs_are_not_recorded_in_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["record", "--cuda-graphs", "graph", "--capture-range", "step", "--", "true"];
    let said = run(folder.path(), &words);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("leave one of the two out"), "{}", said.stderr);
}

#[test]
fn a_way_of_recording_graphs_that_there_is_not_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["record", "--cuda-graphs", "some", "--", "true"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("node, graph, auto"), "{}", said.stderr);
}
