//! The C++ shim behind safe Rust: the key-value store, the process group, gradient hooks, `AdamW`.
//! The only module with `unsafe`; every other one works with these types.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr::NonNull;
use std::time::Duration;

use tch::Tensor;

use crate::failure::{Failure, Result};

/// A C++ object that only the shim looks into.
type Opaque = c_void;
/// `at::Tensor*`, the pointer type of tch.
type Raw = *const Opaque;
type DoneFn = extern "C" fn(*mut c_void);

unsafe extern "C" {
    fn pa_last_error() -> *const c_char;
    fn pa_quiet();
    fn pa_store_new(host: *const c_char, port: u16, server: c_int, timeout_ms: i64) -> *mut Opaque;
    fn pa_store_free(store: *mut Opaque);
    fn pa_store_set(store: *mut Opaque, key: *const c_char, data: *const u8, size: usize) -> c_int;
    fn pa_store_get(
        store: *mut Opaque,
        key: *const c_char,
        take: extern "C" fn(*mut c_void, *const u8, usize),
        context: *mut c_void,
    ) -> c_int;
    fn pa_store_delete(store: *mut Opaque, key: *const c_char) -> c_int;
    fn pa_group_new(
        store: *mut Opaque,
        name: *const c_char,
        rank: c_int,
        size: c_int,
        host: *const c_char,
        timeout_ms: i64,
    ) -> *mut Opaque;
    fn pa_group_free(group: *mut Opaque);
    fn pa_all_reduce(g: *mut Opaque, tensor: Raw, done: DoneFn, ctx: *mut c_void) -> *mut Opaque;
    fn pa_reduce_scatter(
        g: *mut Opaque,
        out: Raw,
        input: Raw,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    fn pa_all_gather(
        g: *mut Opaque,
        out: Raw,
        input: Raw,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    fn pa_broadcast(
        g: *mut Opaque,
        tensor: Raw,
        root: c_int,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    fn pa_barrier(g: *mut Opaque, done: DoneFn, ctx: *mut c_void) -> *mut Opaque;
    fn pa_wait(pending: *mut Opaque) -> c_int;
    fn pa_pending_free(pending: *mut Opaque);
    fn pa_set_grad(parameter: Raw, gradient: Raw) -> c_int;
    fn pa_on_gradient(
        parameter: Raw,
        ready: extern "C" fn(*mut c_void, usize),
        ctx: *mut c_void,
        index: usize,
    ) -> c_int;
    fn pa_adamw(
        parameters: *const Raw,
        gradients: *const Raw,
        first: *const Raw,
        second: *const Raw,
        count: usize,
        step: Raw,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
    ) -> c_int;
    fn pa_open_cuda(path: *const c_char) -> c_int;
    fn pa_observe_operators() -> c_int;
}

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

/// From now on every libtorch operator is an NVTX range in the domain "torch".
pub(crate) fn observe_operators() -> Result<()> {
    // SAFETY: registers callbacks that live as long as the program.
    check(unsafe { pa_observe_operators() }, "the operator observer cannot be installed")
}

/// Makes `parameter.grad` be `gradient`, so that backward accumulates into that memory.
pub(crate) fn set_grad(parameter: &Tensor, gradient: &Tensor) -> Result<()> {
    // SAFETY: both are live tensors; the shim takes its own references.
    check(unsafe { pa_set_grad(raw(parameter), raw(gradient)) }, "a gradient cannot be set")
}

/// Calls `ready(index)` each time backward has finished the gradient of `parameter`.
/// The closure lives as long as the program: autograd keeps the hook with the parameter.
pub(crate) fn on_gradient<F: Fn(usize) + Sync>(
    parameter: &Tensor,
    ready: &'static F,
    index: usize,
) -> Result<()> {
    extern "C" fn call<F: Fn(usize)>(context: *mut c_void, index: usize) {
        // SAFETY: the context is the `&'static F` given below.
        let ready = unsafe { &*context.cast::<F>() };
        // A panic must not cross C++ frames; the missing launch is noticed when the step waits.
        let _ = catch_unwind(AssertUnwindSafe(|| ready(index)));
    }
    let context = std::ptr::from_ref(ready).cast_mut().cast();
    // SAFETY: the context is valid for ever and `F: Sync`, so any thread of autograd may call it.
    let ok = unsafe { pa_on_gradient(raw(parameter), call::<F>, context, index) };
    check(ok, "a gradient hook cannot be set")
}

/// One tensor of each kind for a parameter (or a part of one) that `AdamW` updates in place.
pub(crate) struct AdamWTensors {
    /// The fp32 master weights.
    pub parameter: Tensor,
    /// Their gradient, already clipped.
    pub gradient: Tensor,
    /// Running mean of the gradient.
    pub first_moment: Tensor,
    /// Running mean of its square.
    pub second_moment: Tensor,
}

/// The numbers of one `AdamW` step.
#[derive(Clone, Copy)]
pub(crate) struct AdamWNumbers {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub weight_decay: f64,
    pub eps: f64,
}

/// Updates all the tensors with libtorch's fused `AdamW`. `step` holds the step number, from 1.
pub(crate) fn adamw(tensors: &[AdamWTensors], step: &Tensor, numbers: AdamWNumbers) -> Result<()> {
    let column = |of: fn(&AdamWTensors) -> &Tensor| -> Vec<Raw> {
        tensors.iter().map(|tensors| raw(of(tensors))).collect()
    };
    let parameters = column(|t| &t.parameter);
    let gradients = column(|t| &t.gradient);
    let first = column(|t| &t.first_moment);
    let second = column(|t| &t.second_moment);
    // SAFETY: four arrays of `tensors.len()` live tensors each, read only during the call.
    let ok = unsafe {
        pa_adamw(
            parameters.as_ptr(),
            gradients.as_ptr(),
            first.as_ptr(),
            second.as_ptr(),
            tensors.len(),
            raw(step),
            numbers.lr,
            numbers.beta1,
            numbers.beta2,
            numbers.weight_decay,
            numbers.eps,
        )
    };
    check(ok, "AdamW failed")
}

/// c10d's key-value store over TCP; rank 0 serves it.
pub(crate) struct Store(NonNull<Opaque>);

impl Store {
    /// Connects, or serves when `server`. `timeout` bounds the connection and every later wait.
    pub(crate) fn new(host: &str, port: u16, server: bool, timeout: Duration) -> Result<Self> {
        let name = text(host)?;
        // SAFETY: a NUL-terminated host name; the result is owned here.
        let store = unsafe {
            pa_store_new(name.as_ptr(), port, c_int::from(server), timeout.as_millis() as i64)
        };
        NonNull::new(store).map(Self).ok_or_else(|| {
            let reason = last_error();
            if server {
                Failure::run(format!(
                    "cannot listen on port {port} ({reason}); choose another MASTER_PORT"
                ))
            } else {
                Failure::Peer(format!(
                    "rank 0 does not answer at {host}:{port} ({reason}); check MASTER_ADDR and MASTER_PORT"
                ))
            }
        })
    }

    /// Publishes a value.
    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = text(key)?;
        // SAFETY: pointer and length describe `value`, copied during the call.
        let ok =
            unsafe { pa_store_set(self.0.as_ptr(), key.as_ptr(), value.as_ptr(), value.len()) };
        check(ok, "the key-value store of rank 0 is gone").map_err(peer)
    }

    /// Waits for a value, at most the store's time-out.
    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>> {
        extern "C" fn take(context: *mut c_void, data: *const u8, size: usize) {
            // SAFETY: the context is the vector below; data and size come from a C++ vector.
            unsafe {
                let out = &mut *context.cast::<Vec<u8>>();
                if size > 0 {
                    out.extend_from_slice(std::slice::from_raw_parts(data, size));
                }
            }
        }
        let name = text(key)?;
        let mut value = Vec::new();
        // SAFETY: `take` is called at most once, before the call returns, with this vector.
        let ok = unsafe {
            pa_store_get(
                self.0.as_ptr(),
                name.as_ptr(),
                take,
                std::ptr::from_mut(&mut value).cast(),
            )
        };
        check(ok, &format!("no answer for '{key}'")).map_err(peer)?;
        Ok(value)
    }

    /// Forgets a value.
    pub(crate) fn delete(&self, key: &str) -> Result<()> {
        let key = text(key)?;
        // SAFETY: a NUL-terminated key.
        let ok = unsafe { pa_store_delete(self.0.as_ptr(), key.as_ptr()) };
        check(ok, "the key-value store of rank 0 is gone").map_err(peer)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: created by pa_store_new and freed once.
        unsafe { pa_store_free(self.0.as_ptr()) }
    }
}

fn peer(failure: Failure) -> Failure {
    match failure {
        Failure::Run(text) => Failure::Peer(text),
        other => other,
    }
}

/// c10d's Gloo process group: collectives between processes over TCP.
pub(crate) struct GlooGroup(NonNull<Opaque>);

// SAFETY: the object may be used from any thread, one at a time; the engine keeps it behind a mutex.
unsafe impl Send for GlooGroup {}

/// Runs when a collective is complete, on the thread that completed it.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

/// Which collective, and on what.
pub(crate) enum Operation<'a> {
    AllReduceSum(&'a Tensor),
    ReduceScatterSum { out: &'a Tensor, input: &'a Tensor },
    AllGather { out: &'a Tensor, input: &'a Tensor },
    Broadcast { tensor: &'a Tensor, root: i32 },
    Barrier,
}

impl GlooGroup {
    /// Connects all the ranks; returns when each has joined. An empty `host` binds to the address
    /// that this machine's name resolves to.
    pub(crate) fn new(
        store: &Store,
        name: &str,
        (rank, size): (usize, usize),
        host: &str,
        timeout: Duration,
    ) -> Result<Self> {
        let (name, host) = (text(name)?, text(host)?);
        // SAFETY: a live store and NUL-terminated strings; the result is owned here.
        let group = unsafe {
            pa_group_new(
                store.0.as_ptr(),
                name.as_ptr(),
                rank as c_int,
                size as c_int,
                host.as_ptr(),
                timeout.as_millis() as i64,
            )
        };
        NonNull::new(group)
            .map(Self)
            .ok_or_else(|| Failure::Peer(format!("the ranks cannot connect: {}", last_error())))
    }

    /// Issues a collective and returns at once. The tensors are kept alive by libtorch until it ends.
    pub(crate) fn issue(&self, operation: &Operation<'_>, done: Done) -> Result<GlooPending> {
        extern "C" fn finish(context: *mut c_void) {
            // SAFETY: the box leaked below; the shim calls this exactly once.
            let done = unsafe { Box::from_raw(context.cast::<Done>()) };
            // A panic must not reach Gloo's thread.
            let _ = catch_unwind(AssertUnwindSafe(done));
        }
        let group = self.0.as_ptr();
        let context = Box::into_raw(Box::new(done));
        let ctx = context.cast();
        // SAFETY: a live group and live tensors; `ctx` passes to `finish` when the call succeeds.
        let pending = unsafe {
            match operation {
                Operation::AllReduceSum(tensor) => pa_all_reduce(group, raw(tensor), finish, ctx),
                Operation::ReduceScatterSum { out, input } => {
                    pa_reduce_scatter(group, raw(out), raw(input), finish, ctx)
                }
                Operation::AllGather { out, input } => {
                    pa_all_gather(group, raw(out), raw(input), finish, ctx)
                }
                Operation::Broadcast { tensor, root } => {
                    pa_broadcast(group, raw(tensor), *root, finish, ctx)
                }
                Operation::Barrier => pa_barrier(group, finish, ctx),
            }
        };
        NonNull::new(pending).map(GlooPending).ok_or_else(|| {
            // SAFETY: the call failed before it took the context, so the box is still ours.
            drop(unsafe { Box::from_raw(context) });
            Failure::Peer(format!("a collective cannot be issued: {}", last_error()))
        })
    }
}

impl Drop for GlooGroup {
    fn drop(&mut self) {
        // SAFETY: created by pa_group_new and freed once.
        unsafe { pa_group_free(self.0.as_ptr()) }
    }
}

/// A collective under way.
pub(crate) struct GlooPending(NonNull<Opaque>);

// SAFETY: c10d's Work is made to be waited for from any thread.
unsafe impl Send for GlooPending {}

impl GlooPending {
    /// Waits until the result is there, at most the group's time-out.
    pub(crate) fn wait(&self) -> Result<()> {
        // SAFETY: a live work object.
        if unsafe { pa_wait(self.0.as_ptr()) } != 0 {
            return Ok(());
        }
        Err(Failure::Peer(format!("another rank is gone or stuck: {}", last_error())))
    }
}

impl Drop for GlooPending {
    fn drop(&mut self) {
        // SAFETY: created by the shim and freed once.
        unsafe { pa_pending_free(self.0.as_ptr()) }
    }
}
