//! Processes and threads.

use super::table;
use crate::{HostId, ProcessId, Timestamp};

table! {
    /// A recorded process. In a distributed run each rank is one.
    Process in "processes" {
        /// The machine it ran on.
        host_id: HostId,
        /// The operating system's number.
        pid: i64,
        /// The number of the process that started it.
        parent_pid: Option<i64>,
        /// Its rank in the distributed job.
        rank: Option<i64>,
        /// Its rank among the processes of its machine.
        local_rank: Option<i64>,
        /// Ranks in the distributed job.
        world_size: Option<i64>,
        /// The program's file name.
        name: String,
        /// The whole command line.
        command: String,
        /// When recording of it began, ns.
        start_ns: Timestamp,
        /// When it ended, ns; NULL when that was not seen.
        end_ns: Option<Timestamp>,
        /// Its exit code, when it was seen to exit.
        exit_code: Option<i64>,
        /// The signal that killed it, when one did.
        exit_signal: Option<i64>,
    }
}

table! {
    /// A library that a process had loaded and whose version matters for speed. One version is told once, by the first of its
    /// files.
    Library in "libraries" {
        /// The process.
        process_id: ProcessId,
        /// `cuda_runtime`, `cublas`, `cudnn`, `nccl`, `nccl_net`, `nvshmem`, `torch`, `triton`, `transformer_engine`,
        /// `flash_attn`, `jax`, `mkl`, `openblas`, `mpi`, `python`.
        name: String,
        /// Its version, where what lies beside the file tells it; of some only the major version.
        version: Option<String>,
        /// The file, as the process names it.
        path: String,
    }
}

table! {
    /// A thread that produced events.
    Thread in "threads" {
        /// Its process.
        process_id: ProcessId,
        /// The operating system's number.
        tid: i64,
        /// Its name, as the program or the operating system gives it; empty when neither does.
        name: String,
    }
}
