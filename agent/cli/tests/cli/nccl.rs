//! A program with NCCL from `perfagent record` to `perfagent report`: NCCL, CUDA and CUPTI are stand-ins, everything else is real.
#![expect(unsafe_code, reason = "the recorded program loads libraries as a C program does")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{outcome, perfagent, run};

const SCENARIO: &str = "PERFAGENT_CLI_TEST_NCCL";

/// Does nothing as a test; plays the scenario that the environment names, for instance `6 calls`.
#[test]
fn play() {
    let Ok(scenario) = std::env::var(SCENARIO) else { return };
    let (speaks, scenario) = scenario.split_once(' ').unwrap();
    let scenario = CString::new(scenario).unwrap();
    // SAFETY: both are the stand-in, whose functions have these types.
    unsafe {
        let init: extern "C" fn(c_uint) -> c_int = function(c"libcuda.so.1", c"cuInit");
        assert_eq!(init(0), 0);
        let play: extern "C" fn(u32, *const c_char) -> c_int =
            function(c"libnccl.so.2", c"fake_nccl");
        assert_eq!(play(speaks.parse().unwrap(), scenario.as_ptr()), 0);
    }
}

pub(crate) unsafe fn function<F: Copy>(library: &CStr, name: &CStr) -> F {
    // SAFETY: the caller names a function of type F.
    unsafe {
        let library = libc::dlopen(library.as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "the stand-in is not on the library path");
        let address: *mut c_void = libc::dlsym(library, name.as_ptr());
        assert!(!address.is_null(), "no {}", name.to_string_lossy());
        std::mem::transmute_copy(&address)
    }
}

/// A library that was built with this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name(name);
    assert!(path.exists(), "{} is missing; run `cargo test -p perfagent`", path.display());
    path
}

/// Records a shell script in which `$PLAY` plays the scenario in `folder`, with these variables set.
fn record(folder: &Path, scenario: &str, script: &str, with: &[(&str, &str)]) -> String {
    let libraries = folder.join("lib");
    std::fs::create_dir(&libraries).unwrap();
    for name in ["libcuda.so.1", "libcupti.so.13", "libnccl.so.2"] {
        symlink(built("libperfagent_fake_gpu.so"), libraries.join(name)).unwrap();
    }
    let play = format!(
        "{} --exact nccl::play --test-threads=1",
        std::env::current_exe().unwrap().display()
    );
    let said = outcome(
        perfagent(folder)
            .env("PERFAGENT_LIBRARY", built("libperfagent.so"))
            .env("LD_LIBRARY_PATH", &libraries)
            .env(SCENARIO, scenario)
            .env("PLAY", play)
            .env_remove("NCCL_PROFILER_PLUGIN")
            .envs(with.iter().copied())
            .args(["record", "-o", "run.perfdb", "--", "sh", "-c", script]),
    );
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stderr
}

fn report(folder: &Path) -> Value {
    serde_json::from_str(&run(folder, &["report", "run.perfdb", "--json"]).answer()).unwrap()
}

/// The answer of a query, a line a row.
fn sql(folder: &Path, query: &str) -> Vec<String> {
    let answer = run(folder, &["sql", "run.perfdb", query, "--format", "csv"]).answer();
    answer.lines().skip(1).map(str::to_owned).collect()
}

const CALLS: &str = "SELECT o.value, coalesce(d.value, ''), coalesce(c.bytes, 'unknown'), coalesce(c.group_size, 'unknown'), \
     coalesce(c.sequence, ''), c.timing, c.end_ns - c.start_ns, c.stream_id IS NOT NULL \
     FROM collectives c JOIN strings o ON o.id = c.op_id LEFT JOIN strings d ON d.id = c.dtype_id \
     JOIN strings s ON s.id = c.source_id WHERE s.value = 'nccl' ORDER BY c.enqueued_ns";

#[test]
fn calls_have_the_times_of_their_kernels_and_the_bytes_of_nccl_tests() {
    for version in 1..=6 {
        let folder = tempfile::tempdir().unwrap();
        record(folder.path(), &format!("{version} calls"), "$PLAY >&2", &[]);
        // Before version 4 NCCL does not tell how many ranks there are, before 5 not what an all-gather is of.
        let (ranks, parts) =
            if version >= 4 { ("4", ["16384", "800"]) } else { ("unknown", ["unknown"; 2]) };
        let gathered = if version >= 5 { "bfloat16" } else { "" };
        let strange = if version >= 2 { "ncclFloat4e2m1" } else { "" };
        assert_eq!(
            sql(folder.path(), CALLS),
            [
                format!("all_reduce,float32,4096,{ranks},0,kernel,4000,1"),
                format!("all_gather,{gathered},{},{ranks},0,kernel,5000,1", parts[0]),
                format!("reduce_scatter,bfloat16,{},{ranks},0,kernel,6000,1", parts[1]),
                format!("all_reduce,{strange},unknown,{ranks},1,kernel,7000,1"),
                format!("send,float64,24,{ranks},,kernel,8000,1"),
                format!("recv,float64,24,{ranks},,kernel,8000,1"),
            ],
            "v{version}"
        );
        let document = report(folder.path());
        let rows = document["ranks"][0]["collectives"].as_array().unwrap();
        assert_eq!(rows.len(), 6, "v{version}");
        let of = |op: &str| rows.iter().find(|row| row["op"] == op).unwrap();
        assert_eq!(of("send")["algbw_gbps"], 0.003);
        assert_eq!(of("all_reduce")["group"], "dp (0x123456789abcdef0)");
        let scattered = &of("reduce_scatter")["busbw_gbps"];
        if version >= 4 {
            let expected = 800.0 / 6000.0 * 0.75;
            assert!((scattered.as_f64().unwrap() - expected).abs() < 1e-12, "v{version}");
        } else {
            assert!(scattered.is_null(), "v{version}");
        }
    }
}

#[test]
fn without_kernels_calls_are_counted_and_have_no_times() {
    let folder = tempfile::tempdir().unwrap();
    // Before version 4 NCCL has no timers that could take their place.
    record(folder.path(), "3 calls", "$PLAY >&2", &[("FAKE_GPU_SUBSCRIBE", "39")]);
    let calls = sql(folder.path(), CALLS);
    assert_eq!(calls[0], "all_reduce,float32,4096,unknown,0,enqueue,0,0");
    assert!(calls.iter().all(|call| call.ends_with("enqueue,0,0")), "{calls:?}");
    let document = report(folder.path());
    for row in document["ranks"][0]["collectives"].as_array().unwrap() {
        assert_eq!(row["count"], row["untimed"]);
        assert!(row["algbw_gbps"].is_null() && row["busbw_gbps"].is_null() && row["total_ns"] == 0);
    }
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("of 6 collectives of process"), "{warnings}");
    let page = run(folder.path(), &["report", "run.perfdb"]).answer();
    let row = page.lines().find(|line| line.trim_start().starts_with("all_gather")).unwrap();
    let fields: Vec<_> = row.split_whitespace().collect();
    assert_eq!(fields[fields.len() - 6..], ["-"; 6], "no time, no bandwidth: {row}");
}

#[test]
fn without_cupti_calls_have_the_times_that_nccl_read_off_the_gpu() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "6 calls", "$PLAY >&2", &[("FAKE_GPU_SUBSCRIBE", "39")]);
    let calls = sql(folder.path(), CALLS);
    assert_eq!(calls[0], "all_reduce,float32,4096,4,0,kernel,4000,0");
    assert!(calls.iter().all(|call| call.contains(",kernel,")), "{calls:?}");
    let document = report(folder.path());
    for row in document["ranks"][0]["collectives"].as_array().unwrap() {
        assert_eq!(row["untimed"], 0);
    }
}

#[test]
fn a_kernel_that_was_lost_leaves_its_call_without_a_time() {
    let folder = tempfile::tempdir().unwrap();
    // Kernels are refused, external correlation is not.
    record(folder.path(), "6 calls", "$PLAY >&2", &[("FAKE_GPU_DENY", "10")]);
    let calls = sql(folder.path(), CALLS);
    assert_eq!(calls.len(), 6);
    assert!(calls.iter().all(|call| call.ends_with("enqueue,0,0")), "{calls:?}");
    let warnings = report(folder.path())["warnings"].to_string();
    assert!(
        warnings
            .contains("of 6 NCCL calls neither a kernel nor NCCL's own timers told when they ran"),
        "{warnings}"
    );
}

#[test]
fn captured_calls_are_noted_and_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "6 capture", "$PLAY >&2", &[]);
    assert_eq!(sql(folder.path(), CALLS), ["all_reduce,float32,4096,4,7,kernel,3000,1"]);
    let warnings = report(folder.path())["warnings"].to_string();
    assert!(warnings.contains("2 NCCL calls were captured into CUDA graphs"), "{warnings}");
}

#[test]
fn of_two_ranks_waiting_and_transfer_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let script = "RANK=0 WORLD_SIZE=2 FAKE_NCCL_RANK=0 $PLAY >&2 & RANK=1 WORLD_SIZE=2 FAKE_NCCL_RANK=1 $PLAY >&2; wait";
    record(folder.path(), "6 ranks", script, &[]);
    // The same by hand.
    let expected = sql(
        folder.path(),
        "SELECT p.rank, sum(w.last_start - c.start_ns), sum(w.last_end - w.last_start) FROM collectives c \
         JOIN processes p ON p.id = c.process_id \
         JOIN (SELECT sequence, max(start_ns) AS last_start, max(end_ns) AS last_end FROM collectives GROUP BY sequence) w \
         ON w.sequence = c.sequence GROUP BY p.rank ORDER BY p.rank",
    );
    let document = report(folder.path());
    let told: Vec<String> = document["ranks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rank| {
            let row = &rank["collectives"][0];
            assert_eq!((&row["count"], &row["matched"]), (&5.into(), &5.into()));
            assert!(row["transfer_busbw_gbps"].as_f64().unwrap() > 0.0);
            format!("{},{},{}", rank["rank"], row["wait_ns"], row["transfer_ns"])
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn the_users_own_plugin_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let theirs = built("libperfagent_fake_gpu.so");
    let with = [
        ("NCCL_PROFILER_PLUGIN", theirs.to_str().unwrap()),
        ("FAKE_NCCL_LOG", log.to_str().unwrap()),
    ];
    let stderr = record(folder.path(), "6 capture", "$PLAY >&2", &with);
    assert!(!stderr.contains("was replaced"), "{stderr}");
    assert_eq!(sql(folder.path(), CALLS).len(), 1);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.starts_with("init 1 v5 dp 123456789abcdef0 1 4 0\n"), "{log}");
    assert!(log.ends_with("finalize 1\n"), "{log}");
}
