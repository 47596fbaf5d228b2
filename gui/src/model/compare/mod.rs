//! A comparison of two sets of runs, from the document of `perfagent compare` to what the window shows.

pub mod attribution;
pub mod document;
pub mod effect;
pub mod kernels;
pub mod quantity;
pub mod sides;
pub mod summary;
