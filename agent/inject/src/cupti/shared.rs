//! CUPTI with several tools at a time: the functions that name their subscriber.
//!
//! From CUDA 13.3 on, with a driver of its generation, a subscriber may let others beside it. All of its calls must then be
//! of this family, which the library refuses to mix with the older one. Everything that the family must have for our
//! purposes is looked up, or it is left alone.
#![expect(unsafe_code, reason = "the binary interface of CUPTI")]

use std::ffi::c_void;
use std::mem::offset_of;

use super::buffers::{buffer_completed, request_buffer};
use super::loader::function;
use super::sys::{ApiCallback, Status};

/// `CUPTI_API_VERSION` of CUDA 13.3.
const SINCE: u32 = 130_300;
/// That of CUDA 13.2, whose `CUpti_SubscriberParams` has the last field.
const WITH_CHOICE: u32 = 130_200;

/// `CUPTI_ACTIVITY_ATTR_THREAD_ID_TYPE` and `CUPTI_ACTIVITY_ATTR_TIMESTAMP_CALLBACK`.
pub(super) const ATTRIBUTE_THREAD_IDS: u32 = 21;
pub(super) const ATTRIBUTE_TIMESTAMP: u32 = 22;

/// `CUPTI_OLD_SUBSCRIBER_NAME_MIN_LEN`.
const HOLDER_BYTES: usize = 64;

pub(super) type Subscribe =
    unsafe extern "C" fn(*mut *mut c_void, ApiCallback, *mut c_void, *mut Parameters) -> Status;
type Request = extern "C" fn(*mut *mut u8, *mut usize, *mut usize, *const c_void);
type Completed = extern "C" fn(*mut u8, usize, usize, *const c_void);

/// `CUpti_SubscriberParams`.
#[repr(C)]
pub(super) struct Parameters {
    size: usize,
    name: *const u8,
    holder: *mut u8,
    holder_bytes: usize,
    allow_others: u8,
    padding: [u8; 7],
}

const _: () = {
    assert!(offset_of!(Parameters, holder) == 16);
    assert!(offset_of!(Parameters, allow_others) == 32);
    assert!(size_of::<Parameters>() == 40);
};

/// The functions of the family; each is looked up by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) register_callbacks: unsafe extern "C" fn(*mut c_void, Request, Completed) -> Status,
    pub(super) enable: unsafe extern "C" fn(*mut c_void, u32, *mut c_void) -> Status,
    pub(super) disable: unsafe extern "C" fn(*mut c_void, u32, *mut c_void) -> Status,
    pub(super) next_record:
        unsafe extern "C" fn(*mut c_void, *mut u8, usize, *mut *mut u8) -> Status,
    pub(super) dropped_records:
        unsafe extern "C" fn(*mut c_void, *mut c_void, u32, *mut usize) -> Status,
    pub(super) set_attribute:
        unsafe extern "C" fn(*mut c_void, u32, *mut usize, *mut c_void) -> Status,
    pub(super) enable_runtime_call: unsafe extern "C" fn(*mut c_void, u32, u8) -> Status,
    pub(super) enable_driver_call: unsafe extern "C" fn(*mut c_void, u32, u8) -> Status,
}

impl Shared {
    /// Those of the library, where it has them all.
    pub(super) fn of(library: *mut c_void, version: u32) -> Option<Self> {
        if version < SINCE {
            return None;
        }
        // SAFETY: (all) each field has the type that CUPTI's documentation gives to this function.
        unsafe {
            Some(Self {
                register_callbacks: function(library, c"cuptiActivityRegisterCallbacks_v2")?,
                enable: function(library, c"cuptiActivityEnable_v2")?,
                disable: function(library, c"cuptiActivityDisable_v2")?,
                next_record: function(library, c"cuptiActivityGetNextRecord_v2")?,
                dropped_records: function(library, c"cuptiActivityGetNumDroppedRecords_v2")?,
                set_attribute: function(library, c"cuptiActivitySetAttribute_v2")?,
                enable_runtime_call: function(library, c"cuptiActivityEnableRuntimeApi_v2")?,
                enable_driver_call: function(library, c"cuptiActivityEnableDriverApi_v2")?,
            })
        }
    }

    /// Registers our buffers.
    pub(super) fn register(&self, subscriber: *mut c_void) -> Status {
        // SAFETY: both callbacks stay where they are; the library is never unmapped.
        unsafe { (self.register_callbacks)(subscriber, request, completed) }
    }
}

/// What came of subscribing.
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) subscriber: *mut c_void,
    /// Who holds CUPTI, as it calls them; empty when it did not say.
    pub(super) holder: String,
}

/// Subscribes by the function that names who was there before. `others`: whether others may be beside us.
pub(super) fn subscribe(
    subscribe: Subscribe,
    version: u32,
    callback: ApiCallback,
    others: bool,
) -> Answer {
    let mut holder = [0_u8; HOLDER_BYTES];
    let has_choice = version >= WITH_CHOICE;
    let mut parameters = Parameters {
        size: if has_choice {
            size_of::<Parameters>()
        } else {
            offset_of!(Parameters, allow_others)
        },
        name: c"perfagent".as_ptr().cast(),
        holder: holder.as_mut_ptr(),
        holder_bytes: holder.len() - 1,
        allow_others: others.into(),
        padding: [0; 7],
    };
    let mut subscriber = std::ptr::null_mut();
    // SAFETY: all places are valid, and the size says how much of the parameters there is.
    let status = unsafe {
        subscribe(&raw mut subscriber, callback, std::ptr::null_mut(), &raw mut parameters)
    };
    let length = holder.iter().position(|byte| *byte == 0).unwrap_or(0);
    let holder = String::from_utf8_lossy(&holder[..length]).trim().to_owned();
    // compute-sanitizer is `<not provided>`.
    let holder = if holder.starts_with('<') { String::new() } else { holder };
    Answer { status, subscriber, holder }
}

/// CUPTI wants a buffer.
extern "C" fn request(
    buffer: *mut *mut u8,
    size: *mut usize,
    most: *mut usize,
    _more: *const c_void,
) {
    request_buffer(buffer, size, most);
}

/// CUPTI gives a buffer back.
extern "C" fn completed(buffer: *mut u8, size: usize, valid: usize, _more: *const c_void) {
    buffer_completed(std::ptr::null_mut(), 0, buffer, size, valid);
}
