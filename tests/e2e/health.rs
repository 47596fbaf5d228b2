//! `perfagent health` as it runs on clusters: in a real Slurm, under mpirun, over several hosts.

mod hosts;
mod slurm;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use perfagent_tests::{Bed, finish};
use serde_json::Value;

/// A node with two GPUs that are well, as far as NVML says, and with one that has fallen off the bus.
const WELL: &str = "gpus=2";
const SICK: &str = "gpus=2 lost=1@0";

/// A test's folder with NVML's stand-in in `lib`.
fn bed() -> Bed {
    let bed = Bed::with(&["perfagent", "libperfagent_fake_gpu.so"]);
    fs::create_dir(bed.path("lib")).unwrap();
    let library = bed.programs().join("libperfagent_fake_gpu.so");
    symlink(library, bed.path("lib/libnvidia-ml.so.1")).unwrap();
    bed
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

fn document(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Four ranks on one machine: one examines, three say that they do not.
#[test]
fn mpirun_examines_a_node_once() {
    let bed = bed();
    let mut run = bed.command("mpirun");
    crate::launchers::mpirun(&mut run).env("LD_LIBRARY_PATH", bed.path("lib"));
    run.env("FAKE_NVML", SICK).args(["-n", "4"]).arg(bed.programs().join("perfagent"));
    let done = finish(run.args(["health", "--out", "out", "--node", "n"]));
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert_eq!(done.stderr.matches("examines nothing: its rank 0 does").count(), 3);
    assert_eq!(document(&bed.path("out/n.json"))["verdict"], "critical");
    assert_eq!(done.stdout, "CRITICAL n: gpu_access GPU 1: has fallen off the bus\n");
}
