//! Whole runs: a recorder in a process of its own, real commands under it, and the recording that comes out.

mod events;
mod harness;
mod interrupted;
mod refused;
mod role;
mod runs;
mod sampling;
