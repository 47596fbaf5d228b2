//! The rows of the timeline: ranks, and below each what its threads and streams did.

use std::ops::Range;

/// Where a track's events come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    /// NVTX ranges of one thread and domain.
    Ranges,
    /// NVTX marks of one thread.
    Marks,
    /// Framework operators of one thread.
    Operators,
    /// Collectives of one process.
    Collectives,
    /// Calls into CUDA of one thread.
    Api,
    /// Kernels of one stream.
    Kernels,
    /// Copies and memsets of one stream.
    Copies,
}

impl TrackKind {
    /// Every kind, in the order of the timeline.
    pub const ALL: [Self; 7] = [
        Self::Ranges,
        Self::Marks,
        Self::Operators,
        Self::Collectives,
        Self::Api,
        Self::Kernels,
        Self::Copies,
    ];

    /// What its events are called, in the plural.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ranges => "Ranges",
            Self::Marks => "Marks",
            Self::Operators => "Operators",
            Self::Collectives => "Collectives",
            Self::Api => "CUDA calls",
            Self::Kernels => "Kernels",
            Self::Copies => "Copies",
        }
    }

    /// What one of its events is called.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Ranges => "NVTX range",
            Self::Marks => "NVTX mark",
            Self::Operators => "Operator",
            Self::Collectives => "Collective",
            Self::Api => "CUDA call",
            Self::Kernels => "Kernel",
            Self::Copies => "Copy",
        }
    }
}

/// One row of the timeline, with a lane for every level of nesting.
#[derive(Clone, Debug)]
pub struct Track {
    /// Where its events come from.
    pub kind: TrackKind,
    /// Its name.
    pub label: String,
    /// The thread or the device that it belongs to.
    pub owner: String,
    /// Its group.
    pub group: usize,
    /// The recording that its events' rows are in.
    pub source: usize,
    /// Its lanes in the document, outermost first.
    pub lanes: Range<usize>,
    /// Events that nest too deeply to be drawn.
    pub too_deep: usize,
}

/// One rank (or process) and its tracks.
#[derive(Clone, Debug)]
pub struct Group {
    /// `Rank 0`, or the program's name.
    pub label: String,
    /// Process number, host, program.
    pub note: String,
    /// Its rank, for order.
    pub rank: Option<i64>,
    /// Its tracks in the document.
    pub tracks: Range<usize>,
    /// Its training steps, in order of time.
    pub steps: Vec<Step>,
}

/// A training step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Start, ns.
    pub start: i64,
    /// End, ns.
    pub end: i64,
    /// Its name and number.
    pub label: String,
}
