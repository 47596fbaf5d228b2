//! A recorder that is killed loses nothing that the rings still hold.

use std::fs;
use std::path::{Path, PathBuf};

use perfagent_collect::{CollectError, recover};

use crate::harness::{Run, actor, read, text, until, words};

/// Kills a recorder in the middle of a flow of marks and lets the command end. Returns the run directory and how many
/// marks the command wrote.
fn interrupted(run: &Run) -> (PathBuf, u64) {
    let mut recorder = run.start(&run.output(), &actor("flowing"));
    until("the flow", || run.path("ready").exists());
    recorder.kill().unwrap();
    recorder.wait().unwrap();
    fs::write(run.path("stop"), "").unwrap();
    let written = run.path("written");
    until("the command's end", || fs::read_to_string(&written).is_ok_and(|text| !text.is_empty()));
    let count = fs::read_to_string(written).unwrap().parse().unwrap();
    assert!(!run.output().exists(), "the final name appears complete only");
    (run.path("run.perfdb.partial"), count)
}

fn assert_everything_once(output: &Path, count: u64) {
    let recording = read(output);
    let numbers: Vec<_> =
        recording.marks.iter().filter_map(|mark| mark.payload.integer()).collect();
    assert_eq!(numbers, (0..count as i64).collect::<Vec<_>>());
    assert!(recording.marks.iter().all(|mark| text(&recording, mark.name_id) == "tick"));
    let [whole] = &recording.ranges.to_vec()[..] else { panic!("{:?}", recording.ranges) };
    assert_eq!((text(&recording, whole.name_id), whole.open), ("whole", false));
    assert!(recording.losses.is_empty(), "{:?}", recording.losses);
    assert_eq!(recording.processes.len(), 1);
    assert!(recording.meta_value("command").is_some_and(|command| command.contains("flowing")));
}

#[test]
fn recovery_completes_the_recording_with_every_event_once() {
    let run = Run::new();
    let (left, count) = interrupted(&run);
    let summary = recover(&left, &run.output(), false).unwrap();
    assert_eq!(summary.events["marks"], count as usize);
    assert_everything_once(&run.output(), count);
    assert!(!left.exists());
}

#[test]
fn a_recovery_of_damaged_rows_keeps_what_the_rings_hold() {
    let run = Run::new();
    let (left, count) = interrupted(&run);
    let database = left.join("run.perfdb");
    fs::write(&database, "not a recording").unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(left.join(format!("run.perfdb{suffix}")));
    }
    recover(&left, &run.output(), false).unwrap();
    let recording = read(&run.output());
    let numbers: Vec<_> =
        recording.marks.iter().filter_map(|mark| mark.payload.integer()).collect();
    assert!(numbers.len() >= crate::role::LAST_MARKS as usize);
    let first = numbers[0];
    assert_eq!(numbers, (first..count as i64).collect::<Vec<_>>());
    assert!(
        recording.marks.iter().all(|mark| text(&recording, mark.name_id) == "tick"),
        "texts survive"
    );
    assert!(
        recording.notes.iter().any(|note| note.text.contains("unreadable")),
        "{:?}",
        recording.notes
    );
}

#[test]
fn a_recovery_without_the_facts_of_the_run_takes_the_clock_from_the_rings() {
    let run = Run::new();
    let (left, _) = interrupted(&run);
    fs::remove_file(left.join("session.json")).unwrap();
    // This command's ring holds no anchor.
    let error = recover(&left, &run.output(), false).unwrap_err();
    assert!(matches!(error, CollectError::BadSession { .. }), "{error}");
    assert!(left.exists() && !run.output().exists(), "nothing is thrown away");
}

#[test]
fn an_interrupted_recording_is_not_overwritten_by_the_next_one() {
    let run = Run::new();
    let (left, count) = interrupted(&run);
    let next = crate::harness::finish(run.start(&run.output(), &words(&["true"])));
    assert_eq!(next.code, Some(2));
    assert!(next.stderr.contains("perfagent recover"), "{}", next.stderr);
    recover(&left, &run.output(), false).unwrap();
    assert_everything_once(&run.output(), count);
}

#[test]
fn only_a_run_directory_can_be_recovered() {
    let run = Run::new();
    for path in [run.path("missing"), run.folder.path().to_owned(), run.path("libperfagent.so")] {
        let error = recover(&path, &run.output(), false).unwrap_err();
        assert!(error.to_string().contains("RUN.perfdb.partial"), "{error}");
    }
}
