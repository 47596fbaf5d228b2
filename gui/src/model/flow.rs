//! What made what run: from an operator to the calls into CUDA within it, from a call to the kernels and
//! copies that it launched.

use perfagent_recording::Recording;

use super::document::{Document, EventRef};
use super::track::{Track, TrackKind};

/// Links of one event that are followed at most; a range that launched more says how many there are.
pub const MOST_LINKS: usize = 200;

/// Clocks of device and host agree to this, ns: a kernel may seem to start so much before its launch.
const CLOCK_SLACK_NS: i64 = 1_000_000;

/// One event that another one made run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// What came first.
    pub from: EventRef,
    /// What it made run.
    pub to: EventRef,
}

/// How an event hangs together with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The way to it, the outermost cause first: operator, call, kernel.
    pub causes: Vec<Link>,
    /// What it made run, in order of time, [`MOST_LINKS`] at most.
    pub effects: Vec<Link>,
    /// How many events it made run.
    pub effect_count: usize,
}

impl Flow {
    /// What made the event run.
    #[must_use]
    pub fn cause(&self) -> Option<EventRef> {
        self.causes.last().map(|link| link.from)
    }

    /// The first event that it made run.
    #[must_use]
    pub fn effect(&self) -> Option<EventRef> {
        self.effects.first().map(|link| link.to)
    }
}

/// Finds out how an event hangs together with others. Looks through all launches of its process: for a
/// thread of its own.
#[must_use]
pub fn flow(document: &Document, at: EventRef) -> Flow {
    let Some((event, track)) = document.event(at).zip(document.track_of(at)) else {
        return Flow::default();
    };
    let Some(source) = document.source_of(track) else { return Flow::default() };
    let around = Around { document, track, recording: &source.recording };
    let row = event.row as usize;
    match track.kind {
        TrackKind::Kernels | TrackKind::Copies => {
            let id = around.correlation(track.kind, row);
            let call = id.and_then(|id| around.call(id, event.start));
            let mut causes: Vec<Link> =
                call.and_then(|call| around.operator(call)).into_iter().collect();
            causes.extend(call.map(|from| Link { from, to: at }));
            Flow { causes, ..Flow::default() }
        }
        TrackKind::Api => {
            let causes = around.operator(at).into_iter().collect();
            let ids = around.correlation(track.kind, row).into_iter().collect::<Vec<_>>();
            let launched = around.launched(&ids, event.start);
            around.effects(causes, launched.into_iter().map(|(_, to)| Link { from: at, to }))
        }
        TrackKind::Operators | TrackKind::Ranges => {
            let calls = around.calls_within(event.start, event.end);
            let ids: Vec<i64> = calls.iter().map(|&(id, _)| id).collect();
            let launched = around.launched(&ids, event.start);
            let by = |id: i64| {
                calls
                    .binary_search_by_key(&id, |&(id, _)| id)
                    .ok()
                    .map(|position| calls[position].1)
            };
            let links =
                launched.into_iter().filter_map(|(id, to)| Some(Link { from: by(id)?, to }));
            around.effects(Vec::new(), links)
        }
        TrackKind::Marks | TrackKind::Collectives => Flow::default(),
    }
}

/// The process of an event.
struct Around<'a> {
    document: &'a Document,
    track: &'a Track,
    recording: &'a Recording,
}

impl<'a> Around<'a> {
    fn effects(&self, causes: Vec<Link>, links: impl Iterator<Item = Link>) -> Flow {
        let start = |link: &Link| self.document.event(link.to).map(|event| event.start);
        let mut effects: Vec<Link> = links.collect();
        effects.sort_by_key(|link| (start(link), *link));
        let effect_count = effects.len();
        effects.truncate(MOST_LINKS);
        Flow { causes, effects, effect_count }
    }

    fn correlation(&self, kind: TrackKind, row: usize) -> Option<i64> {
        match kind {
            TrackKind::Kernels => self.recording.kernels.get(row)?.correlation,
            TrackKind::Copies => self.recording.copies.get(row)?.correlation,
            TrackKind::Api => self.recording.api_calls.get(row)?.correlation,
            _ => None,
        }
    }

    /// The tracks of the process of these kinds, with their numbers.
    fn tracks(&self, kinds: &'a [TrackKind]) -> impl Iterator<Item = &'a Track> {
        let tracks = self.document.groups.get(self.track.group).map(|group| group.tracks.clone());
        self.document
            .tracks
            .get(tracks.unwrap_or_default())
            .unwrap_or_default()
            .iter()
            .filter(move |track| kinds.contains(&track.kind))
    }

    /// The correlation id of an event of a lane.
    fn id_of(&self, track: &Track, lane: usize, index: usize) -> Option<i64> {
        let event = self.document.event(EventRef { lane, index })?;
        self.correlation(track.kind, event.row as usize)
    }

    /// The call with a correlation id. It was made before what it launched, mostly shortly before.
    fn call(&self, id: i64, launched: i64) -> Option<EventRef> {
        self.tracks(&[TrackKind::Api]).find_map(|track| {
            track.lanes.clone().find_map(|lane| {
                let latest = launched.saturating_add(CLOCK_SLACK_NS);
                let past = self.document.lanes.get(lane)?.first_after(latest);
                let index =
                    (0..past).rev().find(|&index| self.id_of(track, lane, index) == Some(id))?;
                Some(EventRef { lane, index })
            })
        })
    }

    /// What the calls with these ids, which are in order, launched from a time on.
    fn launched(&self, ids: &[i64], from: i64) -> Vec<(i64, EventRef)> {
        if ids.is_empty() {
            return Vec::new();
        }
        self.tracks(&[TrackKind::Kernels, TrackKind::Copies])
            .flat_map(|track| track.lanes.clone().map(move |lane| (track, lane)))
            .flat_map(|(track, lane)| {
                let found = self.document.lanes.get(lane).map_or(0..0, |events| {
                    events.first_from(from.saturating_sub(CLOCK_SLACK_NS))..events.len()
                });
                found.filter_map(move |index| {
                    let id = self.id_of(track, lane, index)?;
                    ids.binary_search(&id).is_ok().then_some((id, EventRef { lane, index }))
                })
            })
            .collect()
    }

    /// The calls of the track's thread that begin within a time, by correlation id.
    fn calls_within(&self, start: i64, end: i64) -> Vec<(i64, EventRef)> {
        let of_thread =
            self.tracks(&[TrackKind::Api]).filter(|track| track.owner == self.track.owner);
        let mut calls: Vec<(i64, EventRef)> = of_thread
            .flat_map(|track| track.lanes.clone())
            .flat_map(|lane| {
                let found = self.document.lanes.get(lane).map_or(0..0, |events| {
                    let first = events.first_from(start);
                    first..events.first_from(end).max(first)
                });
                found.map(move |index| EventRef { lane, index })
            })
            .filter_map(|at| {
                let row = self.document.event(at)?.row as usize;
                Some((self.correlation(TrackKind::Api, row)?, at))
            })
            .collect();
        calls.sort_unstable();
        calls
    }

    /// The innermost operator of the call's thread that it was made in.
    fn operator(&self, call: EventRef) -> Option<Link> {
        let time = self.document.event(call)?.start;
        let owner = &self.document.track_of(call)?.owner;
        let track = self.tracks(&[TrackKind::Operators]).find(|track| track.owner == *owner)?;
        track.lanes.clone().rev().find_map(|lane| {
            let events = self.document.lanes.get(lane)?;
            let index = events.first_after(time).checked_sub(1)?;
            (events.end(index) >= time).then_some(Link { from: EventRef { lane, index }, to: call })
        })
    }
}
