//! Holding CUPTI: with other tools beside us where it can do that, else alone; and the calls that differ between the two.
//!
//! Alone means that a second tool, torch.profiler say, is refused, and that we are where another was first. Then CUPTI may
//! tell who that is.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;

use super::api_call;
use super::callbacks::callback;
use super::session::Session;
use super::shared::{self, ATTRIBUTE_THREAD_IDS, ATTRIBUTE_TIMESTAMP, Shared, Subscribe};
use super::sys::{Api, MULTIPLE_SUBSCRIBERS, SUCCESS, Status, Timestamp};

/// A subscription.
pub(super) struct Held {
    pub(super) subscriber: *mut c_void,
    /// The functions of the family that lets others be, when we have subscribed by it.
    pub(super) shared: Option<Shared>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: Status,
    /// Who holds CUPTI; empty when that is not known.
    pub(super) holder: String,
}

/// Subscribes.
pub(super) fn hold(api: &Api, library: *mut c_void, version: u32) -> Result<Held, Refused> {
    if let Some((by, family)) = api.subscribe_named.zip(Shared::of(library, version)) {
        let answer = shared::subscribe(by, version, callback, true);
        if answer.status == SUCCESS {
            return Ok(Held { subscriber: answer.subscriber, shared: Some(family) });
        }
        // The driver may be too old for it, or somebody holds CUPTI alone.
    }
    let mut subscriber = ptr::null_mut();
    // SAFETY: the place is valid, and the callback stays where it is.
    let status = unsafe { (api.subscribe)(&raw mut subscriber, callback, ptr::null_mut()) };
    if status == SUCCESS {
        return Ok(Held { subscriber, shared: None });
    }
    let by = api.subscribe_named.filter(|_| status == MULTIPLE_SUBSCRIBERS);
    by.map_or(Err(Refused { status, holder: String::new() }), |by| named(by, version))
}

/// Subscribes alone by the function that says who else has.
fn named(by: Subscribe, version: u32) -> Result<Held, Refused> {
    let answer = shared::subscribe(by, version, callback, false);
    if answer.status == SUCCESS {
        // It was given up a moment ago.
        return Ok(Held { subscriber: answer.subscriber, shared: None });
    }
    Err(Refused { status: answer.status, holder: answer.holder })
}

impl Session {
    fn scope(&self) -> Option<(&Shared, *mut c_void)> {
        Some((self.shared.as_ref()?, self.subscriber.load(Ordering::Relaxed)))
    }

    /// Collects activity of a kind.
    pub(super) fn enable(&self, kind: u32) -> Status {
        // SAFETY: (both) functions of this CUPTI; no configuration means the whole records.
        unsafe {
            match self.scope() {
                Some((shared, subscriber)) => (shared.enable)(subscriber, kind, ptr::null_mut()),
                None => (self.api.enable)(kind),
            }
        }
    }

    /// Collects it no longer.
    pub(super) fn disable_kind(&self, kind: u32) -> Status {
        // SAFETY: (both) functions of this CUPTI; a kind that was never enabled is an error without effect.
        unsafe {
            match self.scope() {
                Some((shared, subscriber)) => (shared.disable)(subscriber, kind, ptr::null_mut()),
                None => (self.api.disable)(kind),
            }
        }
    }

    /// Steps to the record after `record` in a buffer, or to the first one.
    ///
    /// # Safety
    /// The buffer came back from CUPTI with `valid` bytes, and `record` is null or what this gave before.
    pub(super) unsafe fn next_record(
        &self,
        buffer: *mut u8,
        valid: usize,
        record: &mut *mut u8,
    ) -> Status {
        // SAFETY: (both) functions of this CUPTI, and the caller's promise.
        unsafe {
            match self.scope() {
                Some((shared, subscriber)) => {
                    (shared.next_record)(subscriber, buffer, valid, record)
                }
                None => (self.api.next_record)(buffer, valid, record),
            }
        }
    }

    /// Records that CUPTI has dropped since it was asked last; 0 when it does not say.
    pub(super) fn dropped(&self) -> u64 {
        let mut dropped = 0;
        let (none, place) = (ptr::null_mut(), &raw mut dropped);
        // SAFETY: (both) functions of this CUPTI, with a valid place for the answer.
        let status = unsafe {
            match self.scope() {
                Some((shared, subscriber)) => (shared.dropped_records)(subscriber, none, 0, place),
                None => (self.api.dropped_records)(none, 0, place),
            }
        };
        if status == SUCCESS { dropped as u64 } else { 0 }
    }

    /// Sets an attribute. `T` is the type that the attribute has.
    pub(super) fn set_attribute<T: Copy>(&self, attribute: u32, value: T) -> Status {
        let (mut value, mut size) = (value, size_of::<T>());
        let place: *mut c_void = (&raw mut value).cast();
        // SAFETY: (both) functions of this CUPTI; the value is as long as the size says.
        unsafe {
            match self.scope() {
                Some((shared, subscriber)) => {
                    (shared.set_attribute)(subscriber, attribute, &raw mut size, place)
                }
                None => (self.api.set_attribute)(attribute, &raw mut size, place),
            }
        }
    }

    /// Has records stamped by `clock`. Whether CUPTI does so.
    pub(super) fn stamp_by(&self, clock: Timestamp) -> bool {
        if self.shared.is_some() {
            // Since CUDA 13.4; before, nobody may choose a clock while others are allowed.
            return self.set_attribute(ATTRIBUTE_TIMESTAMP, clock) == SUCCESS;
        }
        // SAFETY: a function of this CUPTI, called as documented: before any kind is enabled.
        self.api.register_timestamp.is_some_and(|register| unsafe { register(clock) } == SUCCESS)
    }

    /// Has threads numbered as the kernel does. Whether CUPTI does so.
    pub(super) fn number_threads(&self) -> bool {
        if self.shared.is_some() {
            let ids = api_call::SYSTEM_THREADS;
            return self.set_attribute(ATTRIBUTE_THREAD_IDS, ids) == SUCCESS;
        }
        api_call::number_threads(&self.api)
    }

    /// Records no calls of this function of the runtime or of the driver.
    pub(super) fn mute_call(&self, runtime: bool, function: u32) {
        // SAFETY: (all) functions of this CUPTI, and a call that it knows the name of.
        unsafe {
            if let Some((shared, subscriber)) = self.scope() {
                let enable =
                    if runtime { shared.enable_runtime_call } else { shared.enable_driver_call };
                enable(subscriber, function, 0);
            } else if let Some(enable) =
                if runtime { self.api.enable_runtime_call } else { self.api.enable_driver_call }
            {
                enable(function, 0);
            }
        }
    }
}
