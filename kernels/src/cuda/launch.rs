//! What a launch costs: the call alone, the call until the kernel is known to be over, one of many in a row, and one of
//! those in a CUDA graph.
#![expect(unsafe_code, reason = "launches kernels")]

use std::time::Instant;

use cudarc::driver::LaunchConfig;
use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};

use super::bench::{Bench, latency};
use super::compiler::EMPTY;
use crate::sample::Stop;
use crate::{CeilingError, Latency};

/// Fewer than the driver queues, so that no call waits for room.
const CALLS: usize = 200;
/// Launches in a row, and nodes of a graph.
const IN_A_ROW: u32 = 1000;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Latency>, CeilingError> {
    let gpu = bench.gpu;
    let [empty] = gpu.functions(bench.compiler, &EMPTY, ["empty"])?;
    // A stream of its own, because the default one cannot be captured.
    let stream = gpu.context.new_stream().map_err(gpu.refused("make a stream"))?;
    let shape = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (1, 1, 1), shared_mem_bytes: 0 };
    let launch = || {
        let mut launch = stream.launch_builder(&empty);
        // SAFETY: the kernel takes no arguments and touches no memory.
        unsafe { launch.launch(shape) }.map(drop).map_err(gpu.refused("launch a kernel"))
    };
    let wait = || stream.synchronize().map_err(gpu.refused("wait for a kernel"));
    launch()?;
    wait()?;
    let calls = Stop { least: CALLS, most: CALLS, ..bench.figure() };
    let call = latency("launch_call", &calls, 1, || {
        let start = Instant::now();
        launch()?;
        Ok(start.elapsed())
    })?;
    wait()?;
    let round_trip = latency("launch_and_wait", &calls, 1, || {
        let start = Instant::now();
        launch()?;
        wait()?;
        Ok(start.elapsed())
    })?;
    let in_a_row = latency("launch_in_a_row", &bench.figure(), IN_A_ROW, || {
        let start = Instant::now();
        (0..IN_A_ROW).try_for_each(|_| launch())?;
        wait()?;
        Ok(start.elapsed())
    })?;
    let capture = gpu.refused("capture a graph");
    stream
        .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        .map_err(&capture)?;
    let launched = (0..IN_A_ROW).try_for_each(|_| launch());
    // The capture is ended also when a launch has failed, so that the stream can be let go.
    let graph = stream.end_capture(CUgraphInstantiate_flags(0)).map_err(&capture);
    launched?;
    let graph = graph?.ok_or_else(|| CeilingError::Driver {
        device: gpu.device().to_owned(),
        doing: "capture a graph",
        said: "nothing was captured".to_owned(),
    })?;
    let of_graph = |name, parts| {
        latency(name, &bench.figure(), parts, || {
            let start = Instant::now();
            graph.launch().map_err(gpu.refused("launch a graph"))?;
            if parts == 1 {
                // The call alone; the graph must be over before it is launched again all the same.
                let taken = start.elapsed();
                wait()?;
                return Ok(taken);
            }
            wait()?;
            Ok(start.elapsed())
        })
    };
    let graph_call = of_graph("graph_launch_call", 1)?;
    let graph_node = of_graph("graph_node", IN_A_ROW)?;
    Ok(vec![call, round_trip, in_a_row, graph_call, graph_node])
}
