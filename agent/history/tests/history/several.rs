//! Several writers at once, and one that is interrupted.

use std::fs;
use std::path::Path;
use std::thread;

use perfagent_history::{Selection, Store, StoreError};
use rusqlite::Connection;

use crate::support::{NOW, PATIENCE, add, run};

fn count(path: &Path) -> usize {
    Store::open(path).unwrap().runs(&Selection::default()).unwrap().len()
}

#[test]
fn threads_that_all_begin_a_store_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for number in 0..8 {
                    add(path, &[run(&format!("w{writer}"), f64::from(number))]).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&path), 32);
}

#[test]
fn a_writer_that_holds_on_is_named_as_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    add(&path, &[run("a", 1.0)]).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM figures;").unwrap();
    let soon = std::time::Duration::from_millis(1);
    let mut store = Store::open_or_create(&path, soon).unwrap();
    let busy = store.add(&[run("b", 1.0)], false, NOW, soon).unwrap_err();
    assert!(matches!(busy, StoreError::Busy { .. }), "{busy}");
    assert!(busy.to_string().contains("another process has been writing it"), "{busy}");
    // Who reads sees the state before.
    assert_eq!(Store::open(&path).unwrap().values(1).unwrap().len(), 2);
    other.execute_batch("ROLLBACK").unwrap();
    store.add(&[run("b", 1.0)], false, NOW, PATIENCE).unwrap();
    assert_eq!(count(&path), 2);
}

/// A write that was interrupted in its middle is taken back by whoever comes next, reader or writer.
#[test]
fn an_interrupted_write_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    add(&path, &[run("a", 1.0)]).unwrap();
    let copy = folder.path().join("copy.db");
    let writer = Connection::open(&path).unwrap();
    // A cache of one page is written to the file before the end of the transaction.
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;
             UPDATE runs SET commit_id = 'wrong', source = hex(zeroblob(100000));
             INSERT INTO metrics (name, subject, has_subject, unit, better, family)
             SELECT hex(randomblob(3000)), '', 0, '', 'lower', 'detail' FROM sqlite_schema, sqlite_schema b;",
        )
        .unwrap();
    fs::copy(&path, &copy).unwrap();
    let journal = folder.path().join("history.db-journal");
    assert!(fs::metadata(&journal).unwrap().len() > 512, "the journal holds pages");
    fs::copy(&journal, folder.path().join("copy.db-journal")).unwrap();
    assert_ne!(fs::read(&copy).unwrap().len(), 0);
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("copy.db", &link).unwrap();
    let runs = Store::open(&link).unwrap().runs(&Selection::default()).unwrap();
    assert_eq!(runs[0].run.commit, "a");
    add(&copy, &[run("b", 2.0)]).unwrap();
    assert_eq!(count(&copy), 2);
    writer.execute_batch("ROLLBACK").unwrap();
}
