//! GPUs that can be queried, without a GPU: a stand-in for NVML on the library path.

mod doctor;
mod exporter;
mod health;
mod record;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::command::{Outcome, outcome, perfagent};

/// A folder whose `lib` holds the stand-in where the driver's library would be.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libperfagent_fake_gpu.so");
    assert!(library.exists(), "{}: run `cargo test -p perfagent`", library.display());
    std::fs::create_dir(libraries(folder.path())).unwrap();
    symlink(library, libraries(folder.path()).join("libnvidia-ml.so.1")).unwrap();
    // Stands for the library in the target: the commands here use neither NVTX nor CUDA.
    std::fs::write(folder.path().join("libperfagent.so"), "no library").unwrap();
    folder
}

fn libraries(folder: &Path) -> PathBuf {
    folder.join("lib")
}

/// Runs `perfagent` on a machine on which `script` happens.
fn run(folder: &Path, script: &str, arguments: &[&str]) -> Outcome {
    let mut command = perfagent(folder);
    command
        .env("LD_LIBRARY_PATH", libraries(folder))
        .env("FAKE_NVML", script)
        .env("PERFAGENT_LIBRARY", folder.join("libperfagent.so"))
        .args(arguments);
    outcome(&mut command)
}
