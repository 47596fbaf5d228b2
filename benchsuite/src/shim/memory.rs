//! What libtorch's CPU memory is used for: every allocation is counted under the kind set where it is made.
#![expect(unsafe_code, reason = "the one door to the C++ shim; see shim/shim.cpp")]

use std::ffi::c_int;
use std::sync::Once;

use serde::{Deserialize, Serialize};
use tch::Device;

use super::check;
use super::sys::{
    pa_count_memory, pa_device_peak_bytes, pa_device_reset_peak, pa_memory_bytes, pa_memory_kind,
    pa_memory_reset_peak,
};
use crate::failure::Result;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Activations, temporaries, and whatever no other kind was said for.
    Activations = 0,
    /// Weights, master weights included.
    Parameters = 1,
    /// Gradients of weights.
    Gradients = 2,
    /// The optimizer's state.
    Optimizer = 3,
    /// Buffers of collectives.
    Communication = 4,
}

impl Kind {
    /// Counts what this thread allocates under this kind until the answer is dropped.
    pub(crate) fn scope(self) -> Scope {
        // SAFETY: sets a number of this thread.
        Scope(unsafe { pa_memory_kind(self as c_int) })
    }

    /// Bytes held now.
    pub(crate) fn bytes(self) -> i64 {
        // SAFETY: reads a counter.
        unsafe { pa_memory_bytes(self as c_int, 0) }
    }

    fn peak(self) -> i64 {
        // SAFETY: reads a counter.
        unsafe { pa_memory_bytes(self as c_int, 1) }
    }
}

/// Until dropped, allocations of this thread are of a kind.
#[must_use]
pub(crate) struct Scope(c_int);

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: sets a number of this thread.
        let _ = unsafe { pa_memory_kind(self.0) };
    }
}

/// Bytes by kind.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kinds {
    /// All together, at their common peak.
    pub total: i64,
    pub parameters: i64,
    pub gradients: i64,
    pub optimizer: i64,
    pub activations: i64,
    pub communication: i64,
}

impl Kinds {
    /// The most of each kind, and of all together, since the last `reset_peak`.
    pub(crate) fn peak() -> Self {
        Self {
            total: total_peak(),
            parameters: Kind::Parameters.peak(),
            gradients: Kind::Gradients.peak(),
            optimizer: Kind::Optimizer.peak(),
            activations: Kind::Activations.peak(),
            communication: Kind::Communication.peak(),
        }
    }
}

fn total_peak() -> i64 {
    // SAFETY: reads a counter.
    unsafe { pa_memory_bytes(-1, 1) }
}

/// Counts memory from here on.
pub(crate) fn count() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut answer = 1;
    // SAFETY: replaces libtorch's allocator by one that counts and calls it.
    ONCE.call_once(|| answer = unsafe { pa_count_memory() });
    check(answer, "memory cannot be counted")
}

/// From now on the peak is what is held now, or more; with `device` that of the GPU too.
pub(crate) fn reset_peak(device: Device) {
    // SAFETY: sets counters; the CUDA half of libtorch is there when there is such a device.
    unsafe {
        pa_memory_reset_peak();
        if let Device::Cuda(index) = device {
            pa_device_reset_peak(index as c_int);
        }
    }
}

/// The most that libtorch has given out of the GPU's memory, and the most that it has taken for that from the driver,
/// since the last `reset_peak`; `None` of a processor, or when it does not tell.
pub(crate) fn device_peak(device: Device) -> Option<(i64, i64)> {
    let Device::Cuda(index) = device else { return None };
    let index = index as c_int;
    // SAFETY: reads counters of libtorch's allocator.
    let peaks = unsafe { (pa_device_peak_bytes(index, 0), pa_device_peak_bytes(index, 1)) };
    (peaks.0 >= 0 && peaks.1 >= 0).then_some(peaks)
}

#[cfg(test)]
mod tests {
    use tch::{Kind as Number, Tensor};

    use super::*;

    #[test]
    fn memory_is_counted_where_it_is_for() {
        count().unwrap();
        let before = (Kind::Gradients.bytes(), Kind::Activations.bytes());
        let tensor = {
            let _scope = Kind::Gradients.scope();
            Tensor::zeros([1 << 20], (Number::Float, Device::Cpu))
        };
        assert_eq!(Kind::Gradients.bytes() - before.0, 4 << 20);
        let copy = tensor.copy();
        assert!(Kind::Activations.bytes() - before.1 >= 4 << 20);
        drop((tensor, copy));
        assert_eq!(Kind::Gradients.bytes(), before.0);
        assert!(Kinds::peak().gradients >= 4 << 20);
    }
}
