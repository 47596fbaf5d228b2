//! A process and all that it has started: ended together, whatever they do about signals.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getppid, kill_process};

/// How long processes that were asked to end may take.
pub(super) const GRACE: Duration = Duration::from_secs(5);
const PACE: Duration = Duration::from_millis(200);

/// Has this process's command ended when the process `parent`, which started this one, is gone: nobody waits for it then,
/// and it would hold processors and GPUs. What was recorded is kept as usual.
pub(crate) fn end_with(parent: u32) -> std::io::Result<()> {
    thread::Builder::new().name("parent".into()).spawn(move || watch(parent)).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "the end of a parent can only be polled for")]
fn watch(parent: u32) {
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    while getppid() == parent {
        thread::sleep(PACE);
    }
    let mut signal = Signal::TERM;
    loop {
        send(&descendants(getpid()), signal);
        thread::sleep(GRACE);
        signal = Signal::KILL;
    }
}

/// Sends each process a signal; it may be gone by now.
pub(super) fn send(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

/// All that a process has started and what those have started, as far as they have not been left behind.
pub(super) fn descendants(of: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut look_at = vec![of.as_raw_nonzero().get()];
    while let Some(pid) = look_at.pop() {
        let below = children.remove(&pid).unwrap_or_default();
        found.extend(below.iter().filter_map(|pid| Pid::from_raw(*pid)));
        look_at.extend(below);
    }
    found
}

/// The parent in `/proc/PID/stat`. The name in parentheses may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{Signal, getpid};

    use super::{descendants, parent, send};

    #[test]
    fn names_cannot_hide_the_parent() {
        assert_eq!(parent("17 (a) S 1 (b)) R 42 17 17 0"), Some(42));
        assert_eq!(parent("17 (cut"), None);
    }

    #[test]
    fn grandchildren_are_found_and_ended() {
        // The shell must not become `sleep`: two commands.
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo started; wait; true"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(child.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        let found = descendants(getpid());
        assert!(found.len() >= 2, "{found:?}");
        send(&found, Signal::KILL);
        child.wait().unwrap();
    }
}
