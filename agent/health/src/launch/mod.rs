//! How one command examines many nodes: who started this process where, and where its document goes.
//!
//! * [`Place`]: which rank of which run this is, from flags or the variables of a launcher. One rank a node examines it.
//! * [`Folder`]: one document a node in a folder that all nodes see; never a half one, never one over another node's.
//! * [`Collector`] and [`hand_over`]: without such a folder, over TCP to the node of rank 0, with deadlines on both sides.
//!
//! Not through the c10d store that trainings meet at: only the benchmarks link libtorch, its wire format belongs to one
//! version of it, torchrun's own is taken already, and a store has no answer for a node that is late. What is needed is
//! one line a node.

mod collector;
mod environment;
mod folder;
mod launcher;
mod place;
mod report;
mod sender;

pub use collector::{Collected, Collector, Wait};
pub use folder::{Folder, NotWritten, Written};
pub use launcher::Launcher;
pub use place::{Contradiction, Flags, Place};
pub use report::Report;
pub use sender::{NotTaken, hand_over};
