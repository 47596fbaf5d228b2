//! From recordings to a document. Runs on a worker thread, once.

mod counters;
mod sorter;
mod summary;
mod tracks;

use std::path::PathBuf;

use perfagent_analysis::Report;
use perfagent_recording::Recording;

use super::alignment::{self, Alignment, Moved};
use super::document::{Document, Move, Source};
use super::lane::{FURTHEST_TIME, Lane};
use super::names::Names;
use super::operations;
use super::viewport::Viewport;

pub(crate) use tracks::{stream_label, thread_label};

/// A recording whose events are in lanes.
pub struct Part {
    path: PathBuf,
    recording: Recording,
    report: Report,
    tracks: tracks::Tracks,
}

/// Puts the events of a recording, the `source`th of the document, into lanes, and works out its report beside that.
#[must_use]
pub fn part(path: PathBuf, recording: Recording, source: usize, names: &mut Names) -> Part {
    let name = path.display().to_string();
    let (tracks, report) = rayon::join(
        || tracks::tracks(&recording, source, names),
        || perfagent_analysis::report(&recording, &name),
    );
    Part { path, recording, report, tracks }
}

/// Makes the document of one or more recordings. Ranks of all recordings stand side by side on one axis of time, moved as
/// `alignment` says. `names` are those that their lanes were made with.
#[must_use]
pub fn document(parts: Vec<Part>, names: Names, alignment: Alignment) -> Document {
    let mut document = Document { names, alignment, ..Document::default() };
    let file_name = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let titles: Vec<_> = parts.iter().map(|part| file_name(&part.path)).collect();
    document.title = titles.join(", ");
    let several = parts.len() > 1;
    let mut groups = Vec::new();
    for (index, Part { path, recording, report, tracks }) in parts.into_iter().enumerate() {
        document.operations.extend(operations::of_report(&report, index, &mut document.names));
        let mut drafts = tracks::drafts(&recording, &report, tracks);
        if several {
            for draft in &mut drafts {
                draft.group.note = format!("{} · {}", draft.group.note, titles[index]);
            }
        }
        groups.extend(drafts.into_iter().map(|draft| (index, draft)));
        document.sources.push(Source { path, recording, report });
    }
    groups.sort_by_key(|(_, draft)| (draft.group.rank.is_none(), draft.group.rank));
    let shifts = shifts(&groups, alignment);
    for ((source, mut draft), &shift) in groups.into_iter().zip(&shifts) {
        if shift != 0 {
            draft.shift(shift);
        }
        let span = draft.span();
        document.moves.extend(span.map(|(start, end)| Move { source, start, end, shift }));
        place(&mut document, draft);
    }
    for (index, source) in document.sources.iter().enumerate() {
        let shift = document.moves.iter().find(|moved| moved.source == index);
        let shift = shift.map_or(0, |moved| moved.shift);
        let several = several.then(|| titles[index].as_str());
        for mut series in counters::series(&source.recording) {
            series.shift(shift);
            if let Some(title) = several {
                series.label = format!("{} · {title}", series.label);
            }
            document.series.push(series);
        }
    }
    document.series.retain(|series| !series.is_empty());
    document.categories = document.lanes.iter().flat_map(Lane::categories).collect();
    document.span = span(&document);
    document.summary = summary::summary(&document);
    document
}

/// What each rank's times are moved by, ns.
fn shifts(groups: &[(usize, tracks::Draft)], alignment: Alignment) -> Vec<i64> {
    let moved: Vec<Moved<'_>> = groups
        .iter()
        .map(|(source, draft)| Moved {
            source: *source,
            steps: &draft.group.steps,
            span: draft.span(),
        })
        .collect();
    alignment::shifts(&moved, alignment)
}

fn place(document: &mut Document, draft: tracks::Draft) {
    let group = document.groups.len();
    let first_track = document.tracks.len();
    for (mut track, lanes) in draft.tracks {
        let first_lane = document.lanes.len();
        document.lane_tracks.resize(first_lane + lanes.len(), document.tracks.len());
        document.lanes.extend(lanes);
        track.group = group;
        track.lanes = first_lane..document.lanes.len();
        document.tracks.push(track);
    }
    document
        .groups
        .push(super::track::Group { tracks: first_track..document.tracks.len(), ..draft.group });
}

/// From the first to the last event; the samples only count where there is no event at all, because
/// sampling starts long before the program does anything.
fn span(document: &Document) -> Option<Viewport> {
    let lanes = document.lanes.iter().filter_map(Lane::span);
    let steps =
        document.groups.iter().flat_map(|group| &group.steps).map(|step| (step.start, step.end));
    let join = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
    let found = lanes.chain(steps).reduce(join);
    let found = found
        .or_else(|| document.series.iter().filter_map(super::series::Series::span).reduce(join))?;
    let clamp = |time: i64| time.clamp(-FURTHEST_TIME, FURTHEST_TIME);
    Some(Viewport::new(clamp(found.0), clamp(found.1)))
}
