//! Copies between host memory and the device, timed by events: through page-locked memory, which the device reads by
//! itself, and through ordinary memory, which the driver copies once more.
#![expect(unsafe_code, reason = "allocates page-locked memory")]

use cudarc::driver::{CudaSlice, HostSlice};

use super::bench::Bench;
use crate::{CeilingError, Rate};

const BYTES: usize = 256 << 20;

/// Through page-locked memory.
pub(super) fn pinned(bench: &Bench) -> Result<Vec<Rate>, CeilingError> {
    let gpu = bench.gpu;
    // Without write combining, so that the host can read what comes back, as programs do.
    // SAFETY: the memory is written below before it is read.
    let mut host = unsafe { gpu.context.alloc_pinned_with_flags::<u8>(BYTES, 0) }
        .map_err(gpu.refused("lock host memory"))?;
    host.as_mut_slice().map_err(gpu.refused("lock host memory"))?.fill(1);
    both(bench, &mut host)
}

/// Through memory that any program has.
pub(super) fn pageable(bench: &Bench) -> Result<Vec<Rate>, CeilingError> {
    both(bench, &mut vec![1_u8; BYTES])
}

fn both(bench: &Bench, host: &mut impl HostSlice<u8>) -> Result<Vec<Rate>, CeilingError> {
    let gpu = bench.gpu;
    let mut device: CudaSlice<u8> =
        gpu.stream.alloc_zeros(BYTES).map_err(gpu.refused("allocate an array on the device"))?;
    let up = bench.on_device(&bench.figure(), || {
        gpu.stream.memcpy_htod(host, &mut device).map_err(gpu.refused("copy to the device"))
    })?;
    gpu.stream.synchronize().map_err(gpu.refused("copy to the device"))?;
    let down = bench.on_device(&bench.figure(), || {
        gpu.stream.memcpy_dtoh(&device, host).map_err(gpu.refused("copy from the device"))
    })?;
    gpu.stream.synchronize().map_err(gpu.refused("copy from the device"))?;
    let bytes = BYTES as u64;
    Ok(vec![up.rate("host_to_device", bytes), down.rate("device_to_host", bytes)])
}
