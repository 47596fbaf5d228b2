//! The target is never harmed, however it ends and whatever is wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use perfagent_spool::{LossCause, Record, RingReader, State};

use crate::recorded::{Recorded, rings};
use crate::{run, target};

#[test]
fn a_forked_child_is_silent_and_ends() {
    let spool = tempfile::tempdir().unwrap();
    let (status, out, err) = run(&mut target(&["fork"], spool.path()));
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "", ""));
    let recorded = Recorded::read(spool.path());
    assert_eq!(recorded.outline(recorded.pid), ["push parent", "pop"]);
    assert_eq!(recorded.events.len(), 2);
    assert_eq!(recorded.state, State::Closed);
}

/// Waits until the one ring of `spool` holds a range.
fn wait_for_a_range(spool: &Path) {
    let holds_a_range = || {
        let Some(ring) = rings(spool).pop() else { return false };
        let Ok(mut reader) = RingReader::open(&ring) else { return false };
        let mut found = false;
        reader.read(usize::MAX, &mut |record| found |= matches!(record, Record::RangePush { .. }));
        found
    };
    while !holds_a_range() {
        std::thread::yield_now();
    }
}

#[test]
fn leaving_without_exit_handlers_keeps_what_was_recorded() {
    let spool = tempfile::tempdir().unwrap();
    let mut child = target(&["leave"], spool.path()).stdin(Stdio::piped()).spawn().unwrap();
    // It has not ended, and what it did is there already.
    wait_for_a_range(spool.path());
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let recorded = Recorded::read(spool.path());
    assert_eq!(recorded.outline(recorded.pid), ["push before leaving"]);
    assert_eq!(recorded.state, State::Running);
}

#[test]
fn a_killed_process_keeps_its_ranges() {
    let spool = tempfile::tempdir().unwrap();
    let mut child = target(&["hang"], spool.path()).spawn().unwrap();
    wait_for_a_range(spool.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let recorded = Recorded::read(spool.path());
    assert_eq!(recorded.outline(recorded.pid), ["push before the kill"]);
    assert_eq!(recorded.state, State::Running);
}

/// Runs the target into a spool that cannot be, and expects it not to notice.
fn unharmed(spool: &Path) {
    for mode in ["threads", "flood"] {
        let (status, out, err) = run(&mut target(&[mode], spool));
        assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "target done\n", ""));
    }
}

#[test]
fn without_a_place_for_the_ring_the_target_runs_on() {
    let dir = tempfile::tempdir().unwrap();
    unharmed(&dir.path().join("missing"));
    let file = dir.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    unharmed(&file);
    let locked = dir.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    unharmed(&locked);
    // No file system of a process: nothing can be created in it, not even by root.
    unharmed(Path::new("/proc"));
}

#[test]
fn debug_says_why_nothing_is_recorded() {
    let (status, out, err) =
        run(target(&["threads"], Path::new("/proc")).env("PERFAGENT_DEBUG", "1"));
    assert_eq!((status.code(), out.as_str()), (Some(42), "target done\n"));
    assert!(
        err.starts_with("perfagent: /proc/") && err.contains("cannot create the ring"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn without_the_variable_it_is_inert() {
    let spool = tempfile::tempdir().unwrap();
    let mut command = target(&["threads"], spool.path());
    command.env_remove("PERFAGENT_SPOOL_DIR").current_dir(spool.path());
    let (status, out, err) = run(&mut command);
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "target done\n", ""));
    assert!(rings(spool.path()).is_empty());
}

#[test]
fn a_tiny_ring_counts_what_it_cannot_hold() {
    let spool = tempfile::tempdir().unwrap();
    let (status, ..) = run(target(&["flood"], spool.path()).env("PERFAGENT_SPOOL_BYTES", "1"));
    assert_eq!(status.code(), Some(42));
    let recorded = Recorded::read(spool.path());
    // What found no room in the ring waited in the thread's buffer; when that was full, whole ranges were dropped. Only
    // what was still waiting at the end was dropped at the ring.
    let waited = recorded.losses[&LossCause::ThreadBufferFull];
    let at_the_end = recorded.losses[&LossCause::RingFull];
    let pushes = recorded.events.iter().filter(|event| event.what == "push").count() as u64;
    assert!(waited > 50_000 && pushes > 100, "{waited} {pushes}");
    assert!(pushes + waited <= 600_000 && 2 * waited + at_the_end < 1_200_000);
    assert_eq!(recorded.state, State::Closed);
}
