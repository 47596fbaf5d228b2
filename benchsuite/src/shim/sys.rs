//! The C interface of `shim/shim.cpp`.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::{c_char, c_int, c_void};

/// A C++ object that only the shim looks into.
pub(super) type Opaque = c_void;
/// `at::Tensor*`, the pointer type of tch.
pub(super) type Raw = *const Opaque;
pub(super) type DoneFn = extern "C" fn(*mut c_void);
/// Inputs to one output, which the shim takes over; null after a failure.
pub(super) type BridgeForward = extern "C" fn(*mut c_void, *const Raw, usize) -> *mut Opaque;
/// Kept inputs and the output's gradient to gradients of the inputs, null where there is none. Not 0 on success.
pub(super) type BridgeBackward =
    extern "C" fn(*mut c_void, *const Raw, usize, Raw, *mut *mut Opaque, usize) -> c_int;

unsafe extern "C" {
    pub(super) fn pa_last_error() -> *const c_char;
    pub(super) fn pa_torch_version() -> *const c_char;
    pub(super) fn pa_quiet();
    pub(super) fn pa_store_new(
        host: *const c_char,
        port: u16,
        server: c_int,
        timeout_ms: i64,
    ) -> *mut Opaque;
    pub(super) fn pa_store_free(store: *mut Opaque);
    pub(super) fn pa_store_set(
        store: *mut Opaque,
        key: *const c_char,
        data: *const u8,
        size: usize,
    ) -> c_int;
    pub(super) fn pa_store_get(
        store: *mut Opaque,
        key: *const c_char,
        take: extern "C" fn(*mut c_void, *const u8, usize),
        context: *mut c_void,
    ) -> c_int;
    pub(super) fn pa_store_delete(store: *mut Opaque, key: *const c_char) -> c_int;
    pub(super) fn pa_group_new(
        store: *mut Opaque,
        name: *const c_char,
        rank: c_int,
        size: c_int,
        host: *const c_char,
        timeout_ms: i64,
    ) -> *mut Opaque;
    pub(super) fn pa_group_free(group: *mut Opaque);
    pub(super) fn pa_all_reduce(
        g: *mut Opaque,
        tensor: Raw,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_reduce_scatter(
        g: *mut Opaque,
        out: Raw,
        input: Raw,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_all_gather(
        g: *mut Opaque,
        out: Raw,
        input: Raw,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_broadcast(
        g: *mut Opaque,
        tensor: Raw,
        root: c_int,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_send(
        g: *mut Opaque,
        tensor: Raw,
        to: c_int,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_receive(
        g: *mut Opaque,
        tensor: Raw,
        from: c_int,
        done: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_barrier(g: *mut Opaque, done: DoneFn, ctx: *mut c_void) -> *mut Opaque;
    pub(super) fn pa_wait(pending: *mut Opaque) -> c_int;
    pub(super) fn pa_pending_free(pending: *mut Opaque);
    pub(super) fn pa_set_grad(parameter: Raw, gradient: Raw) -> c_int;
    pub(super) fn pa_backward(outputs: *const Raw, gradients: *const Raw, count: usize) -> c_int;
    pub(super) fn pa_bridge(
        inputs: *const Raw,
        count: usize,
        keep: c_int,
        forward: BridgeForward,
        backward: BridgeBackward,
        free: DoneFn,
        ctx: *mut c_void,
    ) -> *mut Opaque;
    pub(super) fn pa_storage_release(tensor: Raw) -> c_int;
    pub(super) fn pa_storage_restore(tensor: Raw) -> c_int;
    pub(super) fn pa_count_memory() -> c_int;
    pub(super) fn pa_memory_kind(kind: c_int) -> c_int;
    pub(super) fn pa_memory_bytes(kind: c_int, peak: c_int) -> i64;
    pub(super) fn pa_device_peak_bytes(device: c_int, reserved: c_int) -> i64;
    pub(super) fn pa_device_reset_peak(device: c_int);
    pub(super) fn pa_memory_reset_peak();
    pub(super) fn pa_adamw(
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
    pub(super) fn pa_sgd(
        parameters: *const Raw,
        gradients: *const Raw,
        momenta: *const Raw,
        count: usize,
        lr: f64,
        momentum: f64,
        weight_decay: f64,
    ) -> c_int;
    pub(super) fn pa_open_cuda(path: *const c_char) -> c_int;
    pub(super) fn pa_compute_capability() -> c_int;
    pub(super) fn pa_free_device_memory() -> i64;
    pub(super) fn pa_set_tf32(allowed: c_int) -> c_int;
    pub(super) fn pa_observe_operators() -> c_int;
}
