//! Stand-ins for vendor libraries, for tests only: one shared library that answers as the CUDA driver, as CUPTI and
//! as NCCL.
//!
//! A test puts it in a directory under the names `libcuda.so.1` and `libcupti.so.13` and puts that directory on the
//! library path of a target. `cuInit` loads the injection as the driver does; [`launch`] makes "the GPU" run
//! operations, whose activity records come back through the registered callbacks, in CUPTI's own layout.
//!
//! [`nccl`] loads a profiler plugin as NCCL does and calls it in NCCL's order.
//!
//! Environment: `FAKE_GPU_SUBSCRIBE=N` makes `cuptiSubscribe` answer N; `FAKE_GPU_DROPPED=N` makes it report N dropped
//! records; `FAKE_GPU_DENY=KIND` refuses one activity kind; `FAKE_GPU_HANG=1` makes the forced flush hang.
#![expect(unsafe_code, reason = "it stands in for C libraries")]

pub mod cupti;
pub mod driver;
pub mod launch;
pub mod nccl;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
