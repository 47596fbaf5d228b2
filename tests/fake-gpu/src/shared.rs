//! The functions of CUPTI that name their subscriber: `FAKE_GPU_SEVERAL=1` lets several tools record, as CUDA 13.3 does
//! with a driver of its generation.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use crate::callback::{self, Callback};
use crate::cupti::{self, Completed, Family, INVALID_PARAMETER, Request, SUBSCRIBER};
use crate::number;
use crate::version::Version;

/// `CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED`.
const MULTIPLE_SUBSCRIBERS: c_int = 39;

type RequestMore = extern "C" fn(*mut *mut u8, *mut usize, *mut usize, *const c_void);
type CompletedMore = extern "C" fn(*mut u8, usize, usize, *const c_void);

/// Subscribes, alone or beside others; says who is there as `FAKE_GPU_HOLDER` has it when that cannot be.
///
/// # Panics
/// When the parameters are not those of the version that is played.
///
/// # Safety
/// `subscriber` is a valid place, and the parameters are those of the version that is played.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiSubscribe_v2(
    subscriber: *mut *mut c_void,
    callback: Callback,
    user: *mut c_void,
    parameters: *const u8,
) -> c_int {
    let version = Version::played();
    // SAFETY: (all) the caller's promise; the fields stand at these places.
    let (size, name, holder, room) = unsafe {
        let field = |at: usize| parameters.add(at).cast::<usize>().read_unaligned();
        (field(0), field(8), field(16), field(24))
    };
    let expected = if version >= Version::Cuda13_2 { 40 } else { 32 };
    assert_eq!(size, expected, "the parameters of this version");
    // SAFETY: a text, by the caller's promise.
    let name = unsafe { CStr::from_ptr(ptr::with_exposed_provenance(name)) };
    assert_eq!(name, c"perfagent");
    // SAFETY: only parameters of this length have this field.
    let wants_others = size == 40 && unsafe { parameters.add(32).read() } == 1;
    let may_have_others = version >= Version::Cuda13_4 && number("FAKE_GPU_SEVERAL") == Some(1);
    let is_held = number("FAKE_GPU_SUBSCRIBE").is_some();
    if wants_others && !may_have_others || !wants_others && is_held {
        let text = std::env::var("FAKE_GPU_HOLDER").unwrap_or_default();
        let length = text.len().min(room);
        let place: *mut u8 = ptr::with_exposed_provenance_mut(holder);
        // SAFETY: there is that much room, and one byte more for the end.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), place, length);
            place.add(length).write(0);
        }
        return MULTIPLE_SUBSCRIBERS;
    }
    callback::subscribe(callback, user);
    // SAFETY: the caller's promise.
    unsafe { *subscriber = ptr::without_provenance_mut(SUBSCRIBER) };
    0
}

/// What `with` answers for our subscriber, when the other family is not in use.
fn scoped(subscriber: *mut c_void, with: impl FnOnce() -> c_int) -> c_int {
    if subscriber.addr() != SUBSCRIBER {
        return INVALID_PARAMETER;
    }
    cupti::of_family(Family::Named, with)
}

/// As `cuptiActivityRegisterCallbacks`.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityRegisterCallbacks_v2(
    subscriber: *mut c_void,
    request: RequestMore,
    completed: CompletedMore,
) -> c_int {
    scoped(subscriber, || {
        cupti::register(Request::More(request), Completed::More(completed));
        0
    })
}

/// As `cuptiActivityEnable`.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnable_v2(
    subscriber: *mut c_void,
    kind: u32,
    _configuration: *const c_void,
) -> c_int {
    scoped(subscriber, || cupti::enable(kind))
}

/// As `cuptiActivityDisable`.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityDisable_v2(
    subscriber: *mut c_void,
    kind: u32,
    _configuration: *const c_void,
) -> c_int {
    scoped(subscriber, || cupti::disable(kind))
}

/// As `cuptiActivityGetNextRecord`.
///
/// # Safety
/// As for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivityGetNextRecord_v2(
    subscriber: *mut c_void,
    buffer: *mut u8,
    valid: usize,
    record: *mut *mut u8,
) -> c_int {
    // SAFETY: the caller's promise.
    scoped(subscriber, || unsafe { cupti::next_record(buffer, valid, record) })
}

/// As `cuptiActivityGetNumDroppedRecords`.
///
/// # Safety
/// `dropped` is a valid place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivityGetNumDroppedRecords_v2(
    subscriber: *mut c_void,
    _context: *mut c_void,
    _stream: u32,
    dropped: *mut usize,
) -> c_int {
    scoped(subscriber, || {
        // SAFETY: the caller's promise.
        unsafe { *dropped = cupti::dropped() };
        0
    })
}

/// Knows the clock and, without effect, every other attribute.
///
/// # Safety
/// `value` is a valid value of the attribute's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuptiActivitySetAttribute_v2(
    subscriber: *mut c_void,
    attribute: u32,
    _size: *mut usize,
    value: *mut c_void,
) -> c_int {
    const TIMESTAMP_CALLBACK: u32 = 22;
    scoped(subscriber, || {
        if attribute == TIMESTAMP_CALLBACK {
            // SAFETY: the value of this attribute is such a function.
            cupti::stamp_by(unsafe { value.cast::<cupti::Timestamp>().read() });
        }
        0
    })
}

/// Chatty functions of the runtime are muted.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnableRuntimeApi_v2(
    subscriber: *mut c_void,
    function: u32,
    enable: u8,
) -> c_int {
    scoped(subscriber, || crate::surroundings::cuptiActivityEnableRuntimeApi(function, enable))
}

/// Chatty functions of the driver are muted.
#[unsafe(no_mangle)]
pub extern "C" fn cuptiActivityEnableDriverApi_v2(
    subscriber: *mut c_void,
    function: u32,
    enable: u8,
) -> c_int {
    scoped(subscriber, || crate::surroundings::cuptiActivityEnableDriverApi(function, enable))
}
