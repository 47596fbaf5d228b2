//! Calls of the CUDA API: their names, and which are not worth a record.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::ffi::{CStr, c_int};
use std::ptr;
use std::sync::OnceLock;

use super::session::Session;
use super::sys::{Api, DRIVER_API, RUNTIME_API, SUCCESS};

/// `CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM`: threads as the kernel numbers them, not as pthreads does.
pub(super) const SYSTEM_THREADS: c_int = 1;

/// Functions that ask for what the program knows already, some of them thousands of times a step: without their version
/// suffixes. `cuKernelGetName` is called in every launch while CUPTI records (CUDA 13), and by nobody else.
const CHATTY: [&[u8]; 15] = [
    b"cudaEventQuery",
    b"cudaGetDevice",
    b"cudaGetLastError",
    b"cudaPeekAtLastError",
    b"cudaStreamGetCaptureInfo",
    b"cudaStreamGetCaptureInfo_v2",
    b"cudaStreamIsCapturing",
    b"cuCtxGetCurrent",
    b"cuDevicePrimaryCtxGetState",
    b"cuEventQuery",
    b"cuKernelGetAttribute",
    b"cuKernelGetName",
    b"cuStreamGetCaptureInfo",
    b"cuStreamGetCaptureInfo_v2",
    b"cuStreamIsCapturing",
];
/// More functions than any CUDA version has.
const FUNCTIONS: u32 = 2048;

/// The name of a function, or `None` for a chatty one.
type Name = Option<Box<[u8]>>;

/// Names by domain and number.
#[derive(Debug, Default)]
pub(super) struct Names {
    driver: Vec<OnceLock<Name>>,
    runtime: Vec<OnceLock<Name>>,
}

impl Names {
    pub(super) fn new() -> Self {
        let none = || (0..FUNCTIONS).map(|_| OnceLock::new()).collect();
        Self { driver: none(), runtime: none() }
    }

    /// Whether there is anything to name.
    pub(super) fn are_wanted(&self) -> bool {
        !self.runtime.is_empty()
    }

    /// What a call is named; `None` when it is not worth a record. A function that CUPTI cannot name goes by its number.
    pub(super) fn of(&self, api: &Api, domain: c_int, function: u32) -> Option<&[u8]> {
        let names = if domain == RUNTIME_API { &self.runtime } else { &self.driver };
        let Some(place) = names.get(function as usize) else { return Some(b"CUDA function") };
        place.get_or_init(|| worth_a_record(&name(api, domain, function))).as_deref()
    }
}

fn worth_a_record(name: &[u8]) -> Name {
    (!CHATTY.contains(&plain(name))).then(|| name.into())
}

/// A function's name without the marks of its variants: `cudaGetDevice` for `cudaGetDevice_v3020` and
/// `cuStreamIsCapturing` for `cuStreamIsCapturing_ptsz`.
fn plain(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"_ptsz").or_else(|| name.strip_suffix(b"_ptds")).unwrap_or(name)
}

/// CUPTI's name for a function, without the version at its end that says since when the runtime has it.
fn name(api: &Api, domain: c_int, function: u32) -> Vec<u8> {
    let mut name = ptr::null();
    let told = api.callback_name.is_some_and(|callback_name| {
        // SAFETY: a function of this CUPTI, and a valid place for the answer.
        (unsafe { callback_name(domain, function, &raw mut name) }) == SUCCESS
    });
    if !told || name.is_null() {
        let of = if domain == RUNTIME_API { "runtime" } else { "driver" };
        return format!("{of} function {function}").into_bytes();
    }
    // SAFETY: a text that lives as long as the library.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    without_version(name).to_vec()
}

/// The runtime's names end with the version that brought them: `_v` and at least four digits.
fn without_version(name: &[u8]) -> &[u8] {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    match name[..name.len() - digits].strip_suffix(b"_v") {
        Some(plain) if digits >= 4 => plain,
        _ => name,
    }
}

/// Asks for threads as the kernel numbers them. Whether CUPTI does so.
pub(super) fn number_threads(api: &Api) -> bool {
    // SAFETY: a function of this CUPTI.
    api.set_thread_ids.is_some_and(|set| unsafe { set(SYSTEM_THREADS) } == SUCCESS)
}

/// Turns the records of chatty functions off in CUPTI, where it can do that: what it does not record costs the program
/// less than what is thrown away here.
pub(super) fn mute(session: &Session) {
    for domain in [RUNTIME_API, DRIVER_API] {
        for function in 1..FUNCTIONS {
            if worth_a_record(&name(&session.api, domain, function)).is_none() {
                session.mute_call(domain == RUNTIME_API, function);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_version_that_brought_them_and_no_more() {
        assert_eq!(without_version(b"cudaLaunchKernel_v7000"), b"cudaLaunchKernel");
        assert_eq!(
            without_version(b"cudaStreamGetCaptureInfo_v12030"),
            b"cudaStreamGetCaptureInfo"
        );
        assert_eq!(without_version(b"cuMemAlloc_v2"), b"cuMemAlloc_v2");
        assert_eq!(without_version(b"cuInit"), b"cuInit");
        assert_eq!(without_version(b""), b"");
    }

    #[test]
    fn chatty_functions_have_no_record_in_any_variant() {
        assert!(worth_a_record(b"cuStreamIsCapturing_ptsz").is_none());
        assert!(worth_a_record(b"cudaGetDevice").is_none());
        assert!(worth_a_record(b"cudaGetDeviceCount").is_some());
    }
}
