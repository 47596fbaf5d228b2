//! The thread that asks CUPTI for finished records, and the last time that it does.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use perfagent_spool::{LossCause, MonotonicNs};

use super::session::{self, Session};
use super::sys::FLUSH_FORCED;
use super::{device, graphs, theft};
use crate::door::door;
use crate::{lifecycle, losses, signals};

/// How long the end of the process may be held up by CUPTI, which can hang there.
const DEADLINE: Duration = Duration::from_millis(1500);

static THREAD: OnceLock<Thread> = OnceLock::new();
static STOP: AtomicBool = AtomicBool::new(false);
static DONE: Mutex<bool> = Mutex::new(false);
static DONE_CHANGED: Condvar = Condvar::new();

pub(super) fn spawn(session: &'static Session, period: Duration) -> std::io::Result<()> {
    let handle = signals::spawn_quiet("perfagent-flush", move || {
        door((), || run(session, period));
        *DONE.lock().unwrap_or_else(PoisonError::into_inner) = true;
        DONE_CHANGED.notify_all();
    })?;
    THREAD.get_or_init(|| handle.thread().clone());
    Ok(())
}

/// Pauses between flushes so that a program that is killed loses no more than `period` of what its GPU had done. After a
/// flush the newest record of a program that has its H200 for itself is 1 to 2 ms old; where five programs shared one,
/// what had just missed a flush could come with the second after it. The rest is for threads that are woken late.
fn pause(period: Duration) -> Duration {
    period * 2 / 5
}

fn run(session: &Session, period: Duration) {
    let period = pause(period);
    let mut devices_known = false;
    let mut watch = theft::Watch::new(MonotonicNs::now(), period);
    while !STOP.load(Ordering::Acquire) {
        thread::park_timeout(period);
        // Not before the first pause: the thread is started from within cuInit.
        devices_known = devices_known || device::report();
        if !STOP.load(Ordering::Acquire) {
            flush(session, 0);
            graphs::look(session);
            watch.look(session);
        }
    }
    if !devices_known {
        device::report();
    }
    session.disable();
    flush(session, FLUSH_FORCED);
    watch.finish();
}

/// Asks for finished records before the next period is over.
pub(super) fn soon() {
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

/// Takes what CUPTI has, on the calling thread.
pub(super) fn now(session: &Session) {
    flush(session, 0);
}

fn flush(session: &Session, flag: u32) {
    // SAFETY: functions of this CUPTI, on a thread of ours that holds no lock.
    unsafe { (session.api.flush_all)(flag) };
    match session.dropped() {
        0 => {}
        dropped => losses::add(LossCause::CuptiDropped, dropped),
    }
}

/// The process ends: take what CUPTI has, with a deadline.
pub(super) extern "C" fn on_exit() {
    door((), || {
        if !lifecycle::is_own_process() {
            return;
        }
        let Some(thread) = THREAD.get() else { return };
        STOP.store(true, Ordering::Release);
        thread.unpark();
        let done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = DONE_CHANGED.wait_timeout_while(done, DEADLINE, |done| !*done);
        if waited.is_ok_and(|(done, _)| !*done) {
            losses::add(LossCause::ExitDeadline, 1);
            session::note(
                "the last GPU operations are missing: CUPTI did not answer at the end of the process",
            );
        }
    });
}
