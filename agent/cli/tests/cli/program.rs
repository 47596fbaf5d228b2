//! Programs that perfagent starts: the window and the benchmarks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::command::{outcome, perfagent, run};
use crate::fixture::cpu_folder;

/// A program that says how it was called, and ends with code 7.
fn put_echo(path: &Path) {
    fs::write(path, "#!/bin/sh\necho \"$0 $*\"\nexit 7\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn gui_becomes_the_window_program() {
    let folder = cpu_folder();
    let program = folder.path().join("echo");
    put_echo(&program);
    let said = outcome(perfagent(folder.path()).env("PERFAGENT_GUI", &program).args([
        "gui",
        "--memory",
        "1.5",
        "run.perfdb",
        "./run.perfdb",
    ]));
    assert_eq!((said.code, said.stderr.as_str()), (7, ""));
    let expected = format!("{} --memory 1.5 run.perfdb ./run.perfdb\n", program.display());
    assert_eq!(said.stdout, expected);
}

#[test]
fn a_list_that_the_benchmarks_refuse_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("echo");
    put_echo(&program);
    let said = outcome(
        perfagent(folder.path()).env("PERFAGENT_BENCH", &program).args(["bench", "list", "--json"]),
    );
    assert_eq!((said.code, said.stdout), (7, format!("{} list --json\n", program.display())));
}

#[test]
fn a_named_program_that_is_none_is_told() {
    let folder = cpu_folder();
    let said = outcome(
        perfagent(folder.path())
            .env("PERFAGENT_GUI", "/no/such/program")
            .args(["gui", "run.perfdb"]),
    );
    said.refusal("PERFAGENT_GUI");
    // A file that is there but cannot be run.
    let said = outcome(
        perfagent(folder.path())
            .env("PERFAGENT_BENCH", folder.path().join("run.perfdb"))
            .args(["bench", "list"]),
    );
    said.refusal("cannot be started");
}

#[test]
fn the_recording_is_checked_before_the_window_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["gui", "missing.perfdb"]).refusal("missing.perfdb");
}
