//! What is wrong with a trace that can be read all the same, counted by kind, with the first line.

use crate::warning::Warning;

/// A kind of damage, and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A line with too few fields; left out.
    Short,
    /// A line with a quote that is not closed; left out.
    Quote,
    /// A line without a usable time; left out.
    NoTime,
    /// A field that should be a number; ignored.
    Value,
    /// A time finer than a nanosecond; rounded.
    Finer,
    /// A size that the file itself rounds.
    Coarse,
    /// Calls of a process that is not the one that operations were taken for.
    Several,
    /// The last line has no end.
    NotEnded,
    /// The text cannot be read to its end.
    CutOff,
}

/// The problems of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    problem: Problem,
    count: u64,
    line: u64,
    detail: String,
}

impl Problems {
    /// Takes note of a problem in a line; only the first of a kind is described.
    pub(crate) fn add(&mut self, problem: Problem, line: u64, detail: impl FnOnce() -> String) {
        match self.0.iter_mut().find(|entry| entry.problem == problem) {
            Some(entry) => entry.count += 1,
            None => self.0.push(Entry { problem, count: 1, line, detail: detail() }),
        }
    }

    /// How many events are known to be missing.
    pub(crate) fn events_lost(&self) -> u64 {
        let is_lost =
            |problem| matches!(problem, Problem::Short | Problem::Quote | Problem::NoTime);
        let lost = self.0.iter().filter(|entry| is_lost(entry.problem));
        lost.map(|entry| entry.count).sum()
    }

    /// One warning a kind, in the order in which they were first met.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let warning = |entry: &Entry| Warning {
            offset: entry.line,
            count: entry.count,
            text: entry.sentence(),
        };
        self.0.iter().map(warning).collect()
    }
}

impl Entry {
    fn sentence(&self) -> String {
        let Self { count, line, detail, .. } = self;
        let (lines, first) = if *count == 1 {
            ("1 line".to_owned(), "line")
        } else {
            (format!("{count} lines"), "the first is line")
        };
        match self.problem {
            Problem::Short => {
                format!("{lines} with fields missing left out ({first} {line}): {detail}")
            }
            Problem::Quote => {
                format!(
                    "{lines} with a quote that is not closed left out ({first} {line}): {detail}"
                )
            }
            Problem::NoTime => {
                format!("{lines} without a usable time left out ({first} {line}): {detail}")
            }
            Problem::Value => {
                format!(
                    "{lines} with a field that is no number, which is ignored ({first} {line}): {detail}"
                )
            }
            Problem::Finer => {
                format!(
                    "{lines} with a time finer than a nanosecond, which is rounded ({first} {line}): {detail}"
                )
            }
            Problem::Coarse => {
                format!(
                    "{lines} with a size that nsys has rounded to {detail} bytes ({first} {line})"
                )
            }
            Problem::Several => format!(
                "{lines} with calls of another process ({first} {line}): operations of the GPU do not tell theirs, and may be linked to calls of another one: {detail}"
            ),
            Problem::NotEnded => {
                format!("line {line} does not end: the file may have been cut off there")
            }
            Problem::CutOff => format!("cannot be read behind line {line}: {detail}"),
        }
    }
}
