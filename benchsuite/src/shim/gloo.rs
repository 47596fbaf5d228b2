//! c10d's Gloo process group.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::Duration;

use tch::Tensor;

use super::sys::{
    Opaque, pa_all_gather, pa_all_reduce, pa_barrier, pa_broadcast, pa_group_free, pa_group_new,
    pa_pending_free, pa_receive, pa_reduce_scatter, pa_send, pa_wait,
};
use super::{Store, last_error, raw, text};
use crate::failure::{Failure, Result};

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
    Send { tensor: &'a Tensor, to: i32 },
    Receive { tensor: &'a Tensor, from: i32 },
    Barrier,
}

impl Operation<'_> {
    /// What it works on; nothing of a barrier.
    pub(crate) fn tensors(&self) -> Vec<&Tensor> {
        match self {
            Self::AllReduceSum(tensor)
            | Self::Broadcast { tensor, .. }
            | Self::Send { tensor, .. }
            | Self::Receive { tensor, .. } => vec![tensor],
            Self::ReduceScatterSum { out, input } | Self::AllGather { out, input } => {
                vec![out, input]
            }
            Self::Barrier => Vec::new(),
        }
    }
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
                Operation::Send { tensor, to } => pa_send(group, raw(tensor), *to, finish, ctx),
                Operation::Receive { tensor, from } => {
                    pa_receive(group, raw(tensor), *from, finish, ctx)
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
