//! c10d's key-value store.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use super::sys::{
    Opaque, pa_store_delete, pa_store_free, pa_store_get, pa_store_new, pa_store_set,
};
use super::{check, last_error, text};
use crate::failure::{Failure, Result};

/// c10d's key-value store over TCP; rank 0 serves it.
pub(crate) struct Store(pub(super) NonNull<Opaque>);

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
