//! What CUDA says about the GPUs that the process sees.
#![expect(unsafe_code, reason = "calls into the CUDA driver")]

use std::ffi::{CStr, c_char, c_int};

use super::loader::function;
use crate::inbox::{self, Device, Item};

const SM_COUNT: c_int = 16;
const CC_MAJOR: c_int = 75;
const CC_MINOR: c_int = 76;

type GetCount = unsafe extern "C" fn(*mut c_int) -> c_int;
type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
type GetName = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
type GetMemory = unsafe extern "C" fn(*mut usize, c_int) -> c_int;
type GetAttribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
type GetUuid = unsafe extern "C" fn(*mut [u8; 16], c_int) -> c_int;

struct Driver {
    count: GetCount,
    get: Get,
    name: GetName,
    memory: GetMemory,
    attribute: GetAttribute,
    uuid: GetUuid,
}

/// Reports the devices. `false` when CUDA is not ready yet; ask again later.
pub(super) fn report() -> bool {
    // Without a driver in the process there never will be an answer.
    let Some(driver) = driver() else { return true };
    let mut count = 0;
    // SAFETY: a valid place for the answer.
    if unsafe { (driver.count)(&raw mut count) } != 0 {
        return false;
    }
    for ordinal in 0..count {
        if let Some(device) = describe(&driver, ordinal) {
            inbox::put(Item::Device(Box::new(device)));
        }
    }
    true
}

fn describe(driver: &Driver, ordinal: c_int) -> Option<Device> {
    let mut handle = 0;
    let mut name = [0 as c_char; 256];
    let mut total_bytes = 0;
    let mut uuid = [0; 16];
    // SAFETY: every answer has a valid place, of the length that is passed where one is.
    unsafe {
        if (driver.get)(&raw mut handle, ordinal) != 0
            || (driver.name)(name.as_mut_ptr(), 255, handle) != 0
            || (driver.memory)(&raw mut total_bytes, handle) != 0
            || (driver.uuid)(&raw mut uuid, handle) != 0
        {
            return None;
        }
    }
    let attribute = |which| {
        let mut value = 0;
        // SAFETY: a valid place for the answer.
        let status = unsafe { (driver.attribute)(&raw mut value, which, handle) };
        if status == 0 { value as u32 } else { 0 }
    };
    // SAFETY: the array was zero and its last byte was not written, so a 0 ends the text.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Some(Device {
        ordinal: ordinal as u32,
        name: name.to_bytes().to_owned(),
        uuid,
        total_bytes: total_bytes as u64,
        sm_count: attribute(SM_COUNT),
        cc_major: attribute(CC_MAJOR),
        cc_minor: attribute(CC_MINOR),
    })
}

/// The driver that the process has already loaded; none is loaded for this.
fn driver() -> Option<Driver> {
    // SAFETY: asks for a library that is there already.
    let library =
        unsafe { libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
    let library = if library.is_null() { libc::RTLD_DEFAULT } else { library };
    /// Looks a function up as the type of the field that it is assigned to.
    macro_rules! needed {
        ($name:literal) => {
            // SAFETY: the field has the type that the driver's documentation gives to this function.
            unsafe { function(library, $name) }
        };
    }
    Some(Driver {
        count: needed!(c"cuDeviceGetCount")?,
        get: needed!(c"cuDeviceGet")?,
        name: needed!(c"cuDeviceGetName")?,
        memory: needed!(c"cuDeviceTotalMem_v2")?,
        attribute: needed!(c"cuDeviceGetAttribute")?,
        uuid: needed!(c"cuDeviceGetUuid_v2").or_else(|| needed!(c"cuDeviceGetUuid"))?,
    })
}
