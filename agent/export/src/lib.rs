//! Recordings to the formats of other tools.
//!
//! [`export`] reads recordings and writes them in a [`Format`].
//!
//! Constraints that shaped this crate:
//!
//! * What is written appears under its name when it is complete, or not at all.
//! * It is written as it is made; nothing but the recording itself is held in memory, and for tables not even that.
//! * Times are exact.
//! * A Chrome trace can be imported again, and gives the same events. This is what it does not carry:
//!   * the tables `contexts`, `overheads` (written, for people to see), `clock_anchors`, `collective_tests`,
//!     and of `meta` all but what `perfagent import` writes itself;
//!   * the length of a span that ends before it starts, which becomes 0;
//!   * the difference between no text and an empty one (`types_id`, `kind_id`, `site_id`), between an unknown source
//!     of a memory event and `kineto`, between no graph and graph 0, and between a negative number of an event, a wait's
//!     stream (also 2^32 - 1) or what recorded it, and none;
//!   * sizes of grids, blocks, registers and shared memory of 2^32 - 1 and more; sequence numbers below 0;
//!   * the device of an operation where it is not that of its stream;
//!   * which of two streams of equal device, number and context an operation was in;
//!   * floating-point numbers that are not numbers (NaN), and values of hardware counters that are infinite;
//!   * further values of one hardware counter of one range.

mod chrome;
mod csv;
mod error;
mod export;
mod lanes;
mod output;
mod parquet;
mod scene;
mod speedscope;
mod tables;

pub use error::ExportError;
pub use export::{Destination, ExportOptions, Format, export};
