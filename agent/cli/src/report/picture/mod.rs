//! The pictures of the report: which of its figures are drawn, and how.

mod category;
mod collectives;
mod durations;
mod kernels;
mod memory;
mod over_time;
mod roofline;
mod steps;
mod time;
mod waits;

pub(super) use collectives::{write as write_collectives, write_tests as write_collective_tests};
pub(super) use durations::write as write_durations;
pub(super) use kernels::write as write_kernels;
pub(super) use memory::write as write_memory;
pub(super) use over_time::{write_copy_rates, write_queues};
pub(super) use roofline::write as write_roofline;
pub(super) use steps::write as write_steps;
pub(super) use time::write as write_time;
pub(super) use waits::write as write_waits;
