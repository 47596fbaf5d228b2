//! Traces that `nsys stats --format csv` prints: `cuda_gpu_trace` and `cuda_api_trace`, alone, one after the other, or among
//! other reports, which are passed over.
//!
//! The two traces of one report belong to one process when their files are imported together and named as nsys names them:
//! `run_cuda_gpu_trace.csv` and `run_cuda_api_trace.csv`. Times count from the session's start, whose date is not told. Sizes
//! are printed to a thousandth of a megabyte, and counted as rounded; so are sizes of shared memory, which are left out.

#[cfg(test)]
mod fuzz;
mod header;
mod problem;
mod report;
mod row;

use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;

use perfagent_recording::table::{Note, Severity};
use perfagent_recording::{HostId, WriteError, Writer};

use self::header::Header;
pub(crate) use self::header::is_in as is_recognised;
use self::problem::{Problem, Problems};
pub(crate) use self::report::{Reports, order};
use self::row::Rows;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::summary::ImportedFile;
use crate::window::{Finish, Window};

/// Lines of other reports are counted under this name.
const OTHERS: &str = "lines of other reports";

/// Reads the file at `path`, whose text is `window` from line `line` on.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    line: u64,
    writer: &mut Writer,
    host: HostId,
    reports: &mut Reports,
) -> Result<ImportedFile, ImportError> {
    let mut rows = Rows::new(reports.of(path), host);
    let mut problems = Problems::default();
    let mut others = 0;
    let mut text = Text::new(window, line);
    let lines = read(&mut text, writer, &mut rows, &mut problems, &mut others)?;
    if !text.ended {
        problems.add(Problem::NotEnded, lines, String::new);
    }
    if let Some(Finish::Failed(why)) = window.finish() {
        problems.add(Problem::CutOff, lines, || why.clone());
    }
    let process = rows.finish(writer)?;
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NsysCsv,
        rank: None,
        world_size: None,
        text_bytes: window.offset(),
        events: rows.events + others,
        kept: rows.kept,
        left_out: (others > 0).then(|| (OTHERS.to_owned(), others)).into_iter().collect(),
        warnings: problems.warnings(),
    };
    writer.append(&Note {
        process_id: Some(process),
        severity: Severity::Info,
        text: format!(
            "{}: does not tell when its session began; its times begin at 1970",
            path.display()
        ),
        ..Note::default()
    })?;
    account::write(writer, process, &file, problems.events_lost())?;
    Ok(file)
}

/// Reads all lines, and returns how many there are.
fn read<R: Read>(
    text: &mut Text<'_, R>,
    writer: &mut Writer,
    rows: &mut Rows<'_>,
    problems: &mut Problems,
    others: &mut u64,
) -> Result<u64, WriteError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = csv::ByteRecord::new();
    let mut header: Option<Header> = None;
    loop {
        // What cannot be read is told by the window.
        let is_record = reader.read_byte_record(&mut record).unwrap_or(false);
        let place = record.position().map_or(0, csv::Position::byte);
        let line = reader.get_mut().line_at(if is_record { place } else { 0 });
        if !is_record {
            return Ok(line);
        }
        if let Some(found) = Header::parse(&record) {
            header = Some(found);
            continue;
        }
        match &header {
            // Between two reports stand lines of few words.
            Some(known) if record.len() >= known.fields.min(4) => {
                if record.len() < known.fields {
                    rows.events += 1;
                    problems.add(Problem::Short, line, || {
                        format!("{} fields instead of {}", record.len(), known.fields)
                    });
                } else {
                    rows.row(writer, problems, known, line, &record)?;
                }
            }
            Some(_) => header = None,
            None if rows.events > 0 => *others += 1,
            None => {}
        }
    }
}

/// A window as a reader, which knows where lines end.
struct Text<'a, R> {
    window: &'a mut Window<R>,
    /// How many bytes were handed out.
    read: u64,
    /// Whether the last of them ends a line.
    ended: bool,
    /// Where lines end that [`Text::line_at`] has not come to.
    ends: VecDeque<u64>,
    line: u64,
}

impl<'a, R: Read> Text<'a, R> {
    fn new(window: &'a mut Window<R>, line: u64) -> Self {
        Self { window, read: 0, ended: true, ends: VecDeque::new(), line }
    }

    /// The number of the line at `byte`, which is behind all that were asked for. (The parser's own count leaves out some
    /// of the blank lines.)
    fn line_at(&mut self, byte: u64) -> u64 {
        while self.ends.pop_front_if(|end| *end < byte).is_some() {
            self.line += 1;
        }
        self.line
    }
}

impl<R: Read> Read for Text<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.window.bytes().is_empty() {
            self.window.more();
        }
        let bytes = self.window.bytes();
        let count = bytes.len().min(into.len());
        let bytes = &bytes[..count];
        into[..count].copy_from_slice(bytes);
        let ends = bytes.iter().zip(self.read..).filter(|(byte, _)| **byte == b'\n');
        self.ends.extend(ends.map(|(_, place)| place));
        if let Some(&last) = bytes.last() {
            self.ended = last == b'\n';
        }
        self.read += count as u64;
        self.window.consume(count);
        Ok(count)
    }
}
