//! Standard output that goes away, or cannot take the answer.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::fixture::cpu_folder;

/// A query with an answer of some megabytes, far more than a pipe holds.
const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n";

#[test]
fn a_reader_that_has_seen_enough_is_success() {
    let folder = cpu_folder();
    for format in ["table", "csv", "json"] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("perfagent"))
            .args(["sql", "run.perfdb", LONG, "--format", format])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let folder = cpu_folder();
    for arguments in
        [&["report", "run.perfdb"][..], &["report", "run.perfdb", "--json"], &["--help"]]
    {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("perfagent"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments:?}");
        assert!(
            said.starts_with("perfagent: standard output: ") && said.lines().count() == 1,
            "{said}"
        );
    }
}
