//! A CUDA program keeps what it did, however it ends, and is held up by nothing.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use perfagent_spool::{Record, RingReader, State};

use crate::cuda::stand_ins;
use crate::recorded::{Recorded, rings};
use crate::{run, target};

/// The target that ends so, in `dir`, whose kernels are all in its ring already.
fn started(dir: &Path, how: &str) -> Child {
    let mut child = command(dir, &["end", how]).stdin(Stdio::piped()).spawn().unwrap();
    wait_for_kernels(&dir.join("spool"), &mut child);
    child
}

fn command(dir: &Path, mode: &[&str]) -> Command {
    let (libraries, spool) = (dir.join("lib"), dir.join("spool"));
    std::fs::create_dir(&spool).unwrap();
    stand_ins(&libraries);
    let mut command = target(mode, &spool);
    command.env("LD_LIBRARY_PATH", &libraries).env("PERFAGENT_FLUSH_MS", "20");
    command
}

/// Waits until the one ring of `spool` has the three kernels but one, which has no times.
fn wait_for_kernels(spool: &Path, child: &mut Child) {
    let has_kernels = || {
        let Some(ring) = rings(spool).pop() else { return false };
        let Ok(mut reader) = RingReader::open(&ring) else { return false };
        let mut found = 0;
        reader.read(usize::MAX, &mut |record| {
            found += u32::from(matches!(record, Record::Kernel { .. }));
        });
        found == 3
    };
    while !has_kernels() {
        assert!(child.try_wait().unwrap().is_none(), "it has ended before");
        std::thread::yield_now();
    }
}

fn kernels(recorded: &Recorded) -> usize {
    recorded.gpu.iter().filter(|(record, _)| matches!(record, Record::Kernel { .. })).count()
}

#[test]
fn os_exit_keeps_the_kernels_that_were_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = started(dir.path(), "_exit");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let recorded = Recorded::read(&dir.path().join("spool"));
    assert_eq!((kernels(&recorded), recorded.state), (3, State::Running));
}

#[test]
fn sigkill_and_sigterm_keep_the_kernels_that_were_flushed() {
    for signal in [libc::SIGKILL, libc::SIGTERM] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = started(dir.path(), "exit");
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(child.id().to_string());
        assert!(kill.status().unwrap().success());
        assert_eq!(child.wait().unwrap().signal(), Some(signal), "we install no handler");
        let recorded = Recorded::read(&dir.path().join("spool"));
        assert_eq!((kernels(&recorded), recorded.state), (3, State::Running));
    }
}

#[test]
fn a_program_that_becomes_another_is_recorded_as_both() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = started(dir.path(), "exec");
    // The second one finds the end of its input, too.
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(42));
    let mut all: Vec<_> =
        rings(&dir.path().join("spool")).iter().map(|ring| Recorded::read_ring(ring)).collect();
    all.sort_by_key(|recorded| recorded.events[0].time);
    let [first, second] = &all[..] else { panic!("{} rings", all.len()) };
    assert_eq!((kernels(first), first.state), (3, State::Running));
    assert_eq!((kernels(second), second.state), (3, State::Closed));
    assert_eq!(first.pid, second.pid);
    assert_eq!(first.events[0].name, "exec");
    assert_eq!(second.events[0].name, "exit");
}

#[test]
fn a_forked_child_of_a_cuda_program_neither_hangs_nor_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = started(dir.path(), "fork");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(42));
    let recorded = Recorded::read(&dir.path().join("spool"));
    assert_eq!((kernels(&recorded), recorded.state), (3, State::Closed));
    assert_eq!(recorded.outline(recorded.pid), ["push fork", "pop"]);
}

#[test]
fn a_slow_flush_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (status, ..) = run(command(dir.path(), &["cuda", "100"]).env("FAKE_GPU_SLOW", "300"));
    assert_eq!(status.code(), Some(42));
    let recorded = Recorded::read(&dir.path().join("spool"));
    // One has no times.
    assert_eq!((kernels(&recorded), recorded.state), (99, State::Closed));
}
