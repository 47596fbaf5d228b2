//! Start the target, drain its spools, sample the machine, write the recording.
//!
//! The path of an event: a thread of the target → the ring of its process (`perfagent-spool`) → [`drain`] reads it
//! every 50 ms → [`decode`] pairs and classifies it → a row of the recording, committed every 200 ms together with
//! the position in the ring, which is released only then. Design constraints:
//!
//! * **The target's behaviour is its own.** It keeps its terminal, process group, signals and exit code; the recorder
//!   prints nothing to its standard output and never dies from a signal meant for the run.
//! * **Killing anything loses at most a fraction of a second.** A killed target leaves its ring, a killed recorder
//!   leaves `RUN.perfdb.partial`, and [`recover`] completes it with every event exactly once.
//! * **The final name only ever appears complete**: finished, synchronised, then renamed.
//! * **No loss is silent**: counters of the rings, damaged records and unmatched ends become rows of `losses`.
//! * No `unsafe`, no terminal; the clock is `CLOCK_MONOTONIC`, moved once onto Unix time ([`clock`]).

mod clock;
mod decode;
mod doctor;
mod drain;
mod error;
mod host;
mod job;
mod library;
mod nvml;
mod proc;
mod record;
mod recover;
mod ring;
mod run_directory;
mod sample;
mod session;
mod signals;
mod summary;
mod target;
mod window;

pub use doctor::{Check, Diagnosis, Status, examine};
pub use error::CollectError;
pub use host::{host_name, this_host};
pub use job::of_this_process as job_of_this_process;
pub use library::Library;
pub use perfagent_spool::Place;
pub use record::{RecordOptions, Recorded, record};
pub use recover::recover;
pub use run_directory::default_output;
pub use summary::{ProcessSummary, Summary};
pub use target::TargetExit;
