//! Threads of ours must not receive the target's signals.
#![expect(unsafe_code, reason = "signal masks are set by libc calls")]

use std::mem::MaybeUninit;
use std::thread::{self, JoinHandle};

/// Spawns a named thread in which every signal is blocked from its first instruction on.
pub(crate) fn spawn_quiet(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both places are valid; `sigfillset` initialises the one and `pthread_sigmask` the other before use.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let spawned = thread::Builder::new().name(name.to_owned()).stack_size(1 << 20).spawn(run);
    // SAFETY: `before` was filled by the call above; this restores the caller's own mask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    spawned
}
