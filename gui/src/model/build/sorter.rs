//! Sorts the rows of one table into lanes.

use std::collections::BTreeMap;

use perfagent_analysis::{COMMUNICATION, Rules};
use perfagent_recording::{ProcessId, Recording, StringId, Strings, Timestamp};

use super::tracks::Place;
use crate::model::lane::{Entry, Levels, Making, believed};
use crate::model::tint::{Category, Tint};
use crate::model::track::TrackKind;

/// The rows of one table by process and place.
type Sort = fn(Sorter<'_>) -> Sorter<'_>;

/// Of every table that has rows in the timeline, the large ones first.
pub(super) const TABLES: [Sort; 7] =
    [kernels, api_calls, operators, ranges, marks, copies, collectives];

/// What became of a table: lanes, whose events have the numbers of these labels.
pub(super) struct Sorted<'a> {
    pub(super) levels: BTreeMap<(ProcessId, Place), Levels>,
    pub(super) labels: Vec<(&'a str, Tint)>,
}

/// Events by process and place. Most rows follow one of the same place, which is found without a search.
pub(super) struct Sorter<'a> {
    recording: &'a Recording,
    places: BTreeMap<(ProcessId, Place), usize>,
    making: Vec<Making>,
    last: Option<((ProcessId, Place), usize)>,
    labels: Labels<'a>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        let labels = Labels::new(&recording.strings);
        Self { recording, places: BTreeMap::new(), making: Vec::new(), last: None, labels }
    }

    fn push(
        &mut self,
        (process, place): (ProcessId, Place),
        row: usize,
        (start, end): (Timestamp, Timestamp),
        label: u32,
    ) {
        let key = (process, place);
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => {
                let next = self.making.len();
                let at = *self.places.entry(key).or_insert(next);
                if at == next {
                    self.making.push(Making::default());
                }
                self.last = Some((key, at));
                at
            }
        };
        let (start, end) = believed(start.unix_nanos(), end.unix_nanos());
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        self.making[at].push(Entry { start, end, label, row });
    }

    pub(super) fn finish(self) -> Sorted<'a> {
        let tints: Vec<Tint> = self.labels.found.iter().map(|&(_, tint)| tint).collect();
        let mut making: Vec<Option<Making>> = self.making.into_iter().map(Some).collect();
        let finished = self
            .places
            .into_iter()
            .filter_map(|(place, at)| Some((place, making.get_mut(at)?.take()?.finish(&tints))));
        Sorted { levels: finished.collect(), labels: self.labels.found }
    }
}

/// What the events of a table are called and drawn as, each found once.
struct Labels<'a> {
    strings: &'a Strings,
    /// By the number of the text; [`UNKNOWN`] for one that did not occur yet.
    of_text: Vec<u32>,
    found: Vec<(&'a str, Tint)>,
}

const UNKNOWN: u32 = u32::MAX;

impl<'a> Labels<'a> {
    fn new(strings: &'a Strings) -> Self {
        Self { strings, of_text: vec![UNKNOWN; strings.len() + 1], found: Vec::new() }
    }

    fn add(&mut self, text: &'a str, tint: Tint) -> u32 {
        self.found.push((if text.is_empty() { "(no name)" } else { text }, tint));
        self.found.len() as u32 - 1
    }

    /// The number of the label of a text, which is drawn as `tint` says. Texts that the file does not define share the one of
    /// the empty text.
    fn of(&mut self, id: StringId, tint: impl Fn(&str) -> Tint) -> u32 {
        let is_defined = |&index: &usize| index < self.strings.len();
        let slot = usize::try_from(id.0).ok().filter(is_defined).unwrap_or(0);
        let known = self.of_text[slot];
        if known != UNKNOWN {
            return known;
        }
        let text = self.strings.get(id);
        let number = self.add(text, tint(text));
        self.of_text[slot] = number;
        number
    }
}

/// As the report classes kernels and operators.
fn operation(text: &str) -> Tint {
    let rules = Rules::built_in();
    let category = match rules.communication(text) {
        Some(_) => COMMUNICATION,
        None => rules.category(text),
    };
    Tint::new(Category::of_rule(category), text)
}

fn range(text: &str) -> Tint {
    Tint::new(Category::of_range(text), text)
}

fn ranges(mut sorter: Sorter<'_>) -> Sorter<'_> {
    for (row, range_row) in sorter.recording.ranges.iter().enumerate() {
        let (thread, kind) = (range_row.thread_id, TrackKind::Ranges);
        let place = Place::Thread { thread, kind, domain: range_row.domain_id };
        let label = sorter.labels.of(range_row.name_id, range);
        let times = (range_row.start_ns, range_row.end_ns);
        sorter.push((range_row.process_id, place), row, times, label);
    }
    sorter
}

fn marks(mut sorter: Sorter<'_>) -> Sorter<'_> {
    for (row, mark) in sorter.recording.marks.iter().enumerate() {
        let (thread, kind) = (mark.thread_id, TrackKind::Marks);
        let place = Place::Thread { thread, kind, domain: StringId(0) };
        let label = sorter.labels.of(mark.name_id, range);
        sorter.push((mark.process_id, place), row, (mark.time_ns, mark.time_ns), label);
    }
    sorter
}

fn operators(mut sorter: Sorter<'_>) -> Sorter<'_> {
    for (row, operator) in sorter.recording.operators.iter().enumerate() {
        let (thread, kind) = (operator.thread_id, TrackKind::Operators);
        let place = Place::Thread { thread, kind, domain: StringId(0) };
        let label = sorter.labels.of(operator.name_id, operation);
        let times = (operator.start_ns, operator.end_ns);
        sorter.push((operator.process_id, place), row, times, label);
    }
    sorter
}

fn api_calls(mut sorter: Sorter<'_>) -> Sorter<'_> {
    for (row, call) in sorter.recording.api_calls.iter().enumerate() {
        let (thread, kind) = (call.thread_id, TrackKind::Api);
        let place = Place::Thread { thread, kind, domain: StringId(0) };
        let label = sorter.labels.of(call.name_id, |text| Tint::new(Category::Api, text));
        sorter.push((call.process_id, place), row, (call.start_ns, call.end_ns), label);
    }
    sorter
}

fn collectives(mut sorter: Sorter<'_>) -> Sorter<'_> {
    let tint = |text: &str| Tint::new(Category::Communication, text);
    for (row, collective) in sorter.recording.collectives.iter().enumerate() {
        let label = sorter.labels.of(collective.op_id, tint);
        let times = (collective.start_ns, collective.end_ns);
        sorter.push((collective.process_id, Place::Collectives), row, times, label);
    }
    sorter
}

fn kernels(mut sorter: Sorter<'_>) -> Sorter<'_> {
    for (row, kernel) in sorter.recording.kernels.iter().enumerate() {
        let place = Place::Stream { stream: kernel.stream_id, kind: TrackKind::Kernels };
        let label = sorter.labels.of(kernel.name_id, operation);
        sorter.push((kernel.process_id, place), row, (kernel.start_ns, kernel.end_ns), label);
    }
    sorter
}

fn copies(mut sorter: Sorter<'_>) -> Sorter<'_> {
    let mut of_kind = BTreeMap::new();
    for (row, copy) in sorter.recording.copies.iter().enumerate() {
        let place = Place::Stream { stream: copy.stream_id, kind: TrackKind::Copies };
        let labels = &mut sorter.labels;
        let label = *of_kind.entry(copy.kind).or_insert_with(|| {
            let text = copy.kind.as_str();
            labels.add(text, Tint::new(Category::Copy, text))
        });
        sorter.push((copy.process_id, place), row, (copy.start_ns, copy.end_ns), label);
    }
    sorter
}
