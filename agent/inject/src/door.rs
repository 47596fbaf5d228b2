//! The frame of every function that code of others calls: an unwind never leaves it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::lifecycle;

/// Runs `inside`. If it panics, recording stops for good and the caller gets `otherwise`.
#[inline]
pub(crate) fn door<T>(otherwise: T, inside: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(inside)) {
        Ok(value) => value,
        Err(panic) => {
            lifecycle::turn_off();
            // Dropping a panic's payload may run code that panics again.
            std::mem::forget(panic);
            otherwise
        }
    }
}
