//! Which libcupti: the one that the process already has, else one that can be found. Two in one process are trouble.
#![expect(unsafe_code, reason = "libraries are opened and symbols looked up by libc calls")]

use std::ffi::{CStr, CString, c_void};
use std::path::Path;

use super::sys::Api;

/// Names by which programs load it, newest first.
const NAMES: [&CStr; 4] =
    [c"libcupti.so.13", c"libcupti.so.12", c"libcupti.so.11.8", c"libcupti.so"];

/// Finds and opens libcupti; the error names what was tried.
pub(super) fn load(cuda_home: Option<&Path>) -> Result<(*mut c_void, Api), String> {
    let loaded = NAMES.iter().find_map(|name| open(name, libc::RTLD_NOLOAD));
    let library = loaded
        .or_else(|| NAMES.iter().find_map(|name| open(name, 0)))
        .or_else(|| cuda_home.and_then(open_in_toolkit))
        .ok_or_else(|| {
            "no libcupti found: neither in the process, nor on the library path, nor in \
             CUDA_HOME/extras/CUPTI/lib64; install the package nvidia-cuda-cupti of the program's CUDA version"
                .to_owned()
        })?;
    Ok((library, resolve(library)?))
}

fn open_in_toolkit(home: &Path) -> Option<*mut c_void> {
    ["extras/CUPTI/lib64/libcupti.so", "lib64/libcupti.so"].iter().find_map(|place| {
        let path = CString::new(home.join(place).into_os_string().into_encoded_bytes()).ok()?;
        open(&path, 0)
    })
}

fn open(name: &CStr, mode: i32) -> Option<*mut c_void> {
    // SAFETY: the name ends with 0; the library's own initialisers are run as if the program had opened it.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL | mode) };
    (!library.is_null()).then_some(library)
}

/// The function of this name, if the library has it.
///
/// # Safety
/// `F` is the type of a pointer to that function.
pub(super) unsafe fn function<F: Copy>(library: *mut c_void, name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: the handle came from `dlopen` (or is a pseudo handle), and the name ends with 0.
    let address = unsafe { libc::dlsym(library, name.as_ptr()) };
    // SAFETY: the symbol is a function of this type, as the caller promises, and the sizes are equal.
    (!address.is_null()).then(|| unsafe { std::mem::transmute_copy(&address) })
}

fn resolve(library: *mut c_void) -> Result<Api, String> {
    /// Looks a function up as the type of the field that it is assigned to.
    macro_rules! needed {
        ($name:literal) => {
            // SAFETY: the field has the type that CUPTI's documentation gives to this function.
            unsafe { function(library, $name) }
                .ok_or_else(|| format!("libcupti has no {}", $name.to_string_lossy()))?
        };
    }
    Ok(Api {
        get_version: needed!(c"cuptiGetVersion"),
        subscribe: needed!(c"cuptiSubscribe"),
        register_callbacks: needed!(c"cuptiActivityRegisterCallbacks"),
        enable: needed!(c"cuptiActivityEnable"),
        disable: needed!(c"cuptiActivityDisable"),
        flush_all: needed!(c"cuptiActivityFlushAll"),
        next_record: needed!(c"cuptiActivityGetNextRecord"),
        dropped_records: needed!(c"cuptiActivityGetNumDroppedRecords"),
        set_attribute: needed!(c"cuptiActivitySetAttribute"),
        // SAFETY: (all) as above.
        subscribe_named: unsafe { function(library, c"cuptiSubscribe_v2") },
        // SAFETY: see above.
        enable_callback: unsafe { function(library, c"cuptiEnableCallback") },
        // SAFETY: see above.
        callback_name: unsafe { function(library, c"cuptiGetCallbackName") },
        // SAFETY: see above.
        set_thread_ids: unsafe { function(library, c"cuptiSetThreadIdType") },
        // SAFETY: see above.
        enable_runtime_call: unsafe { function(library, c"cuptiActivityEnableRuntimeApi") },
        // SAFETY: see above.
        enable_driver_call: unsafe { function(library, c"cuptiActivityEnableDriverApi") },
        // SAFETY: see above.
        push_external: unsafe { function(library, c"cuptiActivityPushExternalCorrelationId") },
        // SAFETY: see above.
        pop_external: unsafe { function(library, c"cuptiActivityPopExternalCorrelationId") },
        // SAFETY: see above.
        register_timestamp: unsafe { function(library, c"cuptiActivityRegisterTimestampCallback") },
    })
}
