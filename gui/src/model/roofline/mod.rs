//! What operators achieved of arithmetic, held against what the device can do at most.
//!
//! At an intensity of `i` operations a byte a device does at most `min(peak, i × bandwidth)` operations a second (Williams,
//! Waterman, Patterson: "Roofline", 2009). Operations and bytes are those of the report: see `perfagent_analysis`.

pub mod point;
pub mod roof;

pub use point::{Bound, Point, points};
pub use roof::{Roof, roofs};
