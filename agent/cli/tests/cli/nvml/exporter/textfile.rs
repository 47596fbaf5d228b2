//! The file for `node_exporter`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::super::{folder, libraries};
use super::runner::{PATIENCE, command, terminate, value};

fn until(path: &Path, holds: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        // Never half a page.
        assert!(
            text.is_empty() || text.contains("\nperfagent_exporter_scrapes_total 0\n"),
            "{text}"
        );
        if holds(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn the_file_is_always_whole_and_gone_at_the_end() {
    let folder = folder();
    let path = folder.path().join("perfagent.prom");
    let mut command = command(folder.path(), "gpus=8");
    let mut child = command
        .args(["exporter", "--textfile", "perfagent.prom", "--interval", "0.2"])
        .spawn()
        .unwrap();
    let text = until(&path, |text| value(text, "perfagent_gpus_present") == Some(8.0));
    assert!(text.contains("# TYPE perfagent_gpu_energy_joules_total counter\n"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(terminate(&mut child), Some(0));
    assert!(!path.exists(), "it would go on telling what was");
}

/// No file may grow: what a full disk does, without one.
#[test]
fn what_was_stays_when_the_disk_is_full() {
    let folder = folder();
    let path = folder.path().join("perfagent.prom");
    fs::write(&path, "old 1\n").unwrap();
    let program = assert_cmd::cargo::cargo_bin("perfagent");
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' exporter --textfile perfagent.prom --interval 0.2",
        program.display()
    );
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("LD_LIBRARY_PATH", libraries(folder.path()))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(
        line.starts_with("perfagent: perfagent.prom: cannot be written: File too large"),
        "{line}"
    );
    assert!(line.contains("the file from before stays"), "{line}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old 1\n");
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 3, "the library, its folder and the file: nothing half");
    child.kill().unwrap();
    child.wait().unwrap();
}
