//! A piece of a long text in memory: what has been read and not yet been used.

use std::io::{ErrorKind, Read};

/// How much is read at once.
const PIECE: usize = 1 << 18;

/// Reads a text piece by piece and knows where in it one stands.
pub(crate) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Up to here the bytes are known to be UTF-8.
    valid: usize,
    offset: u64,
    finished: Option<Finish>,
}

/// How a text came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// There was no more.
    Complete,
    /// The rest could not be read; says why.
    Failed(String),
}

impl<R: Read> Window<R> {
    /// Starts at the beginning of `reader`.
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; PIECE],
            start: 0,
            end: 0,
            valid: 0,
            offset: 0,
            finished: None,
        }
    }

    /// What has been read and not yet been used.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// As much of the beginning of [`Window::bytes`] as is UTF-8, which is looked at once, and all of them.
    pub(crate) fn text(&mut self) -> (&str, &[u8]) {
        if self.valid < self.end {
            self.valid = self.valid.max(self.start);
            let rest = &self.buffer[self.valid..self.end];
            self.valid += match std::str::from_utf8(rest) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
        }
        let piece = &self.buffer[self.start..self.end];
        let known = &piece[..self.valid.saturating_sub(self.start)];
        if known.first().is_some_and(|first| (0x80..0xc0).contains(first)) {
            // What was used ended within a character.
            return ("", piece);
        }
        #[expect(
            unsafe_code,
            reason = "the bytes would be looked at again for every event in them"
        )]
        // SAFETY: the bytes before `valid` were found to be UTF-8 from the `start` of then on, `more` moves them as they are and
        // lowers `valid` by as much, nothing else writes there; and `known` does not begin within a character.
        let text = unsafe { std::str::from_utf8_unchecked(known) };
        (text, piece)
    }

    /// Where [`Window::bytes`] begins in the text.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// How the text ended, once it has.
    pub(crate) const fn finish(&self) -> Option<&Finish> {
        self.finished.as_ref()
    }

    /// Gives up the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads more behind what is there; false when there is no more.
    pub(crate) fn more(&mut self) -> bool {
        if self.finished.is_some() {
            return false;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.valid = self.valid.saturating_sub(self.start);
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.finished = Some(Finish::Complete),
                Ok(count) => {
                    self.end += count;
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.finished = Some(Finish::Failed(error.to_string())),
            }
            return false;
        }
    }

    /// The next byte that is no white space, which becomes the first of [`Window::bytes`].
    pub(crate) fn next_mark(&mut self) -> Option<u8> {
        loop {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            match self.bytes().iter().position(|byte| !blank(byte)) {
                Some(count) => {
                    self.consume(count);
                    return self.bytes().first().copied();
                }
                None => self.consume(self.end - self.start),
            }
            if !self.more() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Finish, PIECE, Window};

    #[test]
    fn offsets_count_what_was_used() {
        let mut window = Window::new(&b"  {\n\"a\""[..]);
        assert_eq!((window.next_mark(), window.offset()), (Some(b'{'), 2));
        window.consume(1);
        assert_eq!((window.next_mark(), window.offset()), (Some(b'"'), 4));
        window.consume(99);
        assert_eq!((window.next_mark(), window.offset()), (None, 7));
        assert_eq!(window.finish(), Some(&Finish::Complete));
    }

    /// However the pieces and what is used of them are cut.
    #[test]
    fn the_text_is_what_is_utf_8() {
        let bytes = "aé€😀".repeat(5).into_bytes();
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut window = Window::new(first.chain(second));
            let mut used = 0;
            while window.more() {
                for step in [0, 1, 2, 3] {
                    used += step.min(window.bytes().len());
                    window.consume(step);
                    let (text, piece) = window.text();
                    assert!(bytes[used..].starts_with(piece));
                    let expected = std::str::from_utf8(piece).unwrap_or_else(|error| {
                        std::str::from_utf8(&piece[..error.valid_up_to()]).unwrap()
                    });
                    assert_eq!(text, expected, "cut at {cut}, used {used}");
                }
            }
        }
        let mut window = Window::new(&b"ab\xffcd"[..]);
        assert!(window.more());
        assert_eq!(window.text(), ("ab", &b"ab\xffcd"[..]));
        window.consume(3);
        assert_eq!(window.text(), ("cd", &b"cd"[..]));
    }

    #[test]
    fn it_grows_only_while_nothing_is_used() {
        let mut window = Window::new(std::io::repeat(b'x').take(10 * PIECE as u64));
        while window.more() {
            window.consume(window.bytes().len());
        }
        assert_eq!((window.buffer.len(), window.offset()), (PIECE, 10 * PIECE as u64));
    }
}
