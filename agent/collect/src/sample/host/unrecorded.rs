//! Processes of the command that use CUDA and are not recorded.
//!
//! The driver loads us because `CUDA_INJECTION64_PATH` says so. Another tool that stands between, Nsight Systems for one,
//! sets it for itself, and then there is no ring and nothing else that tells. Such a process is known by what it has open:
//! the driver's library and a GPU, and none of ours.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::proc::Stat;

/// Between two looks at one process. It must be seen to use CUDA twice: the ring is made a moment after the driver is
/// loaded.
const PERIOD: Duration = Duration::from_secs(2);
/// Looks at one process: whoever has not used CUDA by then is left alone.
const LOOKS: u8 = 30;

/// What is known of each process.
#[derive(Debug)]
pub(super) struct Unrecorded {
    proc: PathBuf,
    processes: HashMap<u32, Looked>,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    next: Instant,
    left: u8,
    is_suspected: bool,
}

impl Default for Unrecorded {
    fn default() -> Self {
        Self { proc: PathBuf::from("/proc"), processes: HashMap::new() }
    }
}

impl Unrecorded {
    /// Looks at a process that has no ring. What there is to say about it, once.
    pub(super) fn look(&mut self, pid: u32, now: Instant) -> Option<String> {
        let fresh = Looked { next: now + PERIOD, left: LOOKS, is_suspected: false };
        let looked = self.processes.entry(pid).or_insert(fresh);
        if now < looked.next || looked.left == 0 {
            return None;
        }
        looked.next = now + PERIOD;
        looked.left -= 1;
        let folder = self.proc.join(pid.to_string());
        if !uses_cuda(&folder) {
            looked.is_suspected = false;
            return None;
        }
        if !std::mem::replace(&mut looked.is_suspected, true) {
            return None;
        }
        looked.left = 0;
        // Children that it has forked, such as the workers of a data loader, have its files open and need no word of
        // their own.
        let parent = parent(&folder).and_then(|parent| self.processes.get(&parent));
        if parent.is_some_and(|parent| parent.is_suspected) {
            return None;
        }
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        Some(format!(
            "process {pid} ({}) uses CUDA and is not recorded: something between it and us has changed \
             CUDA_INJECTION64_PATH, as Nsight Systems does; its GPU operations are missing",
            name.trim_end()
        ))
    }

    /// Forgets those that have ended.
    pub(super) fn keep(&mut self, alive: &[u32]) {
        self.processes.retain(|pid, _| alive.contains(pid));
    }
}

/// The number of the process that started the one in this folder.
fn parent(folder: &Path) -> Option<u32> {
    Some(Stat::parse(&fs::read_to_string(folder.join("stat")).ok()?)?.parent)
}

/// Whether the process below this folder has the driver's library and a GPU, and has not loaded our library (a child that
/// was forked from a recorded process has).
fn uses_cuda(folder: &Path) -> bool {
    let maps = fs::read_to_string(folder.join("maps")).unwrap_or_default();
    if !maps.contains("/libcuda.so") || maps.contains("/libperfagent") {
        return false;
    }
    let open = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
    let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.any(|target| target.as_os_str().as_encoded_bytes().starts_with(b"/dev/nvidia"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process in a folder that stands for `/proc`.
    fn process(proc: &Path, pid: u32, maps: &str, opened: &str) {
        let folder = proc.join(pid.to_string());
        fs::create_dir_all(folder.join("fd")).unwrap();
        fs::write(folder.join("maps"), maps).unwrap();
        fs::write(folder.join("comm"), "train\n").unwrap();
        std::os::unix::fs::symlink(opened, folder.join("fd/5")).unwrap();
    }

    #[test]
    fn a_process_with_cuda_and_without_us_is_named_once() {
        let dir = tempfile::tempdir().unwrap();
        let cuda = "7f00-7f10 r-xp 0 08:01 1 /usr/lib/libcuda.so.580.159\n";
        let ours = format!("{cuda}7f10-7f20 r-xp 0 08:01 2 /opt/perfagent/libperfagent.so\n");
        process(dir.path(), 1, cuda, "/dev/nvidia0");
        process(dir.path(), 2, &ours, "/dev/nvidia0");
        process(dir.path(), 3, cuda, "/dev/null");
        process(dir.path(), 4, "", "/dev/nvidiactl");
        // A worker that the first one has forked.
        process(dir.path(), 5, cuda, "/dev/nvidia0");
        let stat = format!("5 (wor) ker) S 1{}", " 0".repeat(48));
        fs::write(dir.path().join("5/stat"), stat).unwrap();
        let mut unrecorded = Unrecorded { proc: dir.path().to_owned(), processes: HashMap::new() };
        let begun = Instant::now();
        let mut told = Vec::new();
        for second in 0..200 {
            for pid in 1..=6 {
                told.extend(unrecorded.look(pid, begun + Duration::from_secs(second)));
            }
        }
        let [text] = &told[..] else { panic!("{told:?}") };
        assert!(text.starts_with("process 1 (train) uses CUDA and is not recorded"), "{text}");
        unrecorded.keep(&[3]);
        assert_eq!(unrecorded.processes.len(), 1);
    }
}
