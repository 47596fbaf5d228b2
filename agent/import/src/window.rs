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
        Self { reader, buffer: vec![0; PIECE], start: 0, end: 0, offset: 0, finished: None }
    }

    /// What has been read and not yet been used.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
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

    #[test]
    fn it_grows_only_while_nothing_is_used() {
        let mut window = Window::new(std::io::repeat(b'x').take(10 * PIECE as u64));
        while window.more() {
            window.consume(window.bytes().len());
        }
        assert_eq!((window.buffer.len(), window.offset()), (PIECE, 10 * PIECE as u64));
    }
}
