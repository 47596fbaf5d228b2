//! The text of a file, decompressed where it is gzip.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::ahead::Ahead;
use crate::error::ImportError;
use crate::window::{Finish, Window};

const REMEDY: &str = "make it readable, or copy it again";

/// Opens the text of the file at `path`. At least one byte of it is there.
pub(crate) fn open(path: &Path) -> Result<Window<Box<dyn Read>>, ImportError> {
    let failed = || ImportError::io(path, "read it", REMEDY);
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            ImportError::Missing { path: path.to_owned() }
        }
        _ => failed()(error),
    })?;
    // Smaller than the pieces that are asked for, so that plain text is not copied twice.
    let mut bytes = BufReader::with_capacity(1 << 16, file);
    let compressed = bytes.fill_buf().map_err(failed())?.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn Read> = if compressed {
        Box::new(Ahead::new(MultiGzDecoder::new(bytes)).map_err(failed())?)
    } else {
        Box::new(bytes)
    };
    let mut window = Window::new(reader);
    if !window.more() {
        let path = path.to_owned();
        return Err(match window.finish() {
            Some(Finish::Failed(why)) => ImportError::Damaged {
                path,
                offset: 0,
                what: format!("nothing can be decompressed: {why}"),
            },
            _ => ImportError::Empty { path },
        });
    }
    if window.bytes().starts_with(b"\xef\xbb\xbf") {
        window.consume(3);
    }
    Ok(window)
}
