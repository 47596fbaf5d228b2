//! Autograd from outside: gradients of given outputs, functions of our own, storages that come and go.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Mutex;

use tch::Tensor;

use super::sys::{
    Opaque, Raw, pa_backward, pa_bridge, pa_set_grad, pa_storage_release, pa_storage_restore,
};
use super::{check, last_error, raw};
use crate::failure::{Failure, Result};

/// Makes `parameter.grad` be `gradient`, so that backward accumulates into that memory; or none.
pub(crate) fn set_grad(parameter: &Tensor, gradient: Option<&Tensor>) -> Result<()> {
    // SAFETY: live tensors or null; the shim takes its own references.
    let ok = unsafe { pa_set_grad(raw(parameter), gradient.map_or(ptr::null(), raw)) };
    check(ok, "a gradient cannot be set")
}

/// Runs backward from these outputs with these gradients (none: of a scalar, 1) into the leaves that they depend on.
pub(crate) fn backward(outputs: &[(&Tensor, Option<&Tensor>)]) -> Result<()> {
    let tensors: Vec<Raw> = outputs.iter().map(|(tensor, _)| raw(tensor)).collect();
    let gradients: Vec<Raw> =
        outputs.iter().map(|(_, gradient)| gradient.map_or(ptr::null(), raw)).collect();
    // SAFETY: two arrays of the same length, of live tensors or null, read only during the call.
    let ok = unsafe { pa_backward(tensors.as_ptr(), gradients.as_ptr(), tensors.len()) };
    if ok != 0 {
        return Ok(());
    }
    // What one of our own functions had to say comes before what libtorch makes of it.
    Err(take_failure().unwrap_or_else(|| failure(&last_error())))
}

/// A function with a backward of our own.
pub(crate) trait Bridge: Send + Sync {
    /// The output, outside of autograd.
    fn forward(&self, inputs: &[Tensor]) -> Result<Tensor>;

    /// The gradient of each input, in their order. `inputs` are those of forward if they were kept, else none.
    fn backward(&self, inputs: &[Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// Why a bridge failed within backward, until `backward` returns: C++ frames lie between.
static FAILED: Mutex<Option<Failure>> = Mutex::new(None);

fn take_failure() -> Option<Failure> {
    FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
}

fn failure(text: &str) -> Failure {
    tch::TchError::Torch(text.to_owned()).into()
}

/// Runs the body; notes a failure or panic, neither of which may cross C++ frames.
fn noted<T>(body: impl FnOnce() -> Result<T>) -> Option<T> {
    let answer = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Failure::run("a part of backward has panicked")));
    answer
        .map_err(|failure| {
            *FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failure);
        })
        .ok()
}

/// The tensors behind an array of pointers, as references of our own.
///
/// # Safety
/// The pointers are to live tensors.
unsafe fn tensors(pointers: *const Raw, count: usize) -> Vec<Tensor> {
    // SAFETY: the caller's promise.
    let one = |at| unsafe { Tensor::clone_from_ptr((*pointers.add(at)).cast_mut().cast()) };
    (0..count).map(one).collect()
}

/// A tensor whose ownership passes to the shim.
fn give(tensor: Tensor) -> *mut Opaque {
    let pointer = tensor.as_ptr().cast_mut().cast();
    std::mem::forget(tensor);
    pointer
}

/// Applies the function; with `keep` backward is given the inputs.
pub(crate) fn bridge(function: Box<dyn Bridge>, inputs: &[&Tensor], keep: bool) -> Result<Tensor> {
    type Function = Box<dyn Bridge>;
    extern "C" fn forward(context: *mut c_void, inputs: *const Raw, count: usize) -> *mut Opaque {
        // SAFETY: (both) the box leaked below; the shim passes live tensors.
        let (function, inputs) = unsafe { (&*context.cast::<Function>(), tensors(inputs, count)) };
        noted(|| function.forward(&inputs)).map_or(ptr::null_mut(), give)
    }
    extern "C" fn backward(
        context: *mut c_void,
        inputs: *const Raw,
        count: usize,
        gradient: Raw,
        out: *mut *mut Opaque,
        wanted: usize,
    ) -> c_int {
        // SAFETY: (all) as in forward.
        let (function, inputs, gradient) = unsafe {
            (
                &*context.cast::<Function>(),
                tensors(inputs, count),
                Tensor::clone_from_ptr(gradient.cast_mut().cast()),
            )
        };
        let Some(gradients) = noted(|| function.backward(&inputs, &gradient)) else { return 0 };
        for (at, gradient) in gradients.into_iter().enumerate().take(wanted) {
            // SAFETY: the shim gives room for as many as there were inputs, filled with null.
            unsafe { *out.add(at) = gradient.map_or(ptr::null_mut(), give) };
        }
        1
    }
    extern "C" fn free(context: *mut c_void) {
        // SAFETY: the box leaked below; the shim calls this exactly once.
        drop(unsafe { Box::from_raw(context.cast::<Function>()) });
    }
    let pointers: Vec<Raw> = inputs.iter().map(|tensor| raw(tensor)).collect();
    let context: *mut Function = Box::into_raw(Box::new(function));
    // SAFETY: live tensors; the context passes to the shim, which frees it also when it fails.
    let out = unsafe {
        pa_bridge(
            pointers.as_ptr(),
            pointers.len(),
            c_int::from(keep),
            forward,
            backward,
            free,
            context.cast(),
        )
    };
    if out.is_null() {
        return Err(take_failure().unwrap_or_else(|| failure(&last_error())));
    }
    // SAFETY: a tensor that the shim has made for us.
    Ok(unsafe { Tensor::from_ptr(out.cast()) })
}

/// Gives the memory of a tensor back; it, its views, and what autograd has kept of them must not be read until
/// `restore_storage`: a view would read from an address of its own. `parallel::Gather` and tests alone call this.
pub(crate) fn release_storage(tensor: &Tensor) -> Result<()> {
    // SAFETY: a live tensor, which the caller promises not to read meanwhile.
    check(unsafe { pa_storage_release(raw(tensor)) }, "memory cannot be given back")
}

/// Gives a tensor memory again, with any content.
pub(crate) fn restore_storage(tensor: &Tensor) -> Result<()> {
    // SAFETY: a live tensor.
    let ok = unsafe { pa_storage_restore(raw(tensor)) };
    if ok != 0 { Ok(()) } else { Err(failure(&last_error())) }
}
