//! Signals that ask a suite to stop, and those that tell of the end of a case.

use std::fs;
use std::os::raw::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// Listens until dropped.
#[derive(Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicU32>,
    signal: Arc<AtomicI32>,
    wake: Receiver<()>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Stop {
    /// Takes over Ctrl-C and its kin; what this process was told to ignore stays ignored.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let ignored = ignored();
        let wanted = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|signal| ignored & (1 << (signal - 1)) == 0);
        let mut signals =
            Signals::new(wanted.chain([SIGCHLD])).context("signals cannot be taken over")?;
        let handle = signals.handle();
        let (asked, signal) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicI32::new(0)));
        let (sender, wake) = sync_channel(1);
        let theirs = (Arc::clone(&asked), Arc::clone(&signal));
        let listen = move || {
            for number in &mut signals {
                if number != SIGCHLD {
                    theirs.1.store(number, Ordering::Relaxed);
                    theirs.0.fetch_add(1, Ordering::Relaxed);
                }
                // A full queue wakes just as well.
                let _ = sender.try_send(());
            }
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(listen);
        let thread = thread.context("a thread for signals cannot be started")?;
        Ok(Self { asked, signal, wake, handle, thread: Some(thread) })
    }

    /// How often it was asked to stop.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The signal that asked last.
    pub(crate) fn signal(&self) -> c_int {
        self.signal.load(Ordering::Relaxed)
    }

    /// Waits so long, or until a signal comes.
    pub(crate) fn wait(&self, longest: Duration) {
        // Either way it is time to look.
        let _ = self.wake.recv_timeout(longest);
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The signals that this process ignores, signal N as bit N - 1.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
