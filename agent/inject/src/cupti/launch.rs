//! Which launches of kernels are NCCL's, for who knows what NCCL had in mind.
//!
//! NCCL launches through the driver, right before it tells its profiler of the calls (and from version 5 on between two
//! events of its own), so CUPTI is asked to tell of such launches as they happen, on their thread, with the symbol's name
//! and the correlation id. Ordinary kernels come through the runtime, which does not pass there and pays nothing.
//!
//! Where CUPTI gives no callbacks, an id is pushed while a launch lasts, and comes back in an external-correlation record.
//! CUPTI writes those only while calls of the driver are recorded too (seen with CUDA 13.0 on an H200: none with kernels
//! alone, none with single functions enabled), so that way costs a record a call.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::cell::Cell;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use super::kind::DRIVER_CALL;
use super::session::{self, Session};
use super::sys::{
    DRIVER_API, EXTERNAL_KIND, KIND_EXTERNAL_CORRELATION, LAUNCHES, NOT_SUPPORTED, SUCCESS, Status,
};

/// Held around `cuptiEnableCallback`, which must not be called by two threads at a time, together with what decides about
/// it. Nothing that CUPTI calls takes it.
pub(super) static CALLBACKS: Mutex<()> = Mutex::new(());

/// Whether launches through the driver are told of as they happen.
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Whether external-correlation records are collected.
static CORRELATING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The correlation id of this thread's last launch of one of NCCL's kernels; 0 for none.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Collects what tells NCCL's launches from others from now on, where CUPTI is ours. `announced`: NCCL says when a launch
/// begins and ends.
pub(crate) fn watch(announced: bool) {
    static ONCE: Once = Once::new();
    let Some(session) = session::current() else { return };
    ONCE.call_once(|| {
        let _alone = CALLBACKS.lock().unwrap_or_else(PoisonError::into_inner);
        WATCHING.store(true, Ordering::Relaxed);
        if let Err(status) = look_at_launches(session) {
            WATCHING.store(false, Ordering::Relaxed);
            if announced {
                return correlate(session);
            }
            session::note(&session::failed("times of NCCL calls are unknown", status));
        }
    });
}

fn correlate(session: &Session) {
    // Where several tools are allowed there are always callbacks.
    let has_ids = session.api.push_external.is_some() && session.api.pop_external.is_some();
    if !has_ids || session.shared.is_some() {
        return session::note("times of NCCL calls are unknown: this CUPTI is too old");
    }
    let failed = [DRIVER_CALL, KIND_EXTERNAL_CORRELATION].into_iter().find_map(|kind| {
        let status = session.enable(kind);
        (status != SUCCESS).then_some(status)
    });
    match failed {
        None => CORRELATING.store(true, Ordering::Relaxed),
        Some(status) => session::note(&session::failed("times of NCCL calls are unknown", status)),
    }
}

/// Whether kernels are recorded at all.
pub(crate) fn is_possible() -> bool {
    session::current().is_some()
}

/// Whether launches through the driver are watched for NCCL's sake.
pub(super) fn is_watching() -> bool {
    WATCHING.load(Ordering::Relaxed)
}

/// Whether calls of the driver are recorded for the sake of [`push`].
pub(super) fn needs_driver_calls() -> bool {
    CORRELATING.load(Ordering::Relaxed)
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

/// The correlation id of the launch of one of NCCL's kernels that this thread made since the last call; 0 for none.
pub(crate) fn take() -> u32 {
    LAST.replace(0)
}

/// The process ends.
pub(super) fn stop(session: &Session) {
    if CORRELATING.swap(false, Ordering::Relaxed) {
        session.disable_kind(KIND_EXTERNAL_CORRELATION);
    }
}

/// Asks to be told of launches through the driver; CUPTI's status when it refuses all of them.
fn look_at_launches(session: &Session) -> Result<(), Status> {
    let Some(enable) = session.api.enable_callback else { return Err(NOT_SUPPORTED) };
    let subscriber = session.subscriber.load(Ordering::Relaxed);
    let statuses = LAUNCHES.map(|launch| {
        // SAFETY: the subscriber is ours; a call that this CUPTI does not know is an error without effect.
        unsafe { enable(1, subscriber, DRIVER_API, launch) }
    });
    if statuses.contains(&SUCCESS) { Ok(()) } else { Err(statuses[0]) }
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
