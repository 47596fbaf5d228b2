//! What this test binary does when a test starts it again: it is the recorder, or a command that writes a ring.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::Command;

use perfagent_collect::RecordOptions;
use perfagent_spool::{
    LossCause, MIN_CAPACITY, MonotonicNs, Payload, ProcessIdentity, RealtimeNs, Record, RingReader,
    RingWriter, State,
};

use crate::harness::until;

pub(crate) const ROLE: &str = "PERFAGENT_COLLECT_TEST_ROLE";
pub(crate) const OUTPUT: &str = "PERFAGENT_COLLECT_TEST_OUTPUT";
pub(crate) const FOLDER: &str = "PERFAGENT_COLLECT_TEST_FOLDER";
pub(crate) const WORDS: &str = "PERFAGENT_COLLECT_TEST_WORDS";
pub(crate) const DURATION_MS: &str = "PERFAGENT_COLLECT_TEST_DURATION_MS";
/// How many ranges the flood has.
pub(crate) const FLOOD: &str = "PERFAGENT_COLLECT_TEST_FLOOD";
pub(crate) const RECORDER: &str = "recorder";

/// Marks that the flowing role leaves in the ring after it was told to stop.
pub(crate) const LAST_MARKS: u64 = 100;

/// A mark in the ring: its frame and its fields.
const MARK_BYTES: u64 = 16 + 37;

/// This binary in a role.
pub(crate) fn command(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "role::play", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// Does nothing as a test; plays the role that the environment names.
#[test]
#[expect(clippy::exit, reason = "the recorder's exit code is what is tested")]
fn play() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.as_str() {
        RECORDER => std::process::exit(recorder()),
        "vocabulary" => vocabulary(&mut ring()),
        "nesting" => nesting(&mut ring()),
        "losses" => losses(&mut ring()),
        "nccl" => nccl(&mut ring()),
        "nccl-silent" => nccl_kernels(&mut ring()),
        "crossing" => crossing(&mut ring()),
        "flood" => flood(),
        "killed" => killed(&mut ring()),
        "ranked" => ranked(),
        "flowing" => flowing(&mut ring()),
        "lingering" => lingering(&mut ring()),
        "paced" => paced(&mut ring()),
        other => panic!("no role {other}"),
    }
}

#[expect(clippy::print_stderr, reason = "the error is read by the test that started this process")]
fn recorder() -> i32 {
    let words = std::env::var_os(WORDS).unwrap();
    let words =
        words.as_bytes().split(|byte| *byte == 0x1f).map(|word| OsString::from_vec(word.to_vec()));
    let mut options = RecordOptions::new(std::env::var_os(OUTPUT).unwrap().into(), words.collect());
    options.duration = number(DURATION_MS).map(std::time::Duration::from_millis);
    match perfagent_collect::record(&options) {
        Ok(recorded) => recorded.exit.code().into(),
        Err(error) => {
            eprintln!("{error}");
            2
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).unwrap()).join(name)
}

fn ring() -> RingWriter {
    ring_of(&ProcessIdentity::of_this_process())
}

fn ring_of(identity: &ProcessIdentity) -> RingWriter {
    let spool = PathBuf::from(std::env::var_os("PERFAGENT_SPOOL_DIR").unwrap());
    let mut ring = RingWriter::create(&spool, MIN_CAPACITY, identity).unwrap();
    ring.set_state(State::Running);
    ring.heartbeat(MonotonicNs::now());
    ring
}

fn tid() -> u32 {
    std::process::id()
}

fn define(ring: &mut RingWriter, texts: &[&str]) {
    for (index, text) in texts.iter().enumerate() {
        assert!(ring.push(&Record::String { id: index as u32 + 1, text }));
    }
}

fn push(ring: &mut RingWriter, domain: u32, name: u32, payload: Payload) {
    let time = MonotonicNs::now();
    assert!(ring.push(&Record::RangePush {
        time,
        tid: tid(),
        domain,
        category: 0,
        color: 0,
        name,
        payload
    }));
}

fn pop(ring: &mut RingWriter, domain: u32) {
    assert!(ring.push(&Record::RangePop { time: MonotonicNs::now(), tid: tid(), domain }));
}

fn mark(ring: &mut RingWriter, name: u32, number: u64) -> bool {
    let (time, payload) = (MonotonicNs::now(), Payload::U64(number));
    ring.push(&Record::Mark { time, tid: tid(), domain: 0, category: 0, color: 0, name, payload })
}

/// Kernels of an NCCL that tells nothing.
fn nccl_kernels(ring: &mut RingWriter) {
    define(ring, &["ncclDevKernel_AllReduce_Sum_f16_RING_LL()", "ncclDevKernel_SendRecv()"]);
    for name in [1, 2] {
        nccl_kernel(ring, name, MonotonicNs::now(), 800, 0);
    }
    ring.set_state(State::Closed);
}

fn nccl_kernel(ring: &mut RingWriter, name: u32, start: MonotonicNs, length: u64, graph: u32) {
    ring.push(&Record::Kernel {
        start,
        end: MonotonicNs(start.0 + length),
        device: 0,
        context: 1,
        stream: 7,
        correlation: 99,
        name,
        grid: [1; 3],
        block: [1; 3],
        registers: 1,
        static_smem: 0,
        dynamic_smem: 0,
        graph,
        graph_node: 0,
    });
}

/// NCCL's own ranges; and a call of NCCL whose kernel comes last, after one that belongs to a graph.
fn nccl(ring: &mut RingWriter) {
    define(
        ring,
        &[
            "NCCL",
            "ncclAllReduce",
            "ncclGroupStart",
            "AllReduce",
            "ncclFloat16",
            "ncclDevKernel_AllReduce_Sum_f16_RING_LL()",
            "ncclAllGather",
        ],
    );
    ring.push(&Record::Domain { domain: 1, name: 1 });
    for (name, payload) in [(2, Payload::U64(2048)), (3, Payload::None), (7, Payload::U64(512))] {
        push(ring, 1, name, payload);
        pop(ring, 1);
    }
    ring.push(&Record::NcclCommunicator {
        communicator: 1,
        hash: 0xab,
        name: 0,
        rank: 0,
        ranks: 2,
        nodes: 1,
        version: 6,
    });
    let time = MonotonicNs::now();
    ring.push(&Record::NcclCall {
        time,
        tid: tid(),
        communicator: 1,
        op: 4,
        dtype: 5,
        user_dtype: 0,
        count: 100,
        sequence: Some(3),
        peer: -1,
        plan: 8,
        correlation: 0,
        kernel: true,
        captured: false,
    });
    ring.push(&Record::ExternalCorrelation { correlation: 99, id: 8 });
    for (graph, length) in [(4, 700), (0, 500)] {
        nccl_kernel(ring, 6, time, length, graph);
    }
    ring.set_state(State::Closed);
}

/// One of everything.
fn vocabulary(ring: &mut RingWriter) {
    let operator = "aten::addmm, seq = 12, op_id = 3, sizes = [[2, 3], [3, 4]]";
    let collective = "all_reduce dtype=float32 bytes=4096 group=data_parallel size=2";
    define(
        ring,
        &[
            "step",
            "torch",
            "perfagent.collective",
            operator,
            collective,
            "aten::relu",
            "wait",
            "io",
            "load",
            "gemm",
            "NVIDIA Test GPU",
            "worker",
            "cudaLaunchKernel",
            "remark",
        ],
    );
    ring.push(&Record::Domain { domain: 1, name: 2 });
    ring.push(&Record::Domain { domain: 2, name: 3 });
    ring.push(&Record::Category { domain: 0, category: 7, name: 8 });
    ring.push(&Record::ThreadName { tid: tid(), name: 12 });
    let (monotonic, realtime) = (MonotonicNs::now(), RealtimeNs::now());
    ring.push(&Record::Anchor { monotonic, realtime });
    push(ring, 0, 1, Payload::U64(41));
    push(ring, 0, 4, Payload::None);
    push(ring, 1, 6, Payload::I64(-1));
    pop(ring, 1);
    pop(ring, 0);
    let time = MonotonicNs::now();
    let (color, category) = (0xff00_ff00, 7);
    ring.push(&Record::RangePush {
        time,
        tid: tid(),
        domain: 0,
        category,
        color,
        name: 9,
        payload: Payload::F64(0.5),
    });
    pop(ring, 0);
    for (id, name) in [(5, 5), (6, 7)] {
        let (time, payload) = (MonotonicNs::now(), Payload::U64(9));
        ring.push(&Record::RangeStart {
            time,
            tid: tid(),
            id,
            domain: 2,
            category: 0,
            color: 0,
            name,
            payload,
        });
    }
    ring.push(&Record::RangeEnd { time: MonotonicNs::now(), tid: tid() + 1, id: 5 });
    ring.push(&Record::RangeEnd { time: MonotonicNs::now(), tid: tid(), id: 6 });
    mark(ring, 9, 1);
    pop(ring, 0);
    gpu(ring);
    ring.push(&Record::Note { time: MonotonicNs::now(), text: 14 });
    ring.set_state(State::Closed);
}

fn gpu(ring: &mut RingWriter) {
    let uuid = std::array::from_fn(|index| index as u8);
    ring.push(&Record::Device {
        ordinal: 0,
        name: 11,
        uuid,
        total_bytes: 1 << 30,
        sm_count: 132,
        cc_major: 9,
        cc_minor: 0,
    });
    let (start, end) = (MonotonicNs(1_000), MonotonicNs(1_500));
    ring.push(&Record::Kernel {
        start,
        end,
        device: 0,
        context: 1,
        stream: 7,
        correlation: 99,
        name: 10,
        grid: [8, 1, 1],
        block: [256, 1, 1],
        registers: 32,
        static_smem: 0,
        dynamic_smem: 1024,
        graph: 0,
        graph_node: 0,
    });
    for kind in [1, 2, 8, 9, 10, 3] {
        ring.push(&Record::Memcpy {
            start,
            end,
            device: 0,
            context: 1,
            stream: 8,
            correlation: 100,
            bytes: 4096,
            kind,
            src_kind: 0,
            dst_kind: 0,
            peer_device: -1,
            graph: 0,
            graph_node: 0,
        });
    }
    ring.push(&Record::Memset {
        start,
        end,
        device: 0,
        context: 1,
        stream: 8,
        correlation: 101,
        bytes: 64,
        value: 0,
        graph: 5,
        graph_node: 6,
    });
    ring.push(&Record::Api { start, end, tid: tid(), correlation: 99, name: 13, result: 0 });
}

/// Ends that match nothing, a range that never ends.
fn nesting(ring: &mut RingWriter) {
    define(ring, &["outer", "inner", "never closed"]);
    pop(ring, 0);
    push(ring, 0, 1, Payload::None);
    push(ring, 0, 2, Payload::None);
    pop(ring, 0);
    pop(ring, 0);
    pop(ring, 0);
    ring.push(&Record::RangeEnd { time: MonotonicNs::now(), tid: tid(), id: 77 });
    push(ring, 0, 3, Payload::None);
    ring.heartbeat(MonotonicNs::now());
    ring.set_state(State::Closed);
}

/// The end of a range is read before its start: each thread's events come in a bunch.
fn crossing(ring: &mut RingWriter) {
    define(ring, &["perfagent.collective", "all_reduce bytes=8"]);
    ring.push(&Record::Domain { domain: 1, name: 1 });
    let start = MonotonicNs::now();
    for id in 0..3 {
        ring.push(&Record::RangeEnd { time: MonotonicNs(start.0 + 1000 + id), tid: 2, id });
    }
    for id in 0..3 {
        let (time, payload) = (MonotonicNs(start.0 + id), Payload::U64(id));
        let domain = 1;
        ring.push(&Record::RangeStart {
            time,
            tid: 1,
            id,
            domain,
            category: 0,
            color: 0,
            name: 2,
            payload,
        });
    }
    ring.set_state(State::Closed);
}

/// As many ranges as asked for, as fast as a large ring takes them.
fn flood() {
    let spool = PathBuf::from(std::env::var_os("PERFAGENT_SPOOL_DIR").unwrap());
    let identity = ProcessIdentity::of_this_process();
    let mut ring = RingWriter::create(&spool, 1 << 30, &identity).unwrap();
    ring.set_state(State::Running);
    define(&mut ring, &["torch", "aten::addmm, sizes = [[8, 128], [128, 128]]"]);
    ring.push(&Record::Domain { domain: 1, name: 1 });
    for _ in 0..number(FLOOD).unwrap() {
        push(&mut ring, 1, 2, Payload::None);
        pop(&mut ring, 1);
    }
    ring.set_state(State::Closed);
}

/// Losses of both kinds: told by a gap, and counted only.
fn losses(ring: &mut RingWriter) {
    define(ring, &["before", "after"]);
    push(ring, 0, 1, Payload::None);
    let now = MonotonicNs::now();
    ring.count_loss(LossCause::RingFull, 5);
    ring.push(&Record::Gap {
        start: now,
        end: MonotonicNs(now.0 + 10),
        cause: LossCause::RingFull,
        count: 5,
    });
    push(ring, 0, 2, Payload::None);
    pop(ring, 0);
    ring.count_loss(LossCause::ThreadBufferFull, 3);
    ring.count_loss(LossCause::RingFull, 2);
    ring.set_state(State::Closed);
}

fn killed(ring: &mut RingWriter) {
    define(ring, &["work", "tick"]);
    push(ring, 0, 1, Payload::None);
    for number in 0..500 {
        assert!(mark(ring, 2, number));
    }
    ring.heartbeat(MonotonicNs::now());
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
    until("death", || false);
}

fn ranked() {
    let mut ring = ring();
    define(&mut ring, &["step"]);
    push(&mut ring, 0, 1, Payload::None);
    pop(&mut ring, 0);
    ring.set_state(State::Closed);
}

/// Marks with consecutive numbers, more than the ring holds, in a range that stays open all the time.
fn flowing(ring: &mut RingWriter) {
    define(ring, &["whole", "tick"]);
    push(ring, 0, 1, Payload::None);
    let stop = file("stop");
    let mut number = 0;
    while !stop.exists() {
        // Never more than a quarter of the ring ahead of the recorder.
        let ahead = |number: u64| {
            let released = RingReader::open(ring.path()).unwrap().position();
            number * MARK_BYTES > released + MIN_CAPACITY / 4
        };
        if number % 50 == 0 {
            until("room in the ring", || !ahead(number) || stop.exists());
            ring.heartbeat(MonotonicNs::now());
        }
        assert!(mark(ring, 2, number));
        number += 1;
        if number == 4000 {
            std::fs::write(file("ready"), "").unwrap();
        }
    }
    for _ in 0..LAST_MARKS {
        assert!(mark(ring, 2, number));
        number += 1;
    }
    pop(ring, 0);
    ring.set_state(State::Closed);
    std::fs::write(file("written"), number.to_string()).unwrap();
}

/// Outlives the command that started it.
fn lingering(ring: &mut RingWriter) {
    define(ring, &["background"]);
    push(ring, 0, 1, Payload::None);
    std::fs::write(file("ready"), "").unwrap();
    until("the end of the test", || {
        ring.heartbeat(MonotonicNs::now());
        file("stop").exists()
    });
}

/// One mark before the window closes, one after.
fn paced(ring: &mut RingWriter) {
    define(ring, &["early", "late", "across"]);
    mark(ring, 1, 0);
    push(ring, 0, 3, Payload::None);
    let start = MonotonicNs::now();
    until("the end of the window", || MonotonicNs::now().0 - start.0 > 700_000_000);
    mark(ring, 2, 0);
    pop(ring, 0);
    ring.set_state(State::Closed);
}
