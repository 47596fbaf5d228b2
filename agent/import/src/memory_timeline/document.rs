//! The text of a timeline, one entry at a time.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::timeline::Timeline;
use crate::warning::Problem;
use crate::window::{Finish, Window};

/// Which of the two files it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A list of changes.
    Changes,
    /// A list of times and a list of sizes.
    Sizes,
}

impl Shape {
    /// By the beginning: `[[1, 1, 512, 0], [` a number, or `[[` numbers `], [[`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let mut marks = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).peekable();
        if marks.next() != Some(b'[') || marks.next() != Some(b'[') {
            return None;
        }
        let mut numbers = 1;
        loop {
            match marks.next() {
                Some(b'0'..=b'9' | b'-') => {}
                Some(b',') => numbers += 1,
                Some(b']') => break,
                // A list that is longer than what is seen of it is one of times.
                None if numbers > 4 => return Some(Self::Sizes),
                _ => return None,
            }
        }
        match (marks.next(), marks.next(), marks.next()) {
            (Some(b','), Some(b'['), Some(b'[' | b']')) => Some(Self::Sizes),
            (Some(b','), Some(b'['), _) | (Some(b']'), ..) if numbers == 4 => Some(Self::Changes),
            _ => None,
        }
    }
}

/// How much of a timeline tells its shape.
const HEAD: usize = 512;

/// Reads a timeline as far as possible; what is wrong with it is among its problems.
pub(super) fn read<R: Read>(window: &mut Window<R>) -> Timeline {
    let mut timeline = Timeline::default();
    window.next_mark();
    while window.bytes().len() < HEAD && window.more() {}
    let Some(shape) = Shape::of(window.bytes()) else {
        let what = || "it is no list of memory events".to_owned();
        timeline.problems.add(Problem::Stray, window.offset(), what);
        return timeline;
    };
    let at = Cell::new(window.offset());
    let mut text = serde_json::Deserializer::from_reader(Text { window, at: &at });
    let result = Document { shape, timeline: &mut timeline, at: &at }
        .deserialize(&mut text)
        .and_then(|()| text.end());
    if let Err(error) = result {
        let failed = match window.finish() {
            Some(Finish::Failed(why)) => format!("the rest cannot be read: {why}"),
            _ => error.to_string(),
        };
        let problem =
            if error.is_eof() || error.is_io() { Problem::CutOff } else { Problem::Trailing };
        timeline.problems.add(problem, at.get(), || failed);
    }
    timeline.finish();
    timeline
}

/// A window as `serde_json` reads it, byte by byte; `at` is where it stands.
struct Text<'a, R> {
    window: &'a mut Window<R>,
    at: &'a Cell<u64>,
}

impl<R: Read> Read for Text<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.window.bytes().is_empty() && !self.window.more() {
            return match self.window.finish() {
                Some(Finish::Failed(why)) => Err(io::Error::other(why.clone())),
                _ => Ok(0),
            };
        }
        let count = self.window.bytes().len().min(into.len());
        into[..count].copy_from_slice(&self.window.bytes()[..count]);
        self.window.consume(count);
        self.at.set(self.window.offset());
        Ok(count)
    }
}

struct Document<'a> {
    shape: Shape,
    timeline: &'a mut Timeline,
    at: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { shape, timeline, at } = self;
        if shape == Shape::Changes {
            return each(&mut list, at, |value, at| timeline.change(value, at));
        }
        let times = Entries { with: &mut |value, at| timeline.time(value, at), at };
        list.next_element_seed(times)?.ok_or_else(|| A::Error::custom("the times are missing"))?;
        let sizes = Entries { with: &mut |value, at| timeline.sizes(value, at), at };
        list.next_element_seed(sizes)?.ok_or_else(|| A::Error::custom("the sizes are missing"))?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A list whose entries are handed over with their places.
struct Entries<'a> {
    with: &'a mut dyn FnMut(&str, u64),
    at: &'a Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        each(&mut list, self.at, self.with)
    }
}

fn each<'de, A: SeqAccess<'de>>(
    list: &mut A,
    at: &Cell<u64>,
    mut with: impl FnMut(&str, u64),
) -> Result<(), A::Error> {
    while let Some((value, offset)) = list.next_element_seed(Placed(at))? {
        with(value.get(), offset);
    }
    Ok(())
}

/// A value as it is written, and where.
struct Placed<'a>(&'a Cell<u64>);

impl<'de> DeserializeSeed<'de> for Placed<'_> {
    type Value = (Box<RawValue>, u64);
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // Its first byte has been looked at.
        let offset = self.0.get().saturating_sub(1);
        Ok((Box::<RawValue>::deserialize(deserializer)?, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn files_by_their_beginning() {
        for (head, shape) in [
            ("[[-1, 1, 512, 0], [5, 2, 8, 7]]", Some(Shape::Changes)),
            ("[[-1,1,512,0]]", Some(Shape::Changes)),
            ("[ [5, 6], [[0, 1], [0, 2]]]", Some(Shape::Sizes)),
            ("[[5, 6, 7, 8], [[0, 1]", Some(Shape::Sizes)),
            ("[[], []]", Some(Shape::Sizes)),
            ("[[5, 6, 7, 8, 9, 1", Some(Shape::Sizes)),
            ("[[5, 6, 7, 8", None),
            ("[[1, 2, 3], [4, 5, 6]]", None),
            ("[[1.5, 2", None),
            ("[{\"a\": 1}]", None),
            ("[1, 2]", None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(Shape::of(head.as_bytes()), shape, "{head}");
        }
    }
}
