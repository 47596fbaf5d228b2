//! The walk through the text of a trace: the document around the events, one event at a time, and how
//! to go on behind damage.
//!
//! Only the piece of text around the current event is in memory. Events are read by `serde_json` straight
//! from that piece; what stands around them is found here, because where reading fails one must know
//! from which byte to go on.

use std::io::Read;

use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::collect::Collector;
use super::event::Event;
use super::facts;
use super::mend::{closing_brace, end_of_list, mend, next_boundary};
use super::regular::{self, Division};
use crate::json_error::{is_cut, plain};
use crate::warning::{Problem, Problems};
use crate::window::{Finish, Window};

/// No event and no fact is longer than this: what seems to be is damage.
const LONGEST: usize = 16 << 20;

/// Within this far the end of a damaged event is looked for by its braces.
const NEAR: usize = 1 << 16;

/// Why a text gave no events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no trace.
    NotATrace(String),
    /// It is damaged before the first event.
    Damaged(u64, String),
}

/// Reads a whole trace.
pub(crate) fn read<R: Read>(window: &mut Window<R>) -> Result<Collector, Unusable> {
    read_divided(window, Division::of_this_machine())
}

/// [`read`], with the text divided in a way of one's own.
pub(crate) fn read_divided<R: Read>(
    window: &mut Window<R>,
    division: Division,
) -> Result<Collector, Unusable> {
    let mut collector = Collector::default();
    let mut walk =
        Walk { window, collector: &mut collector, division, undivided: 0, found_events: false };
    match walk.document() {
        Ok(()) => walk.rest(),
        Err(Damage { offset, what, ended }) if walk.found_events => {
            let problem = if ended { Problem::CutOff } else { Problem::Trailing };
            walk.problems().add(problem, offset, || what);
        }
        Err(Damage { offset, what, .. }) => return Err(Unusable::Damaged(offset, what)),
    }
    if !walk.found_events {
        let what = "is JSON but no trace: it has no list `traceEvents`";
        return Err(Unusable::NotATrace(what.to_owned()));
    }
    collector.finish();
    if collector.trace.kept() == 0 {
        let problems = collector.problems.warnings();
        if let Some(problem) = problems.into_iter().next() {
            return Err(Unusable::Damaged(
                problem.offset,
                format!("there is nothing to import; {}", problem.text),
            ));
        }
    }
    Ok(collector)
}

struct Walk<'a, R> {
    window: &'a mut Window<R>,
    collector: &'a mut Collector,
    division: Division,
    /// Up to here parts of the text are not read at once: where much is wrong, most of it would be for nothing.
    undivided: u64,
    found_events: bool,
}

/// Damage of the document around the events.
struct Damage {
    offset: u64,
    what: String,
    /// The text is over.
    ended: bool,
}

impl<R: Read> Walk<'_, R> {
    fn problems(&mut self) -> &mut Problems {
        &mut self.collector.problems
    }

    /// The object around everything.
    fn document(&mut self) -> Result<(), Damage> {
        self.mark(b'{', "`{`")?;
        if self.window.next_mark() == Some(b'}') {
            self.window.consume(1);
            return Ok(());
        }
        loop {
            let key = self.key()?;
            self.mark(b':', "`:` behind a key")?;
            let first = self.window.next_mark();
            if key == "traceEvents" && first == Some(b'[') && !self.found_events {
                self.found_events = true;
                self.window.consume(1);
                if !self.events() {
                    return Ok(());
                }
            } else if facts::is_wanted(&key) {
                self.fact(&key)?;
            } else {
                self.skip(&key)?;
            }
            match self.window.next_mark() {
                Some(b',') => self.window.consume(1),
                Some(b'}') => {
                    self.window.consume(1);
                    return Ok(());
                }
                other => return self.unexpected(other, "`,` or `}`"),
            }
        }
    }

    /// What stands behind the document.
    fn rest(&mut self) {
        if let Some(byte) = self.window.next_mark() {
            let offset = self.window.offset();
            self.problems().add(Problem::Trailing, offset, || {
                format!("{} behind the end of the trace", shown(byte))
            });
        } else if let Some(Finish::Failed(why)) = self.window.finish().cloned() {
            // The check sum of a gzip file stands at its very end.
            let offset = self.window.offset();
            self.problems().add(Problem::CutOff, offset, || why);
        }
    }

    fn mark(&mut self, wanted: u8, what: &str) -> Result<(), Damage> {
        match self.window.next_mark() {
            Some(byte) if byte == wanted => {
                self.window.consume(1);
                Ok(())
            }
            other => self.unexpected(other, what),
        }
    }

    /// Something else stands where `what` is expected.
    fn unexpected<T>(&mut self, found: Option<u8>, what: &str) -> Result<T, Damage> {
        let Some(byte) = found else { return self.ended(what) };
        let what = format!("{what} is expected but {} stands there", shown(byte));
        Err(Damage { offset: self.window.offset(), what, ended: false })
    }

    /// The text ends where `what` is expected.
    fn ended<T>(&mut self, what: &str) -> Result<T, Damage> {
        let offset = self.window.offset() + self.window.bytes().len() as u64;
        let what = match self.window.finish() {
            Some(Finish::Failed(why)) => format!("{what} is missing ({why})"),
            _ => format!("{what} is missing"),
        };
        Err(Damage { offset, what, ended: true })
    }

    /// A key of the document.
    fn key(&mut self) -> Result<String, Damage> {
        let first = self.window.next_mark();
        if first != Some(b'"') {
            return self.unexpected(first, "a key");
        }
        loop {
            let piece = self.window.bytes();
            let mut texts = Deserializer::from_slice(piece).into_iter::<String>();
            match texts.next() {
                Some(Ok(key)) => {
                    let length = texts.byte_offset();
                    self.window.consume(length);
                    return Ok(key);
                }
                Some(Err(error)) if !is_cut(&error, piece) => {
                    let why = format!("a key is no text: {}", plain(&error));
                    return Err(Damage { offset: self.window.offset(), what: why, ended: false });
                }
                _ => {}
            }
            if self.window.bytes().len() >= LONGEST || !self.window.more() {
                return self.ended("the end of a key");
            }
        }
    }

    /// A value that is needed.
    fn fact(&mut self, key: &str) -> Result<(), Damage> {
        loop {
            let offset = self.window.offset();
            let piece = self.window.bytes();
            let mut values = Deserializer::from_slice(piece).into_iter::<&RawValue>();
            match values.next() {
                // A number goes on with the next piece, perhaps.
                Some(Ok(value)) if values.byte_offset() < piece.len() => {
                    facts::take(self.collector, key, value, offset);
                    let length = values.byte_offset();
                    self.window.consume(length);
                    return Ok(());
                }
                Some(Err(error)) if !is_cut(&error, piece) => {
                    let why = plain(&error);
                    self.problems().add(Problem::Fact, offset, || format!("`{key}`: {why}"));
                    return self.skip(key);
                }
                _ => {}
            }
            if self.window.bytes().len() >= LONGEST || !self.window.more() {
                return self.ended(&format!("the end of `{key}`"));
            }
        }
    }

    /// Passes over a value by its brackets and quotes, without keeping it.
    fn skip(&mut self, key: &str) -> Result<(), Damage> {
        let (mut depth, mut in_text, mut escaped, mut any) = (0_u64, false, false, false);
        loop {
            let end = self.window.bytes().iter().position(|&byte| {
                if in_text {
                    (in_text, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
                    return false;
                }
                // Of a number or word the end is what follows it.
                if depth == 0 && any && matches!(byte, b',' | b'}' | b']') {
                    return true;
                }
                match byte {
                    b'"' => in_text = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                any = true;
                false
            });
            if let Some(end) = end {
                self.window.consume(end);
                return Ok(());
            }
            let used = self.window.bytes().len();
            self.window.consume(used);
            if !self.window.more() {
                return self.ended(&format!("the end of `{key}`"));
            }
        }
    }

    /// The events, up to the end of their list. False when the text ended before it.
    fn events(&mut self) -> bool {
        let mut expects_comma = false;
        loop {
            match self.window.next_mark() {
                Some(b']') => {
                    self.window.consume(1);
                    if !self.is_event_next() {
                        return true;
                    }
                    self.stray(b']');
                    expects_comma = false;
                }
                Some(b',') if expects_comma => {
                    self.window.consume(1);
                    expects_comma = false;
                }
                Some(b'{') => {
                    if expects_comma {
                        self.stray(b'{');
                    }
                    if self.regular_events() {
                        expects_comma = false;
                        continue;
                    }
                    if !self.event() {
                        return false;
                    }
                    expects_comma = true;
                }
                Some(other) => {
                    self.stray(other);
                    self.pass_over();
                    expects_comma = false;
                }
                None => {
                    self.cut_off("the end of `traceEvents`");
                    return false;
                }
            }
        }
    }

    /// Whether an event follows where the list of events seemed to end: then the bracket is damage. The
    /// event's own brace may be what has become the bracket.
    fn is_event_next(&mut self) -> bool {
        let first = self.window.next_mark();
        while self.window.bytes().len() < 8 && self.window.more() {}
        let keys: [&[u8]; 3] = [b"\"ph\"", b"\"name\"", b"\"cat\""];
        first == Some(b'{') || keys.iter().any(|key| self.window.bytes().starts_with(key))
    }

    /// Goes from a stray byte to where an event or the end of their list may be.
    fn pass_over(&mut self) {
        self.window.consume(1);
        if matches!(self.window.next_mark(), None | Some(b'{' | b']')) {
            return;
        }
        // Most likely the brace at the beginning of an event is what is damaged.
        let piece = self.window.bytes();
        let next = next_boundary(piece, 0).ok();
        let next = next.or_else(|| piece.iter().position(|&byte| matches!(byte, b'{' | b']')));
        let passed = next.unwrap_or(piece.len());
        self.window.consume(passed);
    }

    /// As many events as there are of which nothing is wrong. False when there is not even one.
    fn regular_events(&mut self) -> bool {
        if self.window.bytes().len() < self.division.least {
            while self.window.bytes().len() < self.division.piece && self.window.more() {}
        }
        let offset = self.window.offset();
        let (text, _) = self.window.text();
        let division =
            if offset < self.undivided { self.division.undivided() } else { self.division };
        let read = regular::read(text, offset, division, self.collector);
        if read.was_in_vain {
            self.undivided = offset + 8 * self.division.piece as u64;
        }
        self.window.consume(read.length);
        read.length > 0
    }

    /// One event. False when the text ended in it.
    fn event(&mut self) -> bool {
        loop {
            let offset = self.window.offset();
            let (text, piece) = self.window.text();
            let mut event = Event::default();
            let mut read = event.read(Deserializer::from_str(text));
            if read.is_err() && text.len() < piece.len() {
                // It may be that bytes which are no text follow, or stand in it.
                event = Event::default();
                read = event.read(Deserializer::from_slice(piece));
            }
            match read {
                Ok(length) => {
                    if !self.collector.event(&event, &piece[..length], offset) {
                        let problems = &mut self.collector.problems;
                        problems.add(Problem::Unreadable, offset, || "it has no `ph`".to_owned());
                    }
                    self.window.consume(length);
                    return true;
                }
                Err(error) if !is_cut(&error, piece) || piece.len() >= LONGEST => {
                    let why = plain(&error);
                    return self.behind_damage(&why);
                }
                Err(_) => {}
            }
            if !self.window.more() {
                self.cut_off("the end of an event");
                return false;
            }
        }
    }

    /// Makes the best of an event that cannot be read, and goes on behind it. False when no further event
    /// was found.
    fn behind_damage(&mut self, why: &str) -> bool {
        let (closed, boundary) = loop {
            let bytes = self.window.bytes();
            let boundary = next_boundary(bytes, 1).ok();
            // Quotes in disorder hide the brace that ends the event: do not look for it too far.
            let near = boundary.map_or(bytes.len(), |_| bytes.len().min(NEAR));
            let closed = closing_brace(&bytes[..near]);
            if boundary.or(closed).is_some() || bytes.len() >= LONGEST || !self.window.more() {
                break (closed, boundary);
            }
        };
        let offset = self.window.offset();
        // The last event has no next one, and where its end only seems to be nothing may be passed over.
        let last = boundary.is_none().then(|| end_of_list(self.window.bytes())).flatten();
        for end in [closed, boundary, last].into_iter().flatten() {
            let Some((mended, how)) = mend(&self.window.bytes()[..end]) else { continue };
            let mut event = Event::default();
            let read = event.read(Deserializer::from_slice(&mended));
            if read.is_ok_and(|length| length == mended.len())
                && self.collector.event(&event, &mended, offset)
            {
                self.problems().add(Problem::Mended, offset, || how.to_owned());
                self.window.consume(end);
                return true;
            }
        }
        self.problems().add(Problem::Unreadable, offset, || why.to_owned());
        let Some(end) = boundary.or(closed) else {
            self.cut_off("a further event that can be read");
            return false;
        };
        self.window.consume(end);
        true
    }

    fn stray(&mut self, byte: u8) {
        let offset = self.window.offset();
        self.problems().add(Problem::Stray, offset, || format!("{} stands there", shown(byte)));
    }

    /// The text ended among the events.
    fn cut_off(&mut self, what: &str) {
        if let Err::<(), _>(Damage { offset, what, .. }) = self.ended(what) {
            self.problems().add(Problem::CutOff, offset, || what);
        }
        let rest = self.window.bytes().len();
        self.window.consume(rest);
    }
}

/// A byte for a message.
fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() {
        format!("`{}`", byte as char)
    } else {
        format!("byte {byte:#04x}")
    }
}
