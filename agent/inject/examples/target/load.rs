//! A steady load, for `cargo xtask bench agent` and `cargo xtask soak`:
//! `target load RECORDS_A_SECOND SECONDS MIX PROGRESS`, where MIX is `kernels`, `mixed` (kernels, copies, fills, external
//! correlations, ranges) or `exact` (kernels, copies, fills, marks: each record one row of the recording).
//!
//! `PROGRESS` is a file that says, whenever the program is killed, what it has produced: 64-bit words, mapped. Beside it
//! `PROGRESS.json` tells at the end what the library's threads have used.

use std::ffi::{c_int, c_uint};
use std::fs::{self, OpenOptions};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::nvtx::{self, Attributes};

/// Bursts a second.
const BURSTS: u64 = 500;
/// The words of the progress file: the process, GPU records made, marks and range ends made, records a burst, bursts
/// done; from [`STAMPS`] on when each burst was made, in ns of `CLOCK_MONOTONIC`.
const PROCESS: usize = 0;
const GPU: usize = 1;
const NVTX: usize = 2;
const BURST: usize = 3;
const DONE: usize = 4;
const STAMPS: usize = 8;
/// How long what was made last may take to get into the ring.
const SETTLE: Duration = Duration::from_millis(600);

pub(crate) fn run() {
    let words: Vec<String> = std::env::args().skip(2).collect();
    let [rate, seconds, mix, progress] = &words[..] else {
        panic!("target load RECORDS_A_SECOND SECONDS MIX PROGRESS");
    };
    let (rate, seconds): (u64, f64) = (rate.parse().unwrap(), seconds.parse().unwrap());
    // SAFETY: the library is the stand-in, whose functions have these types.
    let (init, load, made) = unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "no libcuda.so.1 on the library path");
        let init: extern "C" fn(c_uint) -> c_int = super::function(library, c"cuInit");
        let load: extern "C" fn(u64, u32) = super::function(library, c"fake_gpu_load");
        let made: extern "C" fn(u32) -> u64 = super::function(library, c"fake_gpu_made");
        (init, load, made)
    };
    let loaded = Instant::now();
    nvtx::mark(c"start".as_ptr());
    assert_eq!(init(0), 0);
    let started = loaded.elapsed();
    let (number, beside) = match mix.as_str() {
        "kernels" => (0, Beside::Nothing),
        "mixed" => (1, Beside::Ranges),
        "exact" => (2, Beside::Marks),
        other => panic!("no mix {other}"),
    };
    let bursts = (seconds * BURSTS as f64) as u64;
    let file = map(Path::new(progress), STAMPS + bursts as usize);
    let store = |word: usize, value: u64| file[word].store(value, Ordering::Release);
    // One event beside nineteen records of the GPU.
    let burst = rate / BURSTS;
    let events = if matches!(beside, Beside::Nothing) { 0 } else { burst / 20 };
    store(NVTX, 1);
    store(BURST, burst - events);
    store(PROCESS, std::process::id().into());

    // What starting cost, and names that are new, are no part of the steady state; a load that goes on for long, or is
    // killed on the way, has no time for a pause.
    let warm_up = if mix == "exact" { 0 } else { (BURSTS / 2).min(bursts / 4) };
    let mut before = Usage::default();
    let mut nvtx_made = 1;
    let mut begin = Instant::now();
    for number_of_burst in 0..bursts {
        if number_of_burst == warm_up {
            if warm_up > 0 {
                let pause = SETTLE.min(Duration::from_secs_f64(seconds / 10.0));
                thread::sleep(pause);
                begin += pause;
            }
            before = Usage::now(made, nvtx_made);
        }
        let due = Duration::from_nanos(number_of_burst * 1_000_000_000 / BURSTS);
        if let Some(early) = due.checked_sub(begin.elapsed()) {
            thread::sleep(early);
        }
        load(burst - events, number);
        for _ in 0..events {
            nvtx_made += beside.event();
        }
        store(STAMPS + number_of_burst as usize, monotonic());
        store(GPU, made(0) + made(1) + made(2));
        store(NVTX, nvtx_made);
        store(DONE, number_of_burst + 1);
    }
    let took = begin.elapsed();
    thread::sleep(SETTLE);
    let after = Usage::now(made, nvtx_made);
    let records = after.records - before.records;
    let text = format!(
        "{{\"records\": {records}, \"writer_ns\": {}, \"flush_ns\": {}, \"target_ns\": {}, \"took_ns\": {}, \"start_ns\": {}, \
         \"gpu_records\": {}, \"links\": {}, \"nvtx_records\": {nvtx_made}, \"peak_resident_bytes\": {}, \"ring_resident_bytes\": {}, \
         \"anonymous_bytes\": {}}}\n",
        after.writer_ns - before.writer_ns,
        after.flush_ns - before.flush_ns,
        after.target_ns - before.target_ns,
        took.as_nanos(),
        started.as_nanos(),
        made(0) + made(1) + made(2),
        made(2),
        of_status("VmHWM:"),
        resident_of(".ring"),
        of_status("RssAnon:"),
    );
    fs::write(format!("{progress}.json"), text).unwrap();
}

/// What the program does between launches.
enum Beside {
    Nothing,
    Ranges,
    Marks,
}

impl Beside {
    /// The number of records that this makes.
    fn event(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Ranges => {
                nvtx::range_push(c"transformer block forward".as_ptr());
                nvtx::range_pop();
                2
            }
            Self::Marks => {
                let attributes =
                    Attributes { payload_type: 1, payload: 1, ..Attributes::ascii(c"checkpoint") };
                nvtx::mark_ex(&raw const attributes);
                1
            }
        }
    }
}

/// What has been used and made up to some moment.
#[derive(Default)]
struct Usage {
    records: u64,
    writer_ns: u64,
    flush_ns: u64,
    target_ns: u64,
}

impl Usage {
    fn now(made: extern "C" fn(u32) -> u64, nvtx_made: u64) -> Self {
        let mut usage =
            Self { records: made(0) + made(1) + made(2) + nvtx_made, ..Self::default() };
        for thread in fs::read_dir("/proc/self/task").unwrap().flatten() {
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            // The first number is the time on a processor, in ns.
            let times = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let spent: u64 =
                times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default();
            match name.trim() {
                "perfagent" => usage.writer_ns += spent,
                "perfagent-flush" => usage.flush_ns += spent,
                _ => usage.target_ns += spent,
            }
        }
        usage
    }
}

/// A number of bytes from `/proc/self/status`.
fn of_status(name: &str) -> u64 {
    kib(fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|line| line.starts_with(name)))
}

/// Bytes resident of the mappings of files whose names end so.
fn resident_of(ending: &str) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut ours = false;
    let mut bytes = 0;
    for line in maps.lines() {
        // The first line of a mapping begins with its addresses.
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            ours = line.ends_with(ending);
        }
        if ours && line.starts_with("Rss:") {
            bytes += kib(Some(line));
        }
    }
    bytes
}

fn kib(line: Option<&str>) -> u64 {
    let number = line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    number.unwrap_or(0) << 10
}

fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A new file of so many words, mapped for ever.
fn map(path: &Path, words: usize) -> &'static [AtomicU64] {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    let file = file.unwrap();
    file.set_len(words as u64 * 8).unwrap();
    // SAFETY: a new shared mapping of a file of that length, which is never unmapped; zeros are valid atomics.
    unsafe {
        let pages = libc::mmap(
            std::ptr::null_mut(),
            words * 8,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(pages, libc::MAP_FAILED, "the progress file cannot be mapped");
        std::slice::from_raw_parts(pages.cast(), words)
    }
}
