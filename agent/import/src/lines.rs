//! The lines of a text, one at a time.

use std::io::Read;

use crate::warning::{Problem, Problems};
use crate::window::{Finish, Window};

/// Of a line that is longer only the beginning is looked at: no line that means anything is.
const LONGEST: usize = 1 << 16;

/// Reads the lines of a text. Only the current one is in memory.
pub(crate) struct Lines<'a, R> {
    window: &'a mut Window<R>,
    line: Vec<u8>,
    longest: usize,
}

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins, in bytes of the text.
    pub(crate) offset: u64,
    /// The line without its end. Bytes that are no UTF-8 are replaced.
    pub(crate) text: String,
    /// Whether its end was seen: the last line of a text that was cut off has none.
    pub(crate) ended: bool,
}

impl<'a, R: Read> Lines<'a, R> {
    /// Of what is left of a text.
    pub(crate) fn new(window: &'a mut Window<R>) -> Self {
        Self::of_at_most(window, LONGEST)
    }

    /// The same where a line of up to `longest` bytes may mean something.
    pub(crate) fn of_at_most(window: &'a mut Window<R>, longest: usize) -> Self {
        Self { window, line: Vec::new(), longest }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Line> {
        let offset = self.window.offset();
        self.line.clear();
        let mut any = false;
        let ended = loop {
            let piece = self.window.bytes();
            any |= !piece.is_empty();
            let end = piece.iter().position(|&byte| byte == b'\n');
            let part = &piece[..end.unwrap_or(piece.len())];
            let room = self.longest - self.line.len();
            self.line.extend(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.window.consume(used);
            if end.is_some() {
                break true;
            }
            if !self.window.more() {
                break false;
            }
        };
        if !any {
            return None;
        }
        let text = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Some(Line { offset, text: String::from_utf8_lossy(text).into_owned(), ended })
    }

    /// Takes note of it when the text could not be read to its end.
    pub(crate) fn finish(self, problems: &mut Problems) {
        if let Some(Finish::Failed(why)) = self.window.finish().cloned() {
            problems.add(Problem::CutOff, self.window.offset(), || why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Line, Lines};
    use crate::window::Window;

    fn lines(text: &[u8]) -> Vec<Line> {
        let mut window = Window::new(text);
        let mut lines = Lines::new(&mut window);
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn lines_with_their_places() {
        let line = |offset, text: &str, ended| Line { offset, text: text.to_owned(), ended };
        assert_eq!(
            lines(b"a\r\n\nbc"),
            [line(0, "a", true), line(3, "", true), line(4, "bc", false)]
        );
        assert_eq!(lines(b"\xff\n"), [line(0, "\u{fffd}", true)]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn of_an_endless_line_only_the_beginning_is_kept() {
        let long = [vec![b'x'; 10 * LONGEST], b"\nnext\n".to_vec()].concat();
        let lines = lines(&long);
        assert_eq!(lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(), [LONGEST, 4]);
        assert_eq!(lines[1].offset, 10 * LONGEST as u64 + 1);
    }
}
