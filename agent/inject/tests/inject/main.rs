//! The library inside real processes: a small target program is run under it, and its ring is read.

mod capture;
mod cuda;
mod endings;
mod harm;
mod nccl;
mod ranges;
mod recorded;
mod surroundings;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use recorded::Recorded;

/// A directory of cargo's output that holds what this test binary was built with.
fn built(place: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().join(place);
    assert!(path.exists(), "{} is missing; run `cargo test -p perfagent-inject`", path.display());
    path
}

fn library() -> PathBuf {
    built("libperfagent.so")
}

/// The target program, to be recorded into `spool`.
fn target(mode: &[&str], spool: &Path) -> Command {
    let mut command = Command::new(built("../examples/target"));
    command
        .args(mode)
        .env("NVTX_INJECTION64_PATH", library())
        .env("CUDA_INJECTION64_PATH", library())
        .env("PERFAGENT_SPOOL_DIR", spool)
        .env("PERFAGENT_SPOOL_BYTES", (16 << 20).to_string())
        .env_remove("CUDA_HOME")
        .env_remove("CUDA_PATH")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end; its status and both of its outputs.
fn run(command: &mut Command) -> (ExitStatus, String, String) {
    let out = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(out.path().join(name)).unwrap();
    let status = command.stdout(file("out")).stderr(file("err")).status().unwrap();
    let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
    (status, read("out"), read("err"))
}

/// Runs the target in a mode that ends well, and reads its ring.
fn record(mode: &[&str]) -> Recorded {
    let spool = tempfile::tempdir().unwrap();
    let (status, out, err) = run(&mut target(mode, spool.path()));
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "target done\n", ""));
    Recorded::read(spool.path())
}
