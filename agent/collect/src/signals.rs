//! Signals that reach the recorder while the target runs.
//!
//! A signal from the terminal reaches the whole process group, so the target has it already; one that another process
//! sent to the recorder alone (a batch system, `timeout`, `kill`) is passed on. The recorder itself dies from neither.

use std::os::raw::c_int;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::backend::Handle;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::error::CollectError;
use crate::proc;
use crate::record::Event;

/// Batch systems announce the end of a job with the user signals.
const FORWARDED: [c_int; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Passes signals on until dropped.
#[derive(Debug)]
pub(crate) struct Signals {
    receiver: Arc<Mutex<Receiver>>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Who is to have the signals.
#[derive(Debug)]
enum Receiver {
    /// Not started yet: it gets these when it has.
    Waiting(Vec<c_int>),
    Running(Pid),
    /// It has been reaped: its number may belong to another process.
    Ended,
}

impl Signals {
    /// Takes over the signals of this process. Those that it was told to ignore stay ignored, for it and the target.
    /// `events` hears of children that ended.
    pub(crate) fn take_over(events: SyncSender<Event>) -> Result<Self, CollectError> {
        let failed = |source| CollectError::System { doing: "take over signals", source };
        let ignored = proc::ignored_signals();
        let wanted = FORWARDED.into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
        let mut signals =
            SignalsInfo::<WithOrigin>::new(wanted.chain([SIGCHLD])).map_err(failed)?;
        let handle = signals.handle();
        let receiver = Arc::new(Mutex::new(Receiver::Waiting(Vec::new())));
        let theirs = Arc::clone(&receiver);
        let forward = move || {
            for Origin { signal, cause, .. } in &mut signals {
                if signal == SIGCHLD {
                    // A full queue wakes the recorder just as well.
                    let _ = events.try_send(Event::ChildEnded);
                } else if cause != Cause::Kernel {
                    theirs.lock().unwrap_or_else(PoisonError::into_inner).receive(signal);
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("signals".into()).spawn(forward).map_err(failed)?;
        Ok(Self { receiver, handle, thread: Some(thread) })
    }

    /// From now on `pid` gets the signals, and those that came before it ran.
    pub(crate) fn forward_to(&self, pid: u32) {
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        let early = std::mem::replace(&mut *receiver, Receiver::Running(pid));
        if let Receiver::Waiting(signals) = early {
            for signal in signals {
                receiver.receive(signal);
            }
        }
    }

    /// Asks `exit` whether the target has ended, and stops forwarding if so, with no signal in between: once it is
    /// reaped its number may belong to another process.
    pub(crate) fn until<T>(
        &self,
        exit: impl FnOnce() -> Result<Option<T>, CollectError>,
    ) -> Result<Option<T>, CollectError> {
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let exit = exit()?;
        if exit.is_some() {
            *receiver = Receiver::Ended;
        }
        Ok(exit)
    }
}

impl Receiver {
    fn receive(&mut self, signal: c_int) {
        match self {
            Self::Waiting(early) => early.push(signal),
            Self::Running(pid) => {
                if let Some(signal) = Signal::from_named_raw(signal) {
                    // It may have ended on its own by now.
                    let _ = kill_process(*pid, signal);
                }
            }
            Self::Ended => {}
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
