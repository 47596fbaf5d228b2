//! The ring from the outside: what is written comes back, what is full is counted, what is damaged is survived.

mod damage;
mod fuzz;
mod records;
mod ring;
mod two_processes;

use std::path::{Path, PathBuf};

use perfagent_spool::{
    MIN_CAPACITY, MonotonicNs, ProcessIdentity, ReadOutcome, Record, RingReader, RingWriter,
};

/// A ring of the smallest size in a directory of its own.
fn small_ring() -> (tempfile::TempDir, RingWriter) {
    let dir = tempfile::tempdir().unwrap();
    let identity = ProcessIdentity::of_this_process();
    let writer = RingWriter::create(dir.path(), MIN_CAPACITY, &identity).unwrap();
    (dir, writer)
}

/// A record that is told apart by its number.
fn numbered(id: u64) -> Record<'static> {
    Record::RangeEnd { time: MonotonicNs(1_000 + id), tid: 7, id }
}

/// Reads everything and returns the numbers of the [`numbered`] records, with the summed outcome.
fn drain(reader: &mut RingReader) -> (Vec<u64>, ReadOutcome) {
    let mut ids = Vec::new();
    let mut sum = ReadOutcome::default();
    while !sum.drained {
        let outcome = reader.read(100, &mut |record| {
            if let Record::RangeEnd { id, .. } = record {
                ids.push(id);
            }
        });
        sum.records += outcome.records;
        sum.corrupt += outcome.corrupt;
        sum.drained = outcome.drained;
    }
    (ids, sum)
}

fn copy_of(path: &Path) -> PathBuf {
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).unwrap();
    copy
}
