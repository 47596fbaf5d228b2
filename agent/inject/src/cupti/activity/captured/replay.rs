//! A CUPTI that gives captured buffers back, and the ring that their records go to.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr};

use perfagent_spool::{
    DEFAULT_CAPACITY, LossCause, ProcessIdentity, Record, RingReader, RingWriter,
};
use tempfile::TempDir;

use super::super::super::api_call::Names;
use super::super::super::buffers::Buffers;
use super::super::super::graphs::Watch;
use super::super::super::session::Session;
use super::super::super::sys::{
    Api, ApiCallback, BufferCompleted, MAX_LIMIT_REACHED, RequestBuffer, SUCCESS, Status,
};
use super::super::super::sys::{DRIVER_API, RUNTIME_API};
use super::super::{Clock, Reading};
use super::pages::Pages;
use crate::writer::Writer;

thread_local! {
    /// Where the records of the one buffer are that is being read.
    static STEPS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Steps as CUPTI did when the buffer was captured.
unsafe extern "C" fn next_record(buffer: *mut u8, valid: usize, record: *mut *mut u8) -> Status {
    // SAFETY: a valid place, which holds nothing or the record before.
    let before = unsafe { *record };
    STEPS.with_borrow(|steps| {
        let next = if before.is_null() {
            0
        } else {
            steps.partition_point(|&step| step <= before.addr() - buffer.addr())
        };
        match steps.get(next) {
            Some(&step) if step < valid => {
                // SAFETY: within the buffer.
                unsafe { *record = buffer.add(step) };
                SUCCESS
            }
            _ => MAX_LIMIT_REACHED,
        }
    })
}

/// Reads captured buffers as the library does.
pub(super) struct Replay {
    session: Session,
    writer: Writer,
    _dir: TempDir,
}

impl Replay {
    pub(super) fn new(version: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = ProcessIdentity::default();
        let ring = RingWriter::create(dir.path(), DEFAULT_CAPACITY, &identity).unwrap();
        let session = Session {
            shared: None,
            api: api(),
            buffers: Buffers::new(),
            monotonic: AtomicBool::new(true),
            subscriber: AtomicPtr::new(ptr::null_mut()),
            version,
            calls: Names::new(),
            threads_known: AtomicBool::new(false),
            is_set_up: AtomicBool::new(true),
            graphs: Watch::new(false),
        };
        Self { session, writer: Writer::new(ring), _dir: dir }
    }

    /// Reads one buffer, with records at `steps`.
    pub(super) fn feed(&mut self, bytes: &[u8], steps: impl Iterator<Item = usize>) {
        let pages = Pages::ending_with(bytes);
        STEPS.set(steps.collect());
        let clock = Clock { ahead: 0 };
        let mut reading = Reading { session: &self.session, clock, runtime: HashSet::new() };
        reading.take(&mut self.writer, pages.start(), bytes.len());
    }

    /// Every record that was written but texts, with its name where it has one.
    pub(super) fn each(&self, mut with: impl FnMut(Record<'_>, &str)) {
        let mut texts = HashMap::new();
        let mut reader = RingReader::open(self.writer.ring.path()).unwrap();
        let outcome = reader.read(usize::MAX, &mut |record| match record {
            Record::String { id, text } => _ = texts.insert(id, text.to_owned()),
            Record::Kernel { name, .. } | Record::Api { name, .. } => with(record, &texts[&name]),
            record => with(record, ""),
        });
        assert_eq!(outcome.corrupt, 0);
    }

    pub(super) fn losses(&self) -> Vec<(LossCause, u64)> {
        RingReader::open(self.writer.ring.path()).unwrap().losses()
    }
}

/// The names of some functions in CUDA 13.0; the others are "not found".
unsafe extern "C" fn callback_name(
    domain: c_int,
    function: u32,
    name: *mut *const c_char,
) -> Status {
    let known = match (domain, function) {
        (RUNTIME_API, 51) => c"cudaGetDevice_v12000",
        (RUNTIME_API, 211) => c"cudaLaunchKernel_v7000",
        (RUNTIME_API, 311) => c"cudaGraphLaunch_v10000",
        (DRIVER_API, 719) => c"cuKernelGetName",
        _ => return 1,
    };
    // SAFETY: a valid place for the answer.
    unsafe { *name = known.as_ptr() };
    SUCCESS
}

/// Nothing else is ever called.
fn api() -> Api {
    unsafe extern "C" fn version(_: *mut u32) -> Status {
        unreachable!()
    }
    unsafe extern "C" fn subscribe(_: *mut *mut c_void, _: ApiCallback, _: *mut c_void) -> Status {
        unreachable!()
    }
    unsafe extern "C" fn register(_: RequestBuffer, _: BufferCompleted) -> Status {
        unreachable!()
    }
    unsafe extern "C" fn number(_: u32) -> Status {
        unreachable!()
    }
    unsafe extern "C" fn dropped(_: *mut c_void, _: u32, _: *mut usize) -> Status {
        unreachable!()
    }
    unsafe extern "C" fn attribute(_: u32, _: *mut usize, _: *mut c_void) -> Status {
        unreachable!()
    }
    Api {
        subscribe_named: None,
        get_version: version,
        subscribe,
        register_callbacks: register,
        enable: number,
        disable: number,
        flush_all: number,
        next_record,
        dropped_records: dropped,
        set_attribute: attribute,
        enable_callback: None,
        callback_name: Some(callback_name),
        stream_number: None,
        set_thread_ids: None,
        enable_runtime_call: None,
        enable_driver_call: None,
        push_external: None,
        pop_external: None,
        register_timestamp: None,
    }
}
