//! Copies between page-locked host memory and the device, timed by events.
#![expect(unsafe_code, reason = "allocates page-locked memory")]

use super::driver::{Gpu, elapsed};
use crate::{CeilingError, Rate};

const BYTES: usize = 256 << 20;
const REPETITIONS: usize = 10;

pub(super) fn measure(gpu: &Gpu) -> Result<Vec<Rate>, CeilingError> {
    // Without write combining, so that the host can read what comes back, as programs do.
    // SAFETY: the memory is written below before it is read.
    let mut host = unsafe { gpu.context.alloc_pinned_with_flags::<u8>(BYTES, 0) }
        .map_err(gpu.refused("lock host memory"))?;
    host.as_mut_slice().map_err(gpu.refused("lock host memory"))?.fill(1);
    let mut device = gpu
        .stream
        .alloc_zeros::<u8>(BYTES)
        .map_err(gpu.refused("allocate an array on the device"))?;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for repetition in 0..=REPETITIONS {
        let marks = [gpu.event()?, gpu.event()?, gpu.event()?, gpu.event()?];
        let record =
            |mark: usize| marks[mark].record(&gpu.stream).map_err(gpu.refused("record an event"));
        record(0)?;
        gpu.stream.memcpy_htod(&host, &mut device).map_err(gpu.refused("copy to the device"))?;
        record(1)?;
        gpu.stream.synchronize().map_err(gpu.refused("copy to the device"))?;
        record(2)?;
        gpu.stream.memcpy_dtoh(&device, &mut host).map_err(gpu.refused("copy from the device"))?;
        record(3)?;
        gpu.stream.synchronize().map_err(gpu.refused("copy from the device"))?;
        if repetition > 0 {
            up.push(elapsed(gpu, &marks[0], &marks[1])?);
            down.push(elapsed(gpu, &marks[2], &marks[3])?);
        }
    }
    let bytes = BYTES as u64;
    Ok(vec![Rate::new("host_to_device", bytes, &up), Rate::new("device_to_host", bytes, &down)])
}
