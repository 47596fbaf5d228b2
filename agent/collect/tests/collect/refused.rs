//! What cannot be recorded is refused in one line, and leaves nothing behind.

use std::fs;

use crate::harness::{Ended, Run, finish, until, words};

fn assert_refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let line = ended.stderr.trim();
    assert_eq!(line.lines().count(), 1, "{line}");
    for part in parts {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_command_that_does_not_exist() {
    let run = Run::new();
    let ended = run.record(&words(&["no-such-program-anywhere"]));
    assert_refused(&ended, &["no-such-program-anywhere", "command not found", "PATH"]);
    assert!(!run.output().exists() && !run.path("run.perfdb.partial").exists());
}

#[test]
fn a_command_that_is_not_executable() {
    let run = Run::new();
    let ended = run.record(&[run.path("libperfagent.so").into_os_string()]);
    assert_refused(&ended, &["chmod +x"]);
    assert!(!run.path("run.perfdb.partial").exists());
}

#[test]
fn an_output_that_exists() {
    let run = Run::new();
    fs::write(run.output(), "precious").unwrap();
    assert_refused(&run.shell("true"), &["run.perfdb", "already exists", "-f"]);
    assert_eq!(fs::read_to_string(run.output()).unwrap(), "precious");
}

#[test]
fn an_output_in_no_directory_or_that_is_one() {
    let run = Run::new();
    let missing = finish(run.start(&run.path("missing/run.perfdb"), &words(&["true"])));
    assert_refused(&missing, &["missing", "mkdir -p"]);
    let folder = finish(run.start(run.folder.path(), &words(&["true"])));
    assert_refused(&folder, &["is a directory"]);
}

#[test]
fn an_output_where_nothing_can_be_written() {
    let run = Run::new();
    // Not even root writes there.
    let ended = finish(run.start("/proc/run.perfdb".as_ref(), &words(&["true"])));
    assert_refused(&ended, &["/proc/run.perfdb.partial", "-o"]);
}

#[test]
fn a_missing_library() {
    let run = Run::new();
    fs::remove_file(run.path("libperfagent.so")).unwrap();
    assert_refused(&run.shell("true"), &["libperfagent.so", "cargo build -p perfagent-inject"]);
}

#[test]
fn a_second_recorder_of_the_same_name() {
    let run = Run::new();
    let (ready, stop) = (run.path("ready"), run.path("stop"));
    let script =
        format!("touch {}; until [ -e {} ]; do sleep 0.05; done", ready.display(), stop.display());
    let first = run.start(&run.output(), &words(&["sh", "-c", &script]));
    until("the first command", || ready.exists());
    assert_refused(&run.shell("true"), &["is recording there", &first.id().to_string()]);
    fs::write(stop, "").unwrap();
    assert_eq!(finish(first).code, Some(0));
    assert!(run.output().exists());
}
