//! The way in for CUDA programs, and what is set up there.
#![expect(unsafe_code, reason = "the door that the driver calls, and calls into CUPTI")]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Once, OnceLock};

use perfagent_spool::{LossCause, MonotonicNs};

use super::buffers::{Buffers, buffer_completed, request_buffer};
use super::sys::{
    ATTRIBUTE_ZEROED_BUFFERS, Api, KIND_CONCURRENT_KERNEL, KIND_MEMCPY, KIND_MEMCPY2, KIND_MEMSET,
    SUCCESS, Status, remedy,
};
use super::{flush, launch, loader};
use crate::door::door;
use crate::inbox::{self, Item};
use crate::{lifecycle, losses};

/// What is collected, and how it is called in a remark.
const KINDS: [(u32, &str); 4] = [
    (KIND_CONCURRENT_KERNEL, "kernels"),
    (KIND_MEMCPY, "copies"),
    (KIND_MEMCPY2, "copies between GPUs"),
    (KIND_MEMSET, "fills"),
];

/// A CUPTI that answers to us.
pub(super) struct Session {
    pub(super) api: Api,
    pub(super) buffers: Buffers,
    /// Whether records are stamped with `CLOCK_MONOTONIC`; else with `CLOCK_REALTIME`.
    pub(super) monotonic: AtomicBool,
    /// What `cuptiSubscribe` gave us.
    pub(super) subscriber: AtomicPtr<c_void>,
}

static SESSION: OnceLock<Session> = OnceLock::new();

/// The session, once there is one.
pub(super) fn current() -> Option<&'static Session> {
    SESSION.get()
}

/// Called by the CUDA driver in `cuInit`. 1 is success; anything else would only be reported by the driver.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn InitializeInjection() -> c_int {
    door(1, || {
        static ONCE: Once = Once::new();
        if lifecycle::start() {
            ONCE.call_once(begin);
        }
        1
    })
}

fn begin() {
    let Some(config) = lifecycle::config() else { return };
    if !config.cupti {
        return note("GPU operations are not recorded: PERFAGENT_CUPTI=0");
    }
    let api = match loader::load(config.cuda_home.as_deref()) {
        Ok(api) => api,
        Err(error) => {
            losses::add(LossCause::BlockedCupti, 1);
            return note(&format!("GPU operations are not recorded: {error}"));
        }
    };
    let mut version = 0;
    // SAFETY: `version` is a valid place for the answer.
    unsafe { (api.get_version)(&raw mut version) };
    let mut subscriber = ptr::null_mut();
    // SAFETY: subscribing first tells whether another tool holds CUPTI; the callback is called for what `launch` asks for.
    let status = unsafe { (api.subscribe)(&raw mut subscriber, launch::callback, ptr::null_mut()) };
    if status != SUCCESS {
        losses::add(LossCause::BlockedCupti, 1);
        return note(&failed("GPU operations are not recorded: CUPTI refused", status));
    }
    let session = Session {
        api,
        buffers: Buffers::new(),
        monotonic: AtomicBool::new(false),
        subscriber: AtomicPtr::new(subscriber),
    };
    let session = SESSION.get_or_init(|| session);
    session.set_up(version);
    if let Err(error) = flush::spawn(session, config.flush_period) {
        note(&format!("GPU operations are recorded only when CUPTI's buffers are full: {error}"));
    }
    // Registered after whatever libcuda registered when it was loaded, so it runs before that is torn down.
    lifecycle::at_exit(flush::on_exit);
}

impl Session {
    fn set_up(&self, version: u32) {
        // SAFETY: a function of this CUPTI, called as documented: before any kind is enabled.
        let stamped = self.api.register_timestamp.map(|register| unsafe { register(timestamp) });
        self.monotonic.store(stamped == Some(SUCCESS), Ordering::Relaxed);
        let mut size = size_of::<u8>();
        let mut zeroed = 1_u8;
        // Only saves CUPTI some work; if it does not know the attribute it clears the buffers itself.
        // SAFETY: the value is as long as the size says.
        unsafe {
            (self.api.set_attribute)(
                ATTRIBUTE_ZEROED_BUFFERS,
                &raw mut size,
                (&raw mut zeroed).cast(),
            );
        }
        // SAFETY: both callbacks stay where they are; the library is never unmapped.
        let status = unsafe { (self.api.register_callbacks)(request_buffer, buffer_completed) };
        if status != SUCCESS {
            losses::add(LossCause::BlockedCupti, 1);
            return note(&failed("GPU operations are not recorded: no buffers for CUPTI", status));
        }
        for (kind, name) in KINDS {
            // SAFETY: a function of this CUPTI.
            let status = unsafe { (self.api.enable)(kind) };
            if status != SUCCESS {
                note(&failed(&format!("{name} are not recorded"), status));
            }
        }
        lifecycle::debug(&format!("CUPTI {version}: recording"));
    }

    /// Stops collecting, as far as CUPTI lets us.
    pub(super) fn disable(&self) {
        for (kind, _) in KINDS {
            // SAFETY: a function of this CUPTI; a kind that was never enabled is an error without effect.
            unsafe { (self.api.disable)(kind) };
        }
        launch::stop(self);
    }
}

pub(super) fn failed(what: &str, status: Status) -> String {
    format!("{what} (CUPTI error {status}: {})", remedy(status))
}

pub(super) fn note(text: &str) {
    lifecycle::debug(text);
    inbox::put(Item::Note(text.to_owned()));
}

extern "C" fn timestamp() -> u64 {
    MonotonicNs::now().0
}
