//! Rows of events in few bytes: column by column, with as many bits a value as the values of a chunk need.
//!
//! An event as a struct takes 60 to 250 bytes, most of them zeros and repetitions: neighbouring rows have nearby times, numbers that
//! count up, and the same names and shapes. Chunks of 4096 rows keep, for each column, the least value and the differences to it;
//! a time after the first of a row is kept as the difference to the one before. Any row can still be read by itself.
//!
//! `cargo run --release -p perfagent-recording --example packed_cost` prints bytes and nanoseconds a row.

mod bits;
mod cell;
mod column;
mod packer;
mod rows;

pub use bits::Bits;
pub(crate) use column::Packable;
pub(crate) use packer::Packer;
pub use rows::{Event, Rows};
