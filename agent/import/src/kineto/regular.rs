//! Events that stand one behind the other as they should: read without a look at every byte between them, and, where the
//! machine has several processors, in several places of the text at once.
//!
//! Where a place is chosen wrongly, because what looks like the beginning of an event stands within a text, the events before it do
//! not end there. Then what was read from it on is thrown away.

use std::panic::resume_unwind;
use std::thread;

use serde_json::Deserializer;

use super::collect::Collector;
use super::event::Event;
use super::mend::next_boundary;

/// How a text is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Division {
    /// Parts that are read at once, at most.
    pub(crate) parts: usize,
    /// Bytes of a part, at least: fewer are read sooner than a thread is started.
    pub(crate) least: usize,
    /// Bytes that are waited for before a piece is divided.
    pub(crate) piece: usize,
}

impl Division {
    /// For this machine.
    pub(crate) fn of_this_machine() -> Self {
        /// What the parts have read is joined one after the other, so that more of them bring little.
        const MOST_PARTS: usize = 4;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { parts: processors.min(MOST_PARTS), least: 1 << 17, piece: 1 << 20 }
    }

    /// The same without parts.
    pub(crate) const fn undivided(self) -> Self {
        Self { parts: 1, ..self }
    }
}

/// What was read of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Regular {
    /// Up to where: behind an event and its comma, or the very beginning.
    pub(crate) length: usize,
    /// Not even the first of several parts was read to its end.
    pub(crate) was_in_vain: bool,
}

/// Reads the events at the beginning of `text`, which stands at `offset`, up to the first thing that is not as it should be, or is
/// cut off.
pub(crate) fn read(
    text: &str,
    offset: u64,
    division: Division,
    collector: &mut Collector,
) -> Regular {
    let parts = division.parts.min(text.len() / division.least.max(1)).max(1);
    let starts: Vec<usize> = (0..parts).filter_map(|part| beginning(text, part, parts)).collect();
    if starts.len() < 2 {
        let length = read_up_to(text, (0, text.len()), offset, collector);
        return Regular { length, was_in_vain: false };
    }
    let end_of = |part: usize| starts.get(part + 1).copied().unwrap_or(text.len());
    thread::scope(|scope| {
        let others: Vec<_> = (1..starts.len())
            .map(|part| {
                let between = (starts[part], end_of(part));
                scope.spawn(move || {
                    let mut collector = Collector::default();
                    let end = read_up_to(text, between, offset, &mut collector);
                    (end, collector)
                })
            })
            .collect();
        let mut end = read_up_to(text, (0, end_of(0)), offset, collector);
        let was_in_vain = end < end_of(0);
        for (other, start) in others.into_iter().zip(&starts[1..]) {
            let (other_end, other) = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            if end != *start || !collector.join(other) {
                break;
            }
            end = other_end;
        }
        Regular { length: end, was_in_vain }
    })
}

/// Where the part that is the number `part` of `parts` begins.
fn beginning(text: &str, part: usize, parts: usize) -> Option<usize> {
    if part == 0 {
        return Some(0);
    }
    let bytes = text.as_bytes();
    // The end of this part is that of the text or where the next part begins.
    let from = text.len() / parts * part;
    let to = text.len() / parts * (part + 1);
    let brace = next_boundary(&bytes[..to], from).ok()?;
    let event = bytes[brace..].iter().position(|&byte| byte == b'{')?;
    Some(brace + event)
}

/// Reads events from the first place on, until one begins at the second or behind it.
fn read_up_to(
    text: &str,
    (start, end): (usize, usize),
    offset: u64,
    collector: &mut Collector,
) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < end && bytes.get(at) == Some(&b'{') {
        let Some(rest) = text.get(at..) else { break };
        let mut event = Event::default();
        let Ok(length) = event.read(Deserializer::from_str(rest)) else { break };
        // Behind the last event there is no comma: how it goes on is not for here.
        let Some(next) = next_event(bytes, at + length) else { break };
        if !collector.event(&event, &bytes[at..at + length], offset + at as u64) {
            break;
        }
        at = next;
    }
    at
}

/// Where the event begins that follows a comma.
fn next_event(bytes: &[u8], from: usize) -> Option<usize> {
    let comma = mark(bytes, from).filter(|&at| bytes[at] == b',')?;
    mark(bytes, comma + 1).filter(|&at| bytes[at] == b'{')
}

/// The next byte that is no white space.
fn mark(bytes: &[u8], from: usize) -> Option<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    Some(from + bytes.get(from..)?.iter().position(|byte| !blank(byte))?)
}

#[cfg(test)]
mod tests {
    use super::{Division, Regular, read};
    use crate::kineto::collect::Collector;

    const SMALL: Division = Division { parts: 3, least: 1, piece: 1 };

    fn events(names: &[&str]) -> String {
        let event = |name: &&str| {
            format!(
                r#"{{"ph": "X", "cat": "cpu_op", "name": "{name}", "pid": 1, "tid": 2, "ts": 1, "dur": 1}}"#
            )
        };
        names.iter().map(event).collect::<Vec<_>>().join(",\n")
    }

    fn names(collector: &Collector) -> Vec<&str> {
        let trace = &collector.trace;
        trace.operators.iter().map(|row| trace.texts.get(row.name)).collect()
    }

    #[test]
    fn several_parts_are_as_one() {
        let wanted = ["a", "b", "a", "c", "d", "b", "e"];
        let text = format!("{}]", events(&[&wanted[..], &["last"]].concat()));
        let mut collector = Collector::default();
        let last = text.rfind('{').unwrap();
        let regular = Regular { length: last, was_in_vain: false };
        assert_eq!(read(&text, 0, SMALL, &mut collector), regular);
        assert_eq!(names(&collector), wanted);
        let mut alone = Collector::default();
        assert_eq!(read(&text, 0, SMALL.undivided(), &mut alone), regular);
        assert_eq!(collector.trace, alone.trace);
        assert_eq!((collector.events, alone.events), (7, 7));
    }

    /// A name in which something stands that looks like the beginning of an event.
    #[test]
    fn a_part_that_begins_within_a_name_is_thrown_away() {
        let fake = r#"}, {\"ph\": \"X\", "#.repeat(40);
        let text = format!("{}]", events(&["a", &fake, "b", "last"]));
        let fake = fake.replace('\\', "");
        let mut collector = Collector::default();
        let read = read(&text, 0, SMALL, &mut collector);
        assert_eq!(names(&collector), ["a", &fake, "b"]);
        assert_eq!(read.length, text.rfind(r#"{"ph": "X", "cat""#).unwrap());
    }

    #[test]
    fn it_stops_at_what_is_wrong() {
        let text =
            events(&["a", "b"]) + ", " + &events(&["c"]) + " " + &events(&["d", "e", "f", "g"]);
        for division in [SMALL, SMALL.undivided()] {
            let mut collector = Collector::default();
            let length = read(&text, 0, division, &mut collector).length;
            assert_eq!(names(&collector), ["a", "b"]);
            assert!(text[length..].contains(r#""name": "c""#) && text[length..].starts_with('{'));
        }
    }
}
