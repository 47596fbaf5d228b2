//! The health of many nodes, from the documents of `perfagent health` to what the window shows.

pub mod distribution;
pub mod document;
pub mod findings;
pub mod grid;
pub mod node;
