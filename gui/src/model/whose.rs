//! Whose figures are shown: those of one rank, or of all together.

use perfagent_analysis::report::Rank;

use super::document::{Document, Source};

/// A process of an open recording: the recording's position, and the process's row in its table.
pub type Process = (usize, i64);

/// One rank with the recording that it is in.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// The recording's position in the document.
    pub index: usize,
    /// The recording.
    pub source: &'a Source,
    /// The rank's figures.
    pub rank: &'a Rank,
}

impl Member<'_> {
    /// Which process it is.
    #[must_use]
    pub const fn process(&self) -> Process {
        (self.index, self.rank.process_id)
    }

    /// `Rank 0`, else the program with its process number.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.rank)
    }
}

/// `Rank 0`, else the program with its process number.
#[must_use]
pub fn label(rank: &Rank) -> String {
    match (rank.rank, rank.program.as_str()) {
        (Some(number), _) => format!("Rank {number}"),
        (None, "") => format!("Process {}", rank.pid),
        (None, program) => format!("{program} {}", rank.pid),
    }
}

/// All ranks, or the chosen one, in order of rank.
#[must_use]
pub fn members(document: &Document, chosen: Option<Process>) -> Vec<Member<'_>> {
    let mut found: Vec<Member<'_>> = document
        .sources
        .iter()
        .enumerate()
        .flat_map(|(index, source)| {
            source.report.ranks.iter().map(move |rank| Member { index, source, rank })
        })
        .filter(|member| chosen.is_none_or(|process| process == member.process()))
        .collect();
    found.sort_by_key(|member| (member.rank.rank.is_none(), member.rank.rank, member.index));
    found
}

/// The process that a group of the timeline is of, by the row of its first event.
#[must_use]
pub fn process_of_group(document: &Document, group: usize) -> Option<Process> {
    use super::track::TrackKind;
    let tracks = document.tracks.get(document.groups.get(group)?.tracks.clone())?;
    tracks.iter().find_map(|track| {
        let first = track.lanes.clone().find_map(|lane| document.lanes.get(lane)?.get(0))?;
        let (row, recording) = (first.row as usize, &document.source_of(track)?.recording);
        let process = match track.kind {
            TrackKind::Ranges => recording.ranges.get(row)?.process_id,
            TrackKind::Marks => recording.marks.get(row)?.process_id,
            TrackKind::Operators => recording.operators.get(row)?.process_id,
            TrackKind::Collectives => recording.collectives.get(row)?.process_id,
            TrackKind::Api => recording.api_calls.get(row)?.process_id,
            TrackKind::Kernels => recording.kernels.get(row)?.process_id,
            TrackKind::Copies => recording.copies.get(row)?.process_id,
        };
        Some((track.source, process.0))
    })
}
