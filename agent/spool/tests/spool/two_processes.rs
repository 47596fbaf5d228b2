//! A writer and a reader at the same time: two threads, and two processes of which one is killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use perfagent_spool::{
    MIN_CAPACITY, MonotonicNs, ProcessIdentity, Record, RingReader, RingWriter, State,
};

use crate::{drain, numbered, small_ring};

#[test]
fn a_reader_follows_a_writer_without_missing_or_repeating() {
    const COUNT: u64 = 60_000;
    let (_dir, mut writer) = small_ring();
    let path = writer.path().to_owned();
    let writing = std::thread::spawn(move || {
        writer.set_state(State::Running);
        for id in 0..COUNT {
            // The ring is small on purpose: the writer meets the reader's tail all the time.
            while !writer.push(&numbered(id)) {
                std::thread::yield_now();
            }
        }
        writer.set_state(State::Closed);
    });
    let mut reader = RingReader::open(&path).unwrap();
    let mut next = 0;
    loop {
        let closed = reader.state() == State::Closed;
        let outcome = reader.read(1000, &mut |record| {
            if let Record::RangeEnd { id, .. } = record {
                assert_eq!(id, next);
                next += 1;
            }
        });
        assert_eq!(outcome.corrupt, 0);
        reader.release().unwrap();
        if closed && outcome.drained {
            break;
        }
    }
    writing.join().unwrap();
    assert_eq!(next, COUNT);
}

/// Set by the test below for its child, which is this same test binary.
const CHILD_DIR: &str = "PERFAGENT_SPOOL_TEST_DIR";

#[test]
fn what_a_killed_process_published_is_kept() {
    if let Some(dir) = std::env::var_os(CHILD_DIR) {
        write_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "two_processes::what_a_killed_process_published_is_kept"])
        .env(CHILD_DIR, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = loop {
        match ring_in(dir.path()).map(|path| RingReader::open(&path)) {
            Some(Ok(reader)) => break reader,
            _ => std::thread::yield_now(),
        }
    };
    let mut before = 0;
    while before < 500 {
        before += reader.read(100, &mut |_| ()).records as u64;
        reader.release().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (ids, outcome) = drain(&mut reader);
    assert_eq!(outcome.corrupt, 0);
    assert_eq!(reader.state(), State::Running, "a killed process cannot say that it ended");
    assert!(reader.heartbeat() > MonotonicNs(0));
    assert!(ids.is_sorted());
    assert_eq!(reader.identity().pid, child.id());
}

fn write_until_killed(dir: &Path) -> ! {
    let identity = ProcessIdentity::of_this_process();
    let mut writer = RingWriter::create(dir, MIN_CAPACITY, &identity).unwrap();
    writer.set_state(State::Running);
    writer.heartbeat(MonotonicNs::now());
    for id in 0.. {
        while !writer.push(&numbered(id)) {
            std::thread::yield_now();
        }
    }
    unreachable!("the parent kills this process")
}

fn ring_in(dir: &Path) -> Option<PathBuf> {
    std::fs::read_dir(dir).ok()?.next()?.ok().map(|entry| entry.path())
}
