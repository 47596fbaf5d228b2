//! A reader that is always a few pieces ahead, on a thread of its own: what decompresses works beside what parses.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Bytes of a piece.
const PIECE: usize = 1 << 17;

/// Pieces that wait at most: as much as is parsed at once.
const WAITING: usize = 8;

/// What another thread has read.
pub(crate) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    used: usize,
    is_over: bool,
}

impl Ahead {
    /// Begins to read. When this is dropped the thread ends with its next piece.
    pub(crate) fn new(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(WAITING);
        thread::Builder::new().name("read ahead".to_owned()).spawn(move || {
            loop {
                let (piece, error) = next(&mut reader);
                let is_last = piece.is_empty();
                // Nobody listens when it is not wanted any more.
                if (!is_last || error.is_none()) && sender.send(Ok(piece)).is_err() {
                    break;
                }
                if let Some(error) = error {
                    let _ = sender.send(Err(error));
                    break;
                }
                if is_last {
                    break;
                }
            }
        })?;
        Ok(Self { pieces, piece: Vec::new(), used: 0, is_over: false })
    }
}

/// The next piece, full unless it is the last one, and the error that came behind it.
fn next(reader: &mut impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut piece = vec![0; PIECE];
    let mut filled = 0;
    let mut failed = None;
    while filled < piece.len() {
        match reader.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    piece.truncate(filled);
    (piece, failed)
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            if self.is_over {
                return Ok(0);
            }
            // An empty piece is the last one.
            let stopped = |_| io::Error::other("the thread that reads it has stopped");
            let piece = self.pieces.recv().map_err(stopped).flatten();
            self.is_over = piece.as_ref().map_or(true, Vec::is_empty);
            (self.piece, self.used) = (piece?, 0);
        }
        let count = buffer.len().min(self.piece.len() - self.used);
        buffer[..count].copy_from_slice(&self.piece[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use super::{Ahead, PIECE};

    struct Failing;

    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }

    #[test]
    fn it_reads_what_the_reader_reads() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut read = Vec::new();
            Ahead::new(io::Cursor::new(bytes.clone())).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length} bytes");
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_before_it() {
        let mut ahead = Ahead::new(io::repeat(b'x').take(PIECE as u64 + 7).chain(Failing)).unwrap();
        let mut read = Vec::new();
        assert_eq!(ahead.read_to_end(&mut read).unwrap_err().to_string(), "broken");
        assert_eq!(read.len(), PIECE + 7);
    }

    struct Panicking;

    impl io::Read for Panicking {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("of the test")
        }
    }

    #[test]
    fn a_thread_that_has_stopped_is_no_end() {
        let error = Ahead::new(Panicking).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("has stopped"), "{error}");
    }

    /// Of a reader without end.
    #[test]
    fn what_is_not_wanted_any_more_is_given_up() {
        let mut ahead = Ahead::new(io::repeat(b'x')).unwrap();
        let mut few = [0; 10];
        ahead.read_exact(&mut few).unwrap();
        drop(ahead);
    }
}
