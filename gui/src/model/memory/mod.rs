//! Memory of one process: its course over time, what was alive when most was allocated, and what other
//! micro-batches would take.

pub mod alive;
pub mod forecast;
pub mod levels;
