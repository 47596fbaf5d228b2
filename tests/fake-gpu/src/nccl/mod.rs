//! NCCL as a profiler plugin sees it: finds the plugin, makes communicators, and tells of calls in NCCL's order.
//!
//! [`fake_nccl`] plays one of the scenarios of `scenario`. `NCCL_PROFILER_PLUGIN` names the plugin; the file may be this very
//! library, whose `plugin` is one that logs what it is told.

mod descriptor;
mod host;
mod plugin;
mod scenario;

use std::ffi::{CStr, c_char, c_int};

/// Plays a scenario in the part of an NCCL that speaks versions up to `speaks`. Returns 0, or 1 when no plugin was found, or 2
/// when there is no such scenario.
///
/// # Safety
/// `name` is a text that ends with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fake_nccl(speaks: u32, name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    scenario::play(speaks, &name)
}
