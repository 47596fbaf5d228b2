//! A history of results: what goes in, what comes out, and the verdict on the newest runs.

mod bench;
mod check;
mod intake;
mod interrupted;
mod refused;
mod written;
