//! Time of the host to launch a layer's operations, one by one or as captured graphs.

use crate::constants::{Constant, Constants};
use crate::setup::Setup;

/// Launching a graph, seconds. NVIDIA documents a few microseconds with its own driver calls alone; this is with the framework's call
/// around it. CUDA.jl's manual (`cuda.juliagpu.org/dev/usage/graphs`) measures 3.5 µs of the processor for a graph of 80 kernels,
/// 8 µs for one of a small network.
pub(crate) const GRAPH_S: f64 = 10e-6;
/// Each node of a graph, seconds, at most: of what is not a straight line of kernels.
pub(crate) const NODE_S: f64 = 1e-6;
/// Operations of a layer, forward and backward, in PyTorch without fusion.
const NODES: f64 = 100.0;
/// Graphs of a layer: forward and backward, as Megatron-LM captures them (`--cuda-graph-impl local`).
const GRAPHS: f64 = 2.0;

/// Seconds of the host a layer, forward and backward without recomputation.
pub(crate) fn layer(setup: &Setup, constants: &Constants) -> f64 {
    let one_by_one = constants[Constant::host_layer_s]
        * (1.0 + constants[Constant::host_tensor] * (setup.tp - 1.0));
    if setup.cuda_graphs { one_by_one.min(GRAPHS * GRAPH_S + NODES * NODE_S) } else { one_by_one }
}
