//! Checks of the machine around the GPUs.

pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod edac;
pub(crate) mod kernel_errors;
pub(crate) mod kernel_log;
mod kernel_ring;
pub(crate) mod log_file;
pub(crate) mod machine_check;
pub(crate) mod memory;
pub(crate) mod messages;
