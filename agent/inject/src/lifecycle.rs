//! When the library collects: off, on, and how it ends.
#![expect(unsafe_code, reason = "fork and exit are hooked by libc calls")]

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use perfagent_spool::ProcessIdentity;

use crate::config::Config;
use crate::door::door;
use crate::{capture, threads, writer};

const NOT_YET: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(NOT_YET);
static CONFIG: OnceLock<Config> = OnceLock::new();
/// The process that started us; a forked child has another id.
static OWN_PID: AtomicU32 = AtomicU32::new(0);

/// How long the end of the process may be held up to write what is left of the target's own events.
const WRITE_DEADLINE: Duration = Duration::from_millis(1500);

/// Whether events are collected.
#[inline]
pub(crate) fn is_on() -> bool {
    STATE.load(Ordering::Relaxed) == ON
}

/// Stops collecting for good.
pub(crate) fn turn_off() {
    STATE.store(OFF, Ordering::Relaxed);
}

/// Whether this is the process that was set up, and not a child that it forked.
pub(crate) fn is_own_process() -> bool {
    OWN_PID.load(Ordering::Relaxed) == std::process::id()
}

/// The configuration; present once [`start`] found one.
pub(crate) fn config() -> Option<&'static Config> {
    CONFIG.get()
}

/// Says something on standard error if the user asked for it.
pub(crate) fn debug(text: &str) {
    if config().is_some_and(|config| config.debug) {
        let line = format!("perfagent: {text}\n");
        // SAFETY: writes bytes that outlive the call; an error is of no consequence.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
}

/// Starts collecting, once, whichever door is used first. Returns whether events are collected.
pub(crate) fn start() -> bool {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if !begin() {
            turn_off();
        }
    });
    is_on()
}

fn begin() -> bool {
    let Some(config) = Config::from_env() else { return false };
    let config = CONFIG.get_or_init(|| config);
    // The default hook prints. This is our own copy of the standard library, so the target's hook is not touched.
    std::panic::set_hook(Box::new(|panic| debug(&panic.to_string())));
    OWN_PID.store(std::process::id(), Ordering::Relaxed);
    // SAFETY: the handler only stores to an atomic, and the library is never unmapped.
    let fork_is_hooked = unsafe { libc::pthread_atfork(None, None, Some(in_forked_child)) } == 0;
    if !fork_is_hooked || !threads::prepare() {
        return false;
    }
    if let Err(error) = writer::spawn(config.clone(), ProcessIdentity::of_this_process()) {
        debug(&format!("cannot start the writer thread: {error}"));
        return false;
    }
    if let Some(wanted) = &config.capture {
        capture::configure(wanted);
    }
    at_exit(on_exit);
    // The writer thread turns it off again if it finds no place for the ring.
    STATE.compare_exchange(NOT_YET, ON, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Calls `handler` when the process ends through `exit`; the last registered is called first.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler catches unwinds and the library is never unmapped.
    unsafe { libc::atexit(handler) };
}

/// A forked child has none of our threads and must not touch the parent's ring: it stays silent.
unsafe extern "C" fn in_forked_child() {
    turn_off();
}

extern "C" fn on_exit() {
    door((), || {
        if is_own_process() {
            writer::finish(WRITE_DEADLINE);
            turn_off();
        }
    });
}
