//! What was wrong with a trace that could be read all the same, counted by kind, with the first place.

use serde::Serialize;

/// One thing that is wrong with a trace, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The first place: in bytes of the uncompressed text, or the row of the table that `text` names.
    pub offset: u64,
    /// How often it was met.
    pub count: u64,
    /// One sentence that names the place.
    pub text: String,
}

/// A kind of damage, and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// An event that cannot be read; left out.
    Unreadable,
    /// Something between events; passed over.
    Stray,
    /// An event that is no valid JSON but could be understood.
    Mended,
    /// An event whose time is missing or no number; left out.
    NoTime,
    /// A time finer than a nanosecond; rounded.
    Finer,
    /// The text ends before the trace does.
    CutOff,
    /// A fact beside the events that cannot be understood; ignored.
    Fact,
    /// A row of a table that cannot be read; left out.
    Row,
    /// A hardware counter whose value is none; left out.
    NoNumber,
    /// Something that a reader of the figures should know; its detail is the whole sentence.
    Doubt,
    /// An event that is earlier than the one before it, in a list that has an order of its own; moved to its time.
    OutOfOrder,
    /// No event has a time.
    NoClock,
    /// An event that cannot be true beside the others.
    Contradicts,
    /// The text goes on after the trace, or is damaged after its events; ignored.
    Trailing,
}

impl Problem {
    /// Whether each of its occurrences is an event that is not in the recording.
    const fn loses_event(self) -> bool {
        matches!(self, Self::Unreadable | Self::NoTime | Self::Row)
    }

    fn sentence(self, count: u64, offset: u64, detail: &str) -> String {
        let (first, events, pieces, times, rows) = if count == 1 {
            let one = |noun: &str| format!("1 {noun}");
            ("at", one("event"), one("piece"), one("time"), one("row"))
        } else {
            (
                "the first at",
                format!("{count} events"),
                format!("{count} pieces"),
                format!("{count} times"),
                format!("{count} rows"),
            )
        };
        match self {
            Self::Unreadable => {
                format!("{events} could not be read and left out, {first} byte {offset}: {detail}")
            }
            Self::Stray => {
                format!(
                    "{pieces} of text between events passed over, {first} byte {offset}: {detail}"
                )
            }
            Self::Mended => {
                format!("{events} kept that are not valid JSON, {first} byte {offset}: {detail}")
            }
            Self::NoTime => {
                format!("{events} without a usable time left out, {first} byte {offset}: {detail}")
            }
            Self::Finer => {
                format!("{times} finer than a nanosecond rounded, {first} byte {offset}: {detail}")
            }
            Self::CutOff => format!("ends at byte {offset} before the trace does: {detail}"),
            Self::Fact => format!("a fact at byte {offset} is ignored: {detail}"),
            Self::Row => {
                format!("{rows} could not be read and left out, {first} byte {offset}: {detail}")
            }
            Self::NoNumber => {
                let values = if count == 1 { "1 value" } else { &format!("{count} values") };
                format!(
                    "{values} of hardware counters that are no numbers left out, {first} byte {offset}: {detail}"
                )
            }
            Self::Doubt => format!("{detail} (byte {offset})"),
            Self::OutOfOrder => {
                format!(
                    "{events} moved to the time of the event before, which is later, {first} byte {offset}: {detail}"
                )
            }
            Self::NoClock => {
                format!("no event has a time, the first is at byte {offset}: {detail}")
            }
            Self::Contradicts => {
                format!("{events} contradict others, {first} byte {offset}: {detail}")
            }
            Self::Trailing => format!("what begins at byte {offset} is ignored: {detail}"),
        }
    }
}

/// The problems of one trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    problem: Problem,
    count: u64,
    offset: u64,
    detail: String,
}

impl Problems {
    /// Takes note of a problem at `offset`; only the first of a kind is described.
    pub(crate) fn add(&mut self, problem: Problem, offset: u64, detail: impl FnOnce() -> String) {
        match self.0.iter_mut().find(|entry| entry.problem == problem) {
            Some(entry) => entry.count += 1,
            None => self.0.push(Entry { problem, count: 1, offset, detail: detail() }),
        }
    }

    /// Takes note of the problems of what comes behind.
    pub(crate) fn join(&mut self, other: Self) {
        for new in other.0 {
            let known = self.0.iter_mut().find(|entry| {
                entry.problem == new.problem
                    && (entry.problem != Problem::Doubt || entry.detail == new.detail)
            });
            match known {
                Some(known) if new.problem == Problem::Doubt => debug_assert_eq!(known.count, 1),
                Some(known) => known.count += new.count,
                None => self.0.push(new),
            }
        }
    }

    /// Takes note of something at `offset` that concerns the text as a whole, in a sentence of its own.
    pub(crate) fn doubt(&mut self, offset: u64, sentence: impl Into<String>) {
        let detail = sentence.into();
        let is_same = |entry: &Entry| entry.problem == Problem::Doubt && entry.detail == detail;
        if !self.0.iter().any(is_same) {
            self.0.push(Entry { problem: Problem::Doubt, count: 1, offset, detail });
        }
    }

    /// How many events are known to be missing.
    pub(crate) fn events_lost(&self) -> u64 {
        let lost = self.0.iter().filter(|entry| entry.problem.loses_event());
        lost.map(|entry| entry.count).sum()
    }

    /// One warning a kind, in the order in which they were first met.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.0
            .iter()
            .map(|&Entry { problem, count, offset, ref detail }| Warning {
                offset,
                count,
                text: problem.sentence(count, offset, detail),
            })
            .collect()
    }
}
