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
//! Where things go: `host`, `network` and `gpu` hold one noun a file; `xid` holds NVIDIA's catalogue and the lines of
//! the kernel log; `host_list` reads Slurm's lists of hosts, and `fleet` compares many nodes. Checks
//! that load the machine and the exporter will be `active` and `exporter` beside them.

mod check;
mod examine;
pub mod fleet;
pub mod gpu;
mod health;
mod host;
pub mod host_list;
mod machine;
mod network;
mod root;
mod xid;

pub use check::{Check, Severity, Status, Value};
pub use examine::{Options, examine};
pub use health::Health;
pub use machine::{host_name, now};
pub use xid::{Catalogue, Xid};
