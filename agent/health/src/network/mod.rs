//! Checks of network ports.

pub(crate) mod ethernet;
pub(crate) mod flaps;
pub(crate) mod infiniband;
pub(crate) mod peer_memory;
