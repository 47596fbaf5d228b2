//! speedscope's own format: for each thread of the host and each stream of a GPU a profile of spans in spans.
//!
//! Threads show ranges and operators, streams kernels and copies. Spans that overlap without nesting are in a further
//! profile of the same thread or stream. Times are nanoseconds since the first event.

use std::cmp::Reverse;
use std::io::{self, Write};

use perfagent_recording::table::CopyKind;
use perfagent_recording::{ProcessId, StringId, Timestamp};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use crate::lanes::{Lanes, nesting, order};
use crate::scene::{Scene, View};

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// What a span shows: a text of the recording, or a kind of copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Text(usize, StringId),
    Copy(CopyKind),
}

/// The names of spans, each once.
#[derive(Default)]
struct Frames {
    numbers: FxHashMap<Name, usize>,
    names: Vec<String>,
}

impl Frames {
    fn number(&mut self, view: View<'_>, name: Name) -> usize {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(match name {
                Name::Text(_, id) => view.recording.strings.get(id).to_owned(),
                Name::Copy(CopyKind::Memset) => "Memset".to_owned(),
                Name::Copy(kind) => format!("Memcpy {}", kind.as_str()),
            });
            self.names.len() - 1
        })
    }
}

/// A thread or a stream by its id; threads come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    Thread(i64),
    Stream(i64),
}

type Place = (Line, (i64, Reverse<i64>));

/// Writes `scene` to `out`.
pub(crate) fn write(scene: &Scene<'_>, out: &mut dyn Write) -> io::Result<()> {
    let title = scene.names().join(", ");
    let exporter = concat!("perfagent@", env!("CARGO_PKG_VERSION"));
    write!(
        out,
        "{{\n  \"$schema\": {},\n  \"name\": {},\n  \"exporter\": {},\n  \"activeProfileIndex\": 0,\n  \"profiles\": [",
        json!(SCHEMA),
        json!(title),
        json!(exporter)
    )?;
    let mut frames = Frames::default();
    let mut profiles = Profiles { out, first: true, base: base(scene) };
    for view in scene.views() {
        let kinds: [&dyn Fn(usize) -> Option<Place>; 4] = [
            &|row| range(view, row),
            &|row| operator(view, row),
            &|row| kernel(view, row),
            &|row| copy(view, row),
        ];
        let lengths = [
            view.recording.ranges.len(),
            view.recording.operators.len(),
            view.recording.kernels.len(),
            view.recording.copies.len(),
        ];
        let orders: Vec<Vec<u32>> =
            kinds.iter().zip(lengths).map(|(kind, length)| order(length, kind)).collect();
        let mut next = [0_usize; 4];
        let mut open: Option<(Line, Vec<Profile>, Lanes)> = None;
        loop {
            let head = |kind: usize| {
                let row = *orders[kind].get(next[kind])? as usize;
                Some((kinds[kind](row)?, kind, row))
            };
            let Some(((line, (start, Reverse(end))), kind, row)) = (0..4).filter_map(head).min()
            else {
                break;
            };
            next[kind] += 1;
            if open.as_ref().is_none_or(|(known, ..)| *known != line) {
                profiles.write(view, open.take())?;
            }
            let (_, profiles_of_line, lanes) =
                open.get_or_insert_with(|| (line, Vec::new(), Lanes::default()));
            let number = lanes.place(start, end);
            if profiles_of_line.len() <= number {
                profiles_of_line.resize_with(number + 1, Profile::default);
            }
            let frame = frames.number(view, name(view, kind, row));
            profiles_of_line[number].span(frame, start, end);
        }
        profiles.write(view, open.take())?;
    }
    let frames: Vec<Value> = frames.names.iter().map(|name| json!({ "name": name })).collect();
    let shared = json!({ "frames": frames });
    write!(profiles.out, "\n  ],\n  \"shared\": {shared}\n}}\n")
}

fn place(
    view: View<'_>,
    process: ProcessId,
    line: Line,
    start: Timestamp,
    end: Timestamp,
) -> Option<Place> {
    let (start, end) = (start.unix_nanos(), end.unix_nanos());
    view.has(process).then_some((line, nesting(start, end.max(start))))
}

fn range(view: View<'_>, row: usize) -> Option<Place> {
    let row = view.recording.ranges.get(row)?;
    place(view, row.process_id, Line::Thread(row.thread_id.0), row.start_ns, row.end_ns)
}

fn operator(view: View<'_>, row: usize) -> Option<Place> {
    let row = view.recording.operators.get(row)?;
    place(view, row.process_id, Line::Thread(row.thread_id.0), row.start_ns, row.end_ns)
}

fn kernel(view: View<'_>, row: usize) -> Option<Place> {
    let row = view.recording.kernels.get(row)?;
    place(view, row.process_id, Line::Stream(row.stream_id.0), row.start_ns, row.end_ns)
}

fn copy(view: View<'_>, row: usize) -> Option<Place> {
    let row = view.recording.copies.get(row)?;
    place(view, row.process_id, Line::Stream(row.stream_id.0), row.start_ns, row.end_ns)
}

fn name(view: View<'_>, kind: usize, row: usize) -> Name {
    let recording = view.recording;
    let text = |id: Option<StringId>| Name::Text(view.place, id.unwrap_or_default());
    match kind {
        0 => text(recording.ranges.get(row).map(|row| row.name_id)),
        1 => text(recording.operators.get(row).map(|row| row.name_id)),
        2 => text(recording.kernels.get(row).map(|row| row.name_id)),
        _ => Name::Copy(recording.copies.get(row).map(|row| row.kind).unwrap_or_default()),
    }
}

/// The first start.
fn base(scene: &Scene<'_>) -> i64 {
    let first = |view: View<'_>| {
        let recording = view.recording;
        [
            recording.ranges.iter().map(|row| row.start_ns).min(),
            recording.operators.iter().map(|row| row.start_ns).min(),
            recording.kernels.iter().map(|row| row.start_ns).min(),
            recording.copies.iter().map(|row| row.start_ns).min(),
        ]
        .into_iter()
        .flatten()
        .min()
    };
    scene.views().filter_map(first).min().map_or(0, Timestamp::unix_nanos)
}

/// Openings and closings of the spans of a profile, in the order in which they happen.
#[derive(Default)]
struct Profile {
    /// Time and frame; negative frames, less one, are closings.
    events: Vec<(i64, i64)>,
    open: Vec<(i64, usize)>,
}

impl Profile {
    /// Adds a span. Spans come in the order in which they nest.
    fn span(&mut self, frame: usize, start: i64, end: i64) {
        self.close(start);
        self.events.push((start, frame as i64));
        self.open.push((end, frame));
    }

    /// Closes what ends until `time`.
    fn close(&mut self, time: i64) {
        while let Some(&(end, frame)) = self.open.last()
            && end <= time
        {
            self.events.push((end, -(frame as i64) - 1));
            self.open.pop();
        }
    }
}

/// The list of profiles.
struct Profiles<'a> {
    out: &'a mut dyn Write,
    first: bool,
    base: i64,
}

impl Profiles<'_> {
    /// Writes the profiles of a thread or stream.
    fn write(
        &mut self,
        view: View<'_>,
        line: Option<(Line, Vec<Profile>, Lanes)>,
    ) -> io::Result<()> {
        let Some((line, profiles, _)) = line else { return Ok(()) };
        for (number, mut profile) in profiles.into_iter().enumerate() {
            profile.close(i64::MAX);
            let title = match number {
                0 => title(view, line),
                number => format!("{} ({})", title(view, line), number + 1),
            };
            self.profile(&title, &profile.events)?;
        }
        Ok(())
    }

    fn profile(&mut self, title: &str, events: &[(i64, i64)]) -> io::Result<()> {
        let at = |time: i64| time.saturating_sub(self.base);
        let start = events.first().map_or(0, |&(time, _)| at(time));
        let end = events.last().map_or(0, |&(time, _)| at(time));
        let comma = if self.first { "" } else { "," };
        self.first = false;
        write!(
            self.out,
            "{comma}\n    {{\"type\": \"evented\", \"name\": {}, \"unit\": \"nanoseconds\", \"startValue\": {start}, \
             \"endValue\": {end}, \"events\": [",
            json!(title)
        )?;
        for (number, &(time, frame)) in events.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let (kind, frame) = if frame < 0 { ('C', -frame - 1) } else { ('O', frame) };
            let at = time.saturating_sub(self.base);
            write!(
                self.out,
                "{comma}\n      {{\"type\": \"{kind}\", \"frame\": {frame}, \"at\": {at}}}"
            )?;
        }
        write!(self.out, "\n    ]}}")
    }
}

fn title(view: View<'_>, line: Line) -> String {
    let recording = view.recording;
    match line {
        Line::Thread(id) => {
            let process = recording.thread(id.into()).map(|thread| view.title(thread.process_id));
            format!("{}, {}", process.unwrap_or_default(), view.thread_title(id.into()))
        }
        Line::Stream(id) => match recording.stream(id.into()) {
            Some(stream) => {
                let process = view.title(stream.process_id);
                format!(
                    "{process}, GPU {} stream {}",
                    view.ordinal(stream.device_id),
                    stream.stream
                )
            }
            None => format!("stream {id}"),
        },
    }
}
