//! Stand-ins for vendor libraries, for tests only: one shared library that answers as the CUDA driver, as CUPTI, as NVML
//! and as NCCL.
//!
//! A test puts it in a directory under the names `libcuda.so.1`, `libcupti.so.13` and `libnvidia-ml.so.1`, as many as it
//! wants, and puts that directory on the library path of a target, of a recorder or of `perfagent health`. `cuInit` loads the injection as the driver does; [`launch`] makes "the GPU" run
//! operations, whose activity records come back through the registered callbacks, in CUPTI's own layout.
//!
//! [`nccl`] loads a profiler plugin as NCCL does and calls it in NCCL's order.
//!
//! Environment: `FAKE_GPU_SUBSCRIBE=N` makes `cuptiSubscribe` answer N; `FAKE_GPU_DROPPED=N` makes it report N dropped
//! records, and `FAKE_GPU_HOLDER` who holds CUPTI then; `FAKE_GPU_SEVERAL=1` allows several subscribers, from 13.4 on;
//! `FAKE_GPU_CALLBACKS=0` watches no calls, and `FAKE_GPU_DENY_CALLBACK=ID` not this one; `FAKE_GPU_DENY=KIND` refuses one activity kind; `FAKE_GPU_HANG=1` makes the forced flush hang, and
//! `FAKE_GPU_SLOW=MS` every flush slow; `FAKE_GPU_LATE=1` makes records come one flush late; `FAKE_GPU_CUPTI` is
//! the CUDA version whose CUPTI is played, see [`version`].
//!
//! What happens to the GPUs of NVML is in `FAKE_NVML`, words with spaces between; times are milliseconds after the first
//! call, `@MS` for ever or `@MS-MS`, from the beginning where there is none: `gpus=N`; `gpm`;
//! `hang=FUNCTION@200-900`,
//! `hang=FUNCTION/GPU@200`; `refuse=FUNCTION:CODE`; `lost=GPU@MS`; `xid=GPU:NUMBER@MS`; `library=VERSION`; `nvlink5`;
//! `process=GPU:PID`; `memory=GPU:BYTES`; and what a GPU answers, `WORD=GPU:NUMBER@MS-MS`, with the words of
//! `LEVELS` in `nvml/script.rs`: `ecc=1:4`, `reasons=0:0x80@200-900`, `brake=0:50` (percent of the time).
#![expect(unsafe_code, reason = "it stands in for C libraries")]

pub mod bench;
pub mod callback;
pub mod cupti;
pub mod driver;
pub mod launch;
pub mod load;
pub mod nccl;
pub mod nvml;
pub mod shared;
pub mod surroundings;
pub mod version;
pub mod wait;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
