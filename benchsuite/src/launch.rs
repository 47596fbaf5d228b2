//! Starts the ranks of a run on this machine, watches them, and stops the others when one dies.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::place::LAUNCHED;

/// How long the other ranks may go on after one has failed: enough for one that found the real
/// reason at the same moment to say it, too short for them to complain that a peer is gone.
const GRACE: Duration = Duration::from_millis(300);
/// How long they may go on after one has ended with its checkpoint saved: by then all files are written.
const SAVING: Duration = Duration::from_secs(10);
/// How long a rank holds back "another rank is gone" when this launcher watches it; longer than
/// `GRACE`, so that the launcher's line is the only one.
pub(crate) const HOLD_BACK: Duration = Duration::from_secs(3);

/// Runs `count` copies of this program, one a rank, with torchrun's variables and `variables`; returns the exit code
/// of the first that failed, or 0.
pub(crate) fn run(count: usize, ranks_save: bool, variables: &[(&str, &OsStr)]) -> Result<u8> {
    if ranks_save {
        interrupt::watch()?;
    }
    let program = std::env::current_exe()
        .map_err(|e| Failure::run(format!("this program cannot find itself: {e}")))?;
    let port = free_port()?;
    let mut ranks = Ranks { children: Vec::new(), are_told: false };
    for rank in 0..count {
        let child = Command::new(&program)
            .args(std::env::args_os().skip(1))
            .env("RANK", rank.to_string())
            .env("LOCAL_RANK", rank.to_string())
            .env("WORLD_SIZE", count.to_string())
            .env("LOCAL_WORLD_SIZE", count.to_string())
            .env("MASTER_ADDR", "127.0.0.1")
            .env("MASTER_PORT", port.to_string())
            .env(LAUNCHED, "1")
            .envs(variables.iter().copied())
            .spawn()
            .map_err(|e| Failure::run(format!("rank {rank} cannot be started: {e}")))?;
        ranks.children.push(Some(child));
    }
    let Some((rank, status)) = ranks.first_failure() else { return Ok(0) };
    let is_saved = ranks_save && status.code() == Some(i32::from(interrupt::EXIT_CODE));
    ranks.stop(if is_saved { SAVING } else { GRACE });
    match (status.code(), status.signal()) {
        // The rank has printed its own line.
        (Some(code @ 1..=2), _) => Ok(code as u8),
        (Some(_), _) if is_saved => Ok(interrupt::EXIT_CODE),
        // It came before the rank could save anything.
        (None, Some(15)) if ranks_save && interrupt::has_come() => Ok(interrupt::EXIT_CODE),
        (Some(code), _) => Err(Failure::run(format!(
            "rank {rank} exited with code {code}; the other ranks were stopped"
        ))),
        (None, signal) => Err(Failure::run(format!(
            "rank {rank} was killed by signal {}; the other ranks were stopped",
            signal.map_or_else(|| "?".to_owned(), name_signal)
        ))),
    }
}

/// A port that nobody listens on. Another program can take it before rank 0 does; that is then a
/// clear error of rank 0.
fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Failure::run(format!("no free TCP port on the loopback interface: {e}")))
}

fn name_signal(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL, perhaps by the kernel for lack of memory",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

/// The running ranks; whatever way this goes, none outlives it.
struct Ranks {
    children: Vec<Option<Child>>,
    /// Whether they have been told of a SIGTERM.
    are_told: bool,
}

impl Ranks {
    /// Waits until all have succeeded (`None`) or one has failed.
    fn first_failure(&mut self) -> Option<(usize, ExitStatus)> {
        loop {
            for (rank, slot) in self.children.iter_mut().enumerate() {
                let Some(child) = slot else { continue };
                if let Ok(Some(status)) = child.try_wait() {
                    *slot = None;
                    if !status.success() {
                        return Some((rank, status));
                    }
                }
            }
            if self.children.iter().all(Option::is_none) {
                return None;
            }
            if interrupt::has_come() && !self.are_told {
                self.are_told = true;
                self.tell();
            }
            pause(Duration::from_millis(10));
        }
    }

    /// Passes SIGTERM on.
    fn tell(&self) {
        for child in self.children.iter().flatten() {
            if let Some(pid) = rustix::process::Pid::from_raw(child.id() as i32) {
                // One that has just ended needs no telling.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
    }

    /// Gives the rest `grace` to end by themselves, then kills them.
    fn stop(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            for slot in &mut self.children {
                if slot.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_)))) {
                    *slot = None;
                }
            }
            if self.children.iter().all(Option::is_none) {
                return;
            }
            pause(Duration::from_millis(10));
        }
        for child in self.children.iter_mut().filter_map(Option::as_mut) {
            // It may have ended since: then there is nothing to kill, and the wait returns at once.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.children.clear();
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

/// Called by a rank: have the kernel end it when its launcher ends, however that happens.
pub(crate) fn end_with_launcher() {
    // Without it a killed launcher leaves ranks behind until the time-out; not worth failing for.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// Waits a fixed time.
#[expect(
    clippy::disallowed_methods,
    reason = "children are polled because waiting for any of several needs a signal handler"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
