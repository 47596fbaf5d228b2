//! Which launches of kernels are NCCL's, for who knows what NCCL had in mind.
//!
//! From version 5 on, NCCL tells its profiler when a launch begins and ends: an id that is pushed in between comes back
//! in an external-correlation record with the launch's correlation id. Before that only the order on the thread tells,
//! so launches are looked at as they happen, for the symbol's name.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::cell::Cell;
use std::ffi::CStr;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::session::{self, Session};
use super::sys::{DRIVER_API, EXTERNAL_KIND, KIND_EXTERNAL_CORRELATION, LAUNCHES, SUCCESS};

/// Whether external-correlation records are collected.
static CORRELATING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The correlation id of this thread's last launch of one of NCCL's kernels; 0 for none.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Collects external-correlation records from now on, where CUPTI is ours.
pub(crate) fn correlate() {
    static ONCE: Once = Once::new();
    let Some(session) = session::current() else { return };
    ONCE.call_once(|| {
        if session.api.push_external.is_none() || session.api.pop_external.is_none() {
            return session::note("times of NCCL calls are unknown: this CUPTI is too old");
        }
        // SAFETY: a function of this CUPTI.
        match unsafe { (session.api.enable)(KIND_EXTERNAL_CORRELATION) } {
            SUCCESS => CORRELATING.store(true, Ordering::Relaxed),
            status => {
                session::note(&session::failed("times of NCCL calls are unknown", status));
            }
        }
    });
}

/// Gives the CUDA calls of this thread the id `id` until [`pop`]. Whether that worked.
pub(crate) fn push(id: u64) -> bool {
    if !CORRELATING.load(Ordering::Relaxed) {
        return false;
    }
    let push = session::current().and_then(|session| session.api.push_external);
    // SAFETY: a function of this CUPTI.
    push.is_some_and(|push| unsafe { push(EXTERNAL_KIND, id) } == SUCCESS)
}

/// Ends what the last successful [`push`] on this thread began.
pub(crate) fn pop() {
    if let Some(pop) = session::current().and_then(|session| session.api.pop_external) {
        // SAFETY: CUPTI allows null where the popped id is not wanted.
        unsafe { pop(EXTERNAL_KIND, ptr::null_mut()) };
    }
}

/// Looks at launches as they happen from now on, where CUPTI is ours.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    let Some(session) = session::current() else { return };
    ONCE.call_once(|| look_at_launches(session));
}

/// The correlation id of the launch of one of NCCL's kernels that this thread made since the last call; 0 for none.
pub(crate) fn take() -> u32 {
    LAST.replace(0)
}

/// The process ends.
pub(super) fn stop(session: &Session) {
    if CORRELATING.swap(false, Ordering::Relaxed) {
        // SAFETY: a function of this CUPTI.
        unsafe { (session.api.disable)(KIND_EXTERNAL_CORRELATION) };
    }
}

fn look_at_launches(session: &Session) {
    let Some(enable) = session.api.enable_callback else { return };
    let subscriber = session.subscriber.load(Ordering::Relaxed);
    for launch in LAUNCHES {
        // SAFETY: the subscriber is ours; a call that this CUPTI does not know is an error without effect.
        unsafe { enable(1, subscriber, DRIVER_API, launch) };
    }
}

/// A launch of a kernel with this symbol begins.
pub(super) fn begins(symbol: &CStr, correlation: u32) {
    if is_of_nccl(symbol.to_bytes()) {
        LAST.set(correlation);
    }
}

/// Whether a kernel's name, mangled or not, begins as all of NCCL's do.
fn is_of_nccl(symbol: &[u8]) -> bool {
    let name = symbol.strip_prefix(b"_Z").map_or(symbol, |mangled| {
        let digits = mangled.iter().take_while(|byte| byte.is_ascii_digit()).count();
        &mangled[digits..]
    });
    name.starts_with(b"nccl")
}

#[cfg(test)]
mod tests {
    use super::is_of_nccl;

    #[test]
    fn kernels_of_nccl_are_told_by_their_names() {
        assert!(is_of_nccl(b"ncclDevKernel_AllReduce_Sum_f32_RING_LL"));
        assert!(is_of_nccl(
            b"_Z39ncclDevKernel_AllReduce_Sum_f32_RING_LL24ncclDevKernelArgsStorageILm4096EE"
        ));
        for other in [&b"_Z9fake_gemmPKfS0_Pfi"[..], b"_Z", b"", b"my_ncclDevKernel_"] {
            assert!(!is_of_nccl(other));
        }
    }
}
