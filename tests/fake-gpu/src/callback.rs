//! CUPTI's callbacks: who watches calls of CUDA is told as they begin and end.

use std::collections::HashSet;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::cupti::{INVALID_PARAMETER, SUBSCRIBER};
use crate::number;

/// `CUpti_CallbackFunc`.
pub(crate) type Callback = extern "C" fn(*mut c_void, c_int, u32, *const c_void);

const NOT_SUPPORTED: c_int = 27;
/// The handle of the one context, and CUPTI's number for it.
pub(crate) const CONTEXT: usize = 0xc0;
const CONTEXT_NUMBER: u64 = 1;

#[derive(Default)]
struct State {
    /// What `cuptiSubscribe` was given.
    callback: Option<(Callback, usize)>,
    watched: HashSet<(c_int, u32)>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn with<T>(inside: impl FnOnce(&mut State) -> T) -> T {
    inside(STATE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Remembers whom to call.
pub(crate) fn subscribe(callback: Callback, user: *mut c_void) {
    with(|state| state.callback = Some((callback, user.expose_provenance())));
}

/// Watches a call, or stops to; nothing is watched with `FAKE_GPU_CALLBACKS=0`, and what has the number
/// `FAKE_GPU_DENY_CALLBACK` in either domain is refused.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiEnableCallback(
    enable: u32,
    subscriber: *mut c_void,
    domain: c_int,
    id: u32,
) -> c_int {
    if subscriber.addr() != SUBSCRIBER {
        return INVALID_PARAMETER;
    }
    if number("FAKE_GPU_CALLBACKS") == Some(0)
        || number("FAKE_GPU_DENY_CALLBACK") == Some(u64::from(id))
    {
        return NOT_SUPPORTED;
    }
    with(|state| {
        if enable == 1 {
            state.watched.insert((domain, id))
        } else {
            state.watched.remove(&(domain, id))
        }
    });
    0
}

/// A call of this domain begins and ends: tells who watches it.
pub(crate) fn call(domain: c_int, id: u32, symbol: *const c_char, correlation: u32) {
    tell(domain, id, symbol, correlation, &[], || 0);
}

/// A call with these parameters, within which `inside` happens, whose answer it gives.
pub(crate) fn call_with(
    domain: c_int,
    id: u32,
    correlation: u32,
    parameters: &[usize],
    inside: impl FnOnce() -> c_int,
) -> c_int {
    tell(domain, id, ptr::null(), correlation, parameters, inside)
}

/// The data are laid out here by offset, as CUPTI has them.
fn tell(
    domain: c_int,
    id: u32,
    symbol: *const c_char,
    correlation: u32,
    parameters: &[usize],
    inside: impl FnOnce() -> c_int,
) -> c_int {
    let watching =
        || with(|state| state.callback.filter(|_| state.watched.contains(&(domain, id))));
    // What the two calls share.
    let mut between = 0_u64;
    let mut answer: c_int = 0;
    let mut data = [0_u64; 9];
    data[2] = parameters.as_ptr().expose_provenance() as u64;
    data[3] = (&raw mut answer).expose_provenance() as u64;
    data[4] = symbol.expose_provenance() as u64;
    data[5] = CONTEXT as u64;
    data[6] = CONTEXT_NUMBER;
    data[7] = (&raw mut between).expose_provenance() as u64;
    data[8] = u64::from(correlation);
    let mut tell = |site| {
        if let Some((callback, user)) = watching() {
            data[0] = site;
            callback(ptr::with_exposed_provenance_mut(user), domain, id, data.as_ptr().cast());
        }
    };
    tell(0);
    answer = inside();
    tell(1);
    answer
}
