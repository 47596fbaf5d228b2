//! What is known while the events of a file are written.

use rustc_hash::FxHashMap;

use super::collectives::OfKernels;
use super::json::Events;
use super::links::Links;
use super::lists::Lists;
use super::tracks::Tracks;

/// A file that is being written, at one of its recordings.
pub(crate) struct File<'a> {
    pub(crate) events: Events<'a>,
    pub(crate) tracks: Tracks,
    pub(crate) lists: Lists,
    pub(crate) links: Links,
    pub(crate) of_kernels: OfKernels,
    /// External ids of this recording's operators are greater than this.
    pub(crate) first_external: i64,
    /// Numbers of this recording's arrows are greater than this.
    pub(crate) first_flow: i64,
    /// The contexts of each process and their devices.
    pub(crate) contexts: FxHashMap<(i64, i64), i64>,
}
