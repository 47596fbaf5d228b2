//! One case while it runs: a recorder with its command, ended when its time is over or the user has enough.

use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::stop::Stop;
use super::tree::{GRACE, descendants, send};

/// How long a recorder may take to finish its file once its command is gone.
const FINISH: Duration = Duration::from_mins(2);
const PACE: Duration = Duration::from_millis(250);

/// Why a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Own,
    /// Its time was over.
    TimeLimit,
    /// The user has stopped the suite.
    Stopped,
}

/// A case that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    /// Its exit code, 128 + signal when it was killed.
    pub(crate) code: i32,
    pub(crate) end: End,
    pub(crate) duration: Duration,
}

/// Runs `command` in a process group of its own, so that Ctrl-C reaches it through this process alone and in order. Calls
/// `tick` a few times a second.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    stop: &Stop,
    mut tick: impl FnMut(Duration),
) -> io::Result<Ran> {
    let started = Instant::now();
    let mut child = command.process_group(0).spawn()?;
    let pid = Pid::from_child(&child);
    let mut end = End::Own;
    let mut asked: Option<Instant> = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let elapsed = started.elapsed();
        let Some(asked_at) = asked else {
            if stop.asked() > 0 || elapsed >= limit {
                end = if stop.asked() > 0 { End::Stopped } else { End::TimeLimit };
                asked = Some(Instant::now());
                // The recorder passes it on, and finishes its file when the command has gone.
                let _ =
                    kill_process(pid, if end == End::Stopped { Signal::INT } else { Signal::TERM });
            }
            tick(elapsed);
            stop.wait(PACE.min(limit.saturating_sub(elapsed)));
            continue;
        };
        let patience = asked_at.elapsed();
        if patience >= GRACE || stop.asked() > 1 {
            send(&descendants(pid), Signal::KILL);
        }
        if patience >= GRACE + FINISH {
            end_all(&mut child, pid);
        }
        tick(elapsed);
        stop.wait(PACE);
    };
    if end != End::Own {
        // What has left the recorder's tree is still of its group.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(Ran { code, end, duration: started.elapsed() })
}

fn end_all(child: &mut Child, pid: Pid) {
    let below = descendants(pid);
    // It may have ended on its own by now.
    let _ = child.kill();
    send(&below, Signal::KILL);
}
