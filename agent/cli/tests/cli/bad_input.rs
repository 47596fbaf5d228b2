//! Files that are no recordings: one line that names the file and the remedy, exit 2, no answer.

use std::fs;

use crate::command::run;
use crate::fixture::{bad_files, cpu_run};

#[test]
fn every_command_refuses_what_is_no_recording() {
    let folder = tempfile::tempdir().unwrap();
    for (file, what) in bad_files(folder.path()) {
        let file = file.to_str().unwrap();
        let commands: [&[&str]; 12] = [
            &["report", file],
            &["report", file, "--json"],
            &["report", file, "--markdown"],
            &["report", "whole.perfdb", file],
            &["advise", file],
            &["advise", file, "--json"],
            &["sql", file, "SELECT count(*) FROM operators"],
            &["sql", file, "SELECT * FROM operators", "--format", "json"],
            &["gui", file],
            &["compare", file, "--", "whole.perfdb"],
            &["compare", "whole.perfdb", "whole.perfdb", "--", file, "--json"],
            &["compare", "whole.perfdb", "--", file, "--markdown", "--force"],
        ];
        for arguments in commands {
            // A program that only looks at the header cannot see damage further in, nor that a database is no export of
            // Nsight Systems either; the window tells.
            if arguments[0] == "gui" && ["damaged.perfdb", "foreign.perfdb"].contains(&file) {
                continue;
            }
            let message = run(folder.path(), arguments).refusal(file);
            let expected =
                if arguments[0] == "sql" && file == "damaged.perfdb" { "malformed" } else { what };
            assert!(message.contains(expected), "{arguments:?}: {message}");
        }
    }
}

#[test]
fn a_recording_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.perfdb");
    cpu_run(&whole);
    let bytes = fs::read(whole).unwrap();
    let cut = folder.path().join("cut.perfdb");
    let first_bytes = [1, 15, 16, 17, 99, 100];
    let steps = (512..bytes.len()).step_by(512);
    for length in first_bytes.into_iter().chain(steps).chain([bytes.len() - 1]) {
        fs::write(&cut, &bytes[..length]).unwrap();
        run(folder.path(), &["report", "cut.perfdb"]).refusal("cut.perfdb");
    }
}

#[test]
fn file_names_cannot_break_the_line() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["report", "two\nlines\u{1b}[31m.perfdb"]).refusal("two lines");
}

#[test]
fn a_reader_without_permission_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.perfdb");
    cpu_run(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything: then there is nothing to see here.
    if fs::File::open(&path).is_err() {
        run(folder.path(), &["report", "secret.perfdb"]).refusal("secret.perfdb");
    }
}

#[test]
fn only_a_run_directory_can_be_recovered() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    cpu_run(&folder.path().join("run.perfdb"));
    for directory in ["missing", "empty", "run.perfdb"] {
        run(folder.path(), &["recover", directory, "-o", "new.perfdb"]).refusal(directory);
        assert!(!folder.path().join("new.perfdb").exists());
    }
}

/// Damage that SQLite's structure does not show: the figures may be wrong, the program may refuse, but it
/// answers in order.
#[test]
fn flipped_bytes_never_end_in_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.perfdb");
    cpu_run(&whole);
    let bytes = fs::read(whole).unwrap();
    let flipped = folder.path().join("flipped.perfdb");
    // Only where something stands: most of a small recording is empty pages.
    let places: Vec<usize> = (100..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    for at in places.iter().step_by(places.len().div_ceil(300)) {
        let mut damaged = bytes.clone();
        damaged[*at] ^= 0xff;
        fs::write(&flipped, &damaged).unwrap();
        let outcome = run(folder.path(), &["report", "flipped.perfdb"]);
        if outcome.code != 0 {
            outcome.refusal("flipped.perfdb");
        }
    }
}
