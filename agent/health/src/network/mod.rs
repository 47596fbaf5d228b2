//! Checks of network ports.

pub(crate) mod ethernet;
pub(crate) mod infiniband;
