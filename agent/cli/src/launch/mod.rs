//! `perfagent health` on many nodes: which rank examines, where its document goes, what becomes of the node in Slurm.

mod arguments;
mod delivery;
pub(crate) mod gathered;
mod node;

pub(crate) use arguments::Arguments;
pub(crate) use delivery::Answer;
pub(crate) use node::Node;
