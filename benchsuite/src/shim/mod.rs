//! The C++ shim behind safe Rust: the key-value store, the process group, autograd, memory, optimizers.
//! The only module with `unsafe`; every other one works with these types.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

mod autograd;
mod gloo;
mod memory;
mod nccl;
mod optimizer;
mod store;
mod sys;

pub(crate) use autograd::{Bridge, backward, bridge, release_storage, restore_storage, set_grad};
pub(crate) use gloo::{GlooGroup, GlooPending, Operation};
pub(crate) use memory::{
    Kind as MemoryKind, Kinds as MemoryKinds, count as count_memory, device_peak, reset_peak,
};
pub(crate) use nccl::{NcclGroup, NcclPending};
pub(crate) use optimizer::{AdamWNumbers, SgdNumbers, Updated, adamw, sgd};
pub(crate) use store::Store;

use std::ffi::{CStr, CString, c_int};
use std::path::Path;

use tch::Tensor;

use crate::failure::{Failure, Result};
use sys::{
    Raw, pa_compute_capability, pa_free_device_memory, pa_last_error, pa_observe_operators,
    pa_open_cuda, pa_quiet, pa_set_tf32, pa_torch_version,
};

/// The reason of the last failure on this thread.
fn last_error() -> String {
    // SAFETY: the shim returns a NUL-terminated string that lives until its next failure on this thread.
    unsafe { CStr::from_ptr(pa_last_error()) }.to_string_lossy().into_owned()
}

fn text(value: &str) -> Result<CString> {
    CString::new(value).map_err(|_| Failure::input(format!("{value:?} contains a NUL byte")))
}

fn check(ok: c_int, what: &str) -> Result<()> {
    if ok != 0 { Ok(()) } else { Err(Failure::run(format!("{what}: {}", last_error()))) }
}

fn raw(tensor: &Tensor) -> Raw {
    tensor.as_ptr().cast()
}

/// The version of libtorch, such as `2.11.0`.
pub(crate) fn torch_version() -> String {
    // SAFETY: a literal of the shim.
    unsafe { CStr::from_ptr(pa_torch_version()) }.to_string_lossy().into_owned()
}

/// Stops libtorch's own warnings: this program says the same in one line.
pub(crate) fn quiet() {
    // SAFETY: sets one integer flag of libc10, before any other thread logs.
    unsafe { pa_quiet() }
}

/// Brings in the CUDA half of libtorch, which is not linked.
pub(crate) fn open_cuda(library: &Path) -> Result<()> {
    let path = text(&library.to_string_lossy())?;
    // SAFETY: a NUL-terminated path; loading runs only libtorch's own initialisers.
    check(unsafe { pa_open_cuda(path.as_ptr()) }, "libtorch_cuda.so cannot be loaded")
}

/// The GPU's compute capability, as 90 for 9.0; the CUDA half of libtorch is there.
pub(crate) fn compute_capability() -> Result<i32> {
    // SAFETY: asks CUDA's runtime for two numbers of the current device.
    let capability = unsafe { pa_compute_capability() };
    check(capability, "the GPU does not tell its compute capability")?;
    Ok(capability)
}

/// Bytes of the GPU's memory that are free; the CUDA half of libtorch is there. None where CUDA's runtime does not say.
pub(crate) fn free_device_memory() -> Option<u64> {
    // SAFETY: asks CUDA's runtime for two numbers of the current device.
    let free = unsafe { pa_free_device_memory() };
    u64::try_from(free).ok().filter(|free| *free > 0)
}

/// Says whether products of fp32 matrices and convolutions may round their inputs to tf32.
pub(crate) fn set_tf32(allowed: bool) -> Result<()> {
    // SAFETY: sets flags of libtorch.
    check(unsafe { pa_set_tf32(c_int::from(allowed)) }, "tf32 cannot be chosen")
}

/// From now on every libtorch operator is an NVTX range in the domain "torch".
pub(crate) fn observe_operators() -> Result<()> {
    // SAFETY: registers callbacks that live as long as the program.
    check(unsafe { pa_observe_operators() }, "the operator observer cannot be installed")
}
