//! Files that are no store, or no sound one: each is refused in one line, and stays as it is.

use std::fs;
use std::path::Path;

use perfagent_history::{Selection, Store};
use rusqlite::Connection;

use crate::support::{PATIENCE, add, run};

/// Opening to read and adding are both refused with these words, and the file is as before.
fn refused(path: &Path, words: &str) {
    let before = fs::read(path).ok();
    let reading = Store::open(path).unwrap_err().to_string();
    let adding = add(path, &[run("new", 7.0)]).unwrap_err().to_string();
    for message in [reading, adding] {
        assert!(message.contains(words), "`{words}` is not in: {message}");
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    assert_eq!(fs::read(path).ok(), before);
}

#[test]
fn what_is_no_history_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "step 1 took 3 s\n").unwrap();
    refused(&path("text"), "is no history (byte 0");
    fs::write(path("long"), "x".repeat(9000)).unwrap();
    refused(&path("long"), "is no history (byte 0");
    refused(folder.path(), "is no plain file");
    let foreign = Connection::open(path("other.db")).unwrap();
    foreign.execute_batch("CREATE TABLE a (b)").unwrap();
    drop(foreign);
    refused(&path("other.db"), "is an SQLite file but no history (application id 0x00000000");
    perfagent_recording::Writer::create(&path("run.perfdb")).unwrap().finish().unwrap();
    refused(&path("run.perfdb"), "is a recording, not a history");
    let missing = Store::open(&path("none.db")).unwrap_err().to_string();
    assert!(missing.contains("no such file"), "{missing}");
    assert!(!path("none.db").exists(), "reading makes no file");
    fs::write(path("empty.db"), "").unwrap();
    let empty = Store::open(&path("empty.db")).unwrap_err().to_string();
    assert!(empty.contains("is empty (0 bytes)"), "{empty}");
    add(&path("empty.db"), &[run("a", 1.0)]).unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    add(&path, &[run("a", 1.0)]).unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    refused(&path, "has schema version 9, this perfagent knows up to 1; update perfagent");
}

#[test]
fn a_cut_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let runs: Vec<_> = (0..40).map(|value| run("a", f64::from(value))).collect();
    add(&path, &runs).unwrap();
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 3 * 4096, "{}", whole.len());
    fs::write(&path, &whole[..whole.len() - 4096]).unwrap();
    refused(&path, "is damaged: ");
}

#[test]
fn samples_that_are_no_numbers_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    add(&path, &[run("a", 1.0)]).unwrap();
    let spoil = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    spoil("UPDATE figures SET samples = x'000102' WHERE metric_id = 1");
    let message = Store::open(&path).unwrap().measurements(1).unwrap_err().to_string();
    assert!(message.contains("the samples of step_time of run 1 are no numbers"), "{message}");
    spoil("UPDATE figures SET value = 9e999");
    let message = Store::open(&path).unwrap().values(1).unwrap_err().to_string();
    assert!(message.contains("step_time of run 1 is inf"), "{message}");
    spoil("UPDATE runs SET environment = '[1'");
    let store = Store::open(&path).unwrap();
    assert!(store.runs(&Selection::default()).unwrap_err().to_string().contains("is damaged"));
}

/// Any bytes of a store changed: it opens and reads, or says what is wrong; it never panics, and a store
/// that is refused is not written to.
#[test]
fn flipped_bytes_are_told_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let runs: Vec<_> = (0..6).map(|value| run("a", f64::from(value))).collect();
    add(&path, &runs).unwrap();
    let whole = fs::read(&path).unwrap();
    let spoiled = folder.path().join("spoiled.db");
    perfagent_fuzz::each_costly_input("history store", 200, 20, |from| {
        let mut bytes = whole.clone();
        perfagent_fuzz::damage(&mut bytes, from);
        fs::write(&spoiled, &bytes).unwrap();
        if let Ok(store) = Store::open(&spoiled)
            && let Ok(runs) = store.runs(&Selection::default())
        {
            for stored in runs {
                let _ = store.values(stored.id);
                let _ = store.measurements(stored.id);
            }
        }
        assert_eq!(fs::read(&spoiled).unwrap(), bytes, "reading changes nothing");
        if Store::open_or_create(&spoiled, PATIENCE).is_err() {
            assert_eq!(fs::read(&spoiled).unwrap(), bytes, "what is refused stays as it is");
        }
    });
}
