//! What a launch costs: the call alone, and the call until the kernel is known to be over.
#![expect(unsafe_code, reason = "launches kernels")]

use std::time::Instant;

use cudarc::driver::LaunchConfig;

use super::compiler::{Compiler, EMPTY};
use super::driver::Gpu;
use crate::{CeilingError, Latency};

/// Fewer than the driver queues, so that no call waits for room.
const CALLS: usize = 200;

pub(super) fn measure(gpu: &Gpu, compiler: &Compiler) -> Result<Vec<Latency>, CeilingError> {
    let [empty] = gpu.functions(compiler, &EMPTY, ["empty"])?;
    let shape = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (1, 1, 1), shared_mem_bytes: 0 };
    let launch = || {
        let mut launch = gpu.stream.launch_builder(&empty);
        // SAFETY: the kernel takes no arguments and touches no memory.
        unsafe { launch.launch(shape) }.map(drop).map_err(gpu.refused("launch a kernel"))
    };
    let wait = || gpu.stream.synchronize().map_err(gpu.refused("wait for a kernel"));
    // The first launch loads the code.
    launch()?;
    wait()?;
    let (mut calls, mut round_trips) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let start = Instant::now();
        launch()?;
        calls.push(start.elapsed());
    }
    wait()?;
    for _ in 0..CALLS {
        let start = Instant::now();
        launch()?;
        wait()?;
        round_trips.push(start.elapsed());
    }
    Ok(vec![Latency::new("launch_call", &calls), Latency::new("launch_and_wait", &round_trips)])
}
