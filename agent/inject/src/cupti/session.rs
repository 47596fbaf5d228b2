//! The way in for CUDA programs, and what is set up there.
#![expect(unsafe_code, reason = "the door that the driver calls, and calls into CUPTI")]

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Once, OnceLock};

use perfagent_spool::{LossCause, MonotonicNs};

use super::buffers::{Buffers, buffer_completed, request_buffer};
use super::graphs::Watch;
use super::scope::Refused;
use super::shared::Shared;
use super::sys::{ATTRIBUTE_ZEROED_BUFFERS, Api, SUCCESS, Status, remedy};
use super::{api_call, callbacks, flush, kind, launch, loader, scope, waits};
use crate::config::{Config, Graphs};
use crate::door::door;
use crate::inbox::{self, Item};
use crate::{capture, lifecycle, losses};

/// A CUPTI that answers to us.
pub(super) struct Session {
    pub(super) api: Api,
    /// The functions in use instead of some of `api`'s, where other tools may be beside us.
    pub(super) shared: Option<Shared>,
    pub(super) buffers: Buffers,
    /// Whether records are stamped with `CLOCK_MONOTONIC`; else with `CLOCK_REALTIME`.
    pub(super) monotonic: AtomicBool,
    /// What `cuptiSubscribe` gave us.
    pub(super) subscriber: AtomicPtr<c_void>,
    /// `cuptiGetVersion`.
    pub(super) version: u32,
    /// The names of CUDA's functions.
    pub(super) calls: api_call::Names,
    /// Whether records of calls carry the kernel's numbers of threads.
    pub(super) threads_known: AtomicBool,
    pub(super) graphs: Watch,
    /// Whether kinds may be enabled.
    pub(super) is_set_up: AtomicBool,
}

/// `CUPTI_API_VERSION` of CUDA 11.8: older ones have shorter records.
const OLDEST: u32 = 18;

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
    let (library, api) = match loader::load(config) {
        Ok(api) => api,
        Err(error) => {
            losses::add(LossCause::BlockedCupti, 1);
            return note(&format!("GPU operations are not recorded: {error}"));
        }
    };
    let mut version = 0;
    // SAFETY: `version` is a valid place for the answer.
    unsafe { (api.get_version)(&raw mut version) };
    if version < OLDEST {
        losses::add(LossCause::BlockedCupti, 1);
        return note(&format!(
            "GPU operations are not recorded: this libcupti (API version {version}) is older than that of CUDA 11.8"
        ));
    }
    // Subscribing first tells whether another tool holds CUPTI.
    let held = match scope::hold(&api, library, version) {
        Ok(held) => held,
        Err(refused) => {
            losses::add(LossCause::BlockedCupti, 1);
            return note(&blocked(&refused));
        }
    };
    let session = Session {
        api,
        shared: held.shared,
        buffers: Buffers::new(),
        monotonic: AtomicBool::new(false),
        subscriber: AtomicPtr::new(held.subscriber),
        version,
        calls: config.api.then(api_call::Names::new).unwrap_or_default(),
        threads_known: AtomicBool::new(false),
        graphs: Watch::new(config.graphs == Graphs::Automatic),
        is_set_up: AtomicBool::new(false),
    };
    let session = SESSION.get_or_init(|| session);
    session.set_up(config);
    if let Err(error) = flush::spawn(session, config.flush_period) {
        note(&format!("GPU operations are recorded only when CUPTI's buffers are full: {error}"));
    }
    // Registered after whatever libcuda registered when it was loaded, so it runs before that is torn down.
    lifecycle::at_exit(flush::on_exit);
}

impl Session {
    /// Whether calls of the CUDA API are recorded.
    pub(super) fn records_calls(&self) -> bool {
        self.calls.are_wanted()
    }

    fn set_up(&self, config: &Config) {
        self.monotonic.store(self.stamp_by(timestamp), Ordering::Relaxed);
        // Only saves CUPTI some work; if it does not know the attribute it clears the buffers itself.
        self.set_attribute(ATTRIBUTE_ZEROED_BUFFERS, 1_u8);
        let status = self.register_buffers();
        if status != SUCCESS {
            losses::add(LossCause::BlockedCupti, 1);
            return note(&failed("GPU operations are not recorded: no buffers for CUPTI", status));
        }
        let numbered = self.number_threads();
        self.threads_known.store(numbered, Ordering::Relaxed);
        if config.api {
            if !numbered {
                note("calls of the CUDA API come without their threads: this CUPTI is too old");
            }
            api_call::mute(self);
        }
        callbacks::watch(self);
        waits::watch(self);
        kind::enable_places(self);
        capture::settled(|is_on| {
            self.is_set_up.store(true, Ordering::Relaxed);
            if is_on {
                kind::enable(self, config);
            }
        });
        lifecycle::debug(&format!("CUPTI {}: recording", self.version));
    }

    /// Has CUPTI fill our buffers.
    fn register_buffers(&self) -> Status {
        match &self.shared {
            Some(shared) => shared.register(self.subscriber.load(Ordering::Relaxed)),
            // SAFETY: both callbacks stay where they are; the library is never unmapped.
            None => unsafe { (self.api.register_callbacks)(request_buffer, buffer_completed) },
        }
    }

    /// Stops collecting, as far as CUPTI lets us.
    pub(super) fn disable(&self) {
        kind::disable_everything(self);
        launch::stop(self);
    }
}

/// What the user should know when another tool was first.
fn blocked(refused: &Refused) -> String {
    let Refused { status, holder } = refused;
    if holder.is_empty() {
        return failed("GPU operations are not recorded: CUPTI refused", *status);
    }
    format!(
        "GPU operations are not recorded: CUPTI refused (CUPTI error {status}: {holder} already holds it)"
    )
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
