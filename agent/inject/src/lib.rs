//! The library that is loaded into the recorded process, as `libperfagent.so`.
//!
//! Design constraints, in order of importance:
//!
//! - **The target is never harmed.** On its threads nothing is allocated and nothing locked once a thread has produced
//!   its first event; every `extern "C"` door catches unwinds; no signal handler is installed, nothing is printed, the
//!   environment is not changed. When anything about the recording fails, the library goes quiet for good.
//! - **Data leaves the process continuously.** Threads of the target write compact messages into buffers of their own;
//!   one thread of ours turns them into records of the ring every 20 ms, so that a killed target keeps all
//!   but the last instants.
//! - **Nothing is lost in silence.** What does not fit is counted by cause.
//!
//! Ways in: `NVTX_INJECTION64_PATH` loads it at the first NVTX call (`nvtx`), `CUDA_INJECTION64_PATH` in `cuInit`
//! (`cupti`), `NCCL_PROFILER_PLUGIN` when the first communicator is made (`nccl`). All lead to one `lifecycle::start`. Without `PERFAGENT_SPOOL_DIR` in the environment it is inert.

mod capture;
mod config;
mod cupti;
mod door;
mod inbox;
mod lifecycle;
mod losses;
mod message;
mod nccl;
mod nvtx;
mod segment;
mod signals;
mod strings;
mod thread_buffer;
mod threads;
mod writer;
