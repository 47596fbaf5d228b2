//! The desktop app in a real window, on a screen that is not there.

use std::fs;
use std::process::Stdio;

use perfagent_tests::{Bed, finish};

/// `perfagent-gui` opens a recording in a window under a virtual X server and pictures itself.
#[test]
fn the_window_opens_a_recording_and_shows_it() {
    let bed = Bed::new();
    let mut arguments = vec!["record".to_owned(), "-o".into(), "run.perfdb".into(), "--".into()];
    arguments.extend(bed.training(
        "--layers 2 --hidden 64 --heads 2 --seq 64 --vocab 512 --micro-batch 2 --steps 3",
    ));
    let _ = bed.perfagent(&arguments).success();

    let done = finish(
        std::process::Command::new("xvfb-run")
            .args(["--auto-servernum", "--server-args=-screen 0 1600x900x24 +extension GLX"])
            .arg(bed.program("perfagent-gui").get_program())
            .args(["run.perfdb", "--screenshot", "window.png", "--size", "1500x850"])
            .current_dir(bed.path(""))
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("XDG_RUNTIME_DIR", bed.path(""))
            .env("XDG_CONFIG_HOME", bed.path("config"))
            .env("XDG_DATA_HOME", bed.path("data"))
            .stdin(Stdio::null()),
    );
    let done = done.success();
    let picture =
        fs::read(bed.path("window.png")).unwrap_or_else(|error| panic!("{error}: {}", done.stderr));
    assert!(picture.starts_with(b"\x89PNG"));
    // An empty window of one colour compresses to a few kilobytes.
    assert!(picture.len() > 30_000, "{} bytes: nothing is drawn", picture.len());
}
