//! Is this node well: passive checks of the host, its network and its NVIDIA GPUs.
//!
//! [`examine`] runs every check once and returns a [`Health`] document. Constraints:
//!
//! * **"Could not check" is [`Status::Unknown`], never `ok`.** What a machine does not have at all is unknown too, with
//!   [`Severity::None`], and does not weigh on the verdict; GPUs that should be here and cannot be seen do.
//! * **Nothing is changed**: files below `/proc` and `/sys` are read, the kernel log is read without being consumed,
//!   NVML is only asked.
//! * **Nothing is waited for beyond the time limit.** NVML runs in a child process ([`gpu::probe`]), the host's checks
//!   in threads; what has not answered in time is reported as such, and a hung NVML call is itself critical.
//! * Judging is apart from reading: the checks of GPUs are pure functions of [`gpu::GpuReadings`], those of the host
//!   read below a root path that is a parameter.
//!
//! `HEALTH.md` lists all checks with their thresholds; it is made from `checks`, and a test holds every check of a document
//! to be in it.
//!
//! Where things go: `host`, `network` and `gpu` hold one noun a file; `xid` holds NVIDIA's catalogue and the lines of
//! the kernel log, `active` the checks that load a machine; `fleet` compares many nodes, `host_list` reads Slurm's lists of
//! hosts. `launch` is how one command examines many nodes, `slurm` how a node is drained.

pub mod active;
mod check;
mod checks;
mod examine;
mod expectation;
pub mod fleet;
#[cfg(test)]
mod fuzz;
pub mod gpu;
mod health;
mod host;
pub mod host_list;
pub mod launch;
mod machine;
mod network;
mod root;
pub mod slurm;
mod span;
mod xid;

pub use check::{Check, Severity, Status, Value};
pub use checks::markdown;
pub use examine::{Options, examine};
pub use expectation::Expectation;
pub use health::Health;
pub use machine::{host_name, now};
pub(crate) use span::span;
pub use xid::{Catalogue, Xid, XidEvent, XidTail};
