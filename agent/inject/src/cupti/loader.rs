//! Which libcupti: the one that the process already has, else one that can be found. Two in one process are trouble.
#![expect(unsafe_code, reason = "libraries are opened and symbols looked up by libc calls")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::path::PathBuf;

use super::search::{self, GENERATIONS, Generation};
use super::sys::Api;
use crate::config::Config;

/// As some programs link it, without a version.
const UNVERSIONED: &CStr = c"libcupti.so";

/// Finds and opens libcupti; the error names what was tried.
pub(super) fn load(config: &Config) -> Result<(*mut c_void, Api), String> {
    let library = loaded().or_else(|| find(config)).ok_or_else(|| {
        "no libcupti found: neither in the process, nor in its Python packages, nor in \
         CUDA_HOME/extras/CUPTI/lib64, nor on the library path; install the package nvidia-cuda-cupti of the program's \
         CUDA version"
            .to_owned()
    })?;
    Ok((library, resolve(library)?))
}

/// The one that the process has. A program may have loaded it by a name without version.
fn loaded() -> Option<*mut c_void> {
    let names = GENERATIONS.iter().map(|generation| generation.name).chain([UNVERSIONED]);
    names.into_iter().find_map(|name| open(name, libc::RTLD_NOLOAD))
}

/// One of the CUDA version that the process uses: a newer or older libcupti beside its runtime would not work.
fn find(config: &Config) -> Option<*mut c_void> {
    let packages = search::site_packages(config);
    let fitting = fitting();
    // The program's own packages first, of whichever version: it will load that one itself.
    fitting
        .iter()
        .find_map(|generation| first_of(generation.in_packages(&packages)))
        .or_else(|| {
            fitting.iter().find_map(|generation| {
                first_of(generation.in_toolkit(config.cuda_home.as_deref()))
                    .or_else(|| open(generation.name, 0))
            })
        })
        .or_else(|| open(UNVERSIONED, 0))
}

/// The first of these files that can be opened.
fn first_of(files: Vec<PathBuf>) -> Option<*mut c_void> {
    files
        .into_iter()
        .find_map(|file| open(&CString::new(file.into_os_string().into_encoded_bytes()).ok()?, 0))
}

/// The generations that fit: that of the CUDA runtime which the process has loaded, else those that the driver knows, as
/// a runtime that is linked statically shows nowhere.
fn fitting() -> Vec<Generation> {
    let of_runtime: Vec<_> = GENERATIONS
        .into_iter()
        .filter(|generation| open(generation.runtime, libc::RTLD_NOLOAD).is_some())
        .collect();
    if !of_runtime.is_empty() {
        return of_runtime;
    }
    let known = driver_major().unwrap_or(u32::MAX);
    GENERATIONS.into_iter().filter(|generation| generation.major <= known).collect()
}

type GetVersion = unsafe extern "C" fn(*mut c_int) -> c_int;

/// The CUDA version of the driver, which may be asked for before `cuInit` is done.
fn driver_major() -> Option<u32> {
    let driver = open(c"libcuda.so.1", libc::RTLD_NOLOAD)?;
    // SAFETY: the function has this type.
    let get: GetVersion = unsafe { function(driver, c"cuDriverGetVersion") }?;
    let mut version = 0;
    // SAFETY: a valid place for the answer.
    let status = unsafe { get(&raw mut version) };
    // 13020 is CUDA 13.2.
    (status == 0).then_some(version as u32 / 1000)
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

/// The functions of a library; the error names the one that is missing.
pub(super) fn resolve(library: *mut c_void) -> Result<Api, String> {
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
        stream_number: unsafe { function(library, c"cuptiGetStreamIdEx") },
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
