//! Everything about the open recordings, made once by a worker and never changed: the window only
//! ever reads it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use perfagent_analysis::Report;
use perfagent_recording::Recording;

use super::alignment::Alignment;
use super::lane::{Event, Lane};
use super::names::Names;
use super::operations::Operation;
use super::portion::Portion;
use super::series::Series;
use super::tint::Category;
use super::track::{Group, Track};
use super::viewport::Viewport;

/// One recording of the document.
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Its rows, for the details of an event.
    pub recording: Recording,
    /// Its figures.
    pub report: Report,
}

/// One event of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventRef {
    /// Its lane.
    pub lane: usize,
    /// Its position in the lane.
    pub index: usize,
}

/// The figures of the top bar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Ranks or processes.
    pub ranks: usize,
    /// Length of the recording, ns.
    pub duration_ns: i64,
    /// Steps of the rank that has most.
    pub steps: usize,
    /// Mean step time over all ranks, ns.
    pub mean_step_ns: Option<i64>,
    /// Events in the lanes.
    pub events: u64,
    /// Events that could not be kept, by cause and process, in words.
    pub losses: Vec<String>,
    /// Sum of the losses.
    pub lost: u64,
    /// What the reader of the figures should know.
    pub warnings: Vec<String>,
}

/// Where the events of a rank of a recording have been moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its recording.
    pub source: usize,
    /// Its first moment on the document's axis, ns.
    pub start: i64,
    /// Its last.
    pub end: i64,
    /// What was added to the recording's times, ns.
    pub shift: i64,
}

/// The open recordings, ready to be drawn.
#[derive(Default)]
pub struct Document {
    /// What the window is called: the file names.
    pub title: String,
    /// All texts.
    pub names: Names,
    /// Ranks, in order.
    pub groups: Vec<Group>,
    /// Rows of all groups, in order.
    pub tracks: Vec<Track>,
    /// Lanes of all tracks, in order.
    pub lanes: Vec<Lane>,
    /// For every lane its track.
    pub lane_tracks: Vec<usize>,
    /// The curves.
    pub series: Vec<Series>,
    /// What ran, by name and rank.
    pub operations: Vec<Operation>,
    /// Categories that occur, in order.
    pub categories: BTreeSet<Category>,
    /// The figures of the top bar.
    pub summary: Summary,
    /// From the first to the last event.
    pub span: Option<Viewport>,
    /// The recordings.
    pub sources: Vec<Source>,
    /// How they stand to each other.
    pub alignment: Alignment,
    /// Where each rank has been moved to.
    pub moves: Vec<Move>,
    /// Which part of the recordings this is; `None` when it is all of them.
    pub portion: Option<Portion>,
}

impl Document {
    /// The stretch that holds every event; a stretch of the shortest length when there is none.
    #[must_use]
    pub fn whole(&self) -> Viewport {
        self.span.unwrap_or_else(|| Viewport::new(0, 0))
    }

    /// A time of a recording, as its report and its tables have it, on the document's axis. Which recording is told by the
    /// time: those that were moved ran at different times.
    #[must_use]
    pub fn on_axis(&self, time: i64) -> i64 {
        let within = |moved: &&Move| {
            let time = time.saturating_add(moved.shift);
            moved.start <= time && time <= moved.end
        };
        let shift = self.moves.iter().find(within).map_or(0, |moved| moved.shift);
        time.saturating_add(shift)
    }

    /// The event behind a reference.
    #[must_use]
    pub fn event(&self, at: EventRef) -> Option<Event> {
        self.lanes.get(at.lane)?.get(at.index)
    }

    /// The track that an event is drawn in.
    #[must_use]
    pub fn track_of(&self, at: EventRef) -> Option<&Track> {
        self.tracks.get(*self.lane_tracks.get(at.lane)?)
    }

    /// The recording that a track's rows are in.
    #[must_use]
    pub fn source_of(&self, track: &Track) -> Option<&Source> {
        self.sources.get(track.source)
    }

    /// The name of an event.
    #[must_use]
    pub fn name(&self, event: &Event) -> &str {
        self.names.text(event.name)
    }
}
