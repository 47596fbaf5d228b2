//! Traces that `nsys stats --format csv` prints: `cuda_gpu_trace` and `cuda_api_trace`, alone, one after the other, or among
//! other reports, which are passed over.
//!
//! The two traces of one report belong to one process when their files are imported together and named as nsys names them:
//! `run_cuda_gpu_trace.csv` and `run_cuda_api_trace.csv`. Times count from the session's start, whose date is not told. Sizes
//! are printed to a thousandth of a megabyte, and counted as rounded; so are sizes of shared memory, which are left out.

mod fields;
#[cfg(test)]
mod fuzz;
mod header;
mod problem;
mod report;
mod row;

use std::io::Read;
use std::path::Path;

use perfagent_recording::table::{Note, Severity};
use perfagent_recording::{HostId, WriteError, Writer};

use self::fields::Fields;
use self::header::Header;
pub(crate) use self::header::is_in as is_recognised;
use self::problem::{Problem, Problems};
pub(crate) use self::report::{Reports, order};
use self::row::Rows;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::lines::Lines;
use crate::summary::ImportedFile;
use crate::window::{Finish, Window};

/// Lines of other reports are counted under this name.
const OTHERS: &str = "lines of other reports";

/// No line is longer, however long the name of a kernel is.
const LONGEST: usize = 1 << 20;

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
    let lines = read(window, line, writer, &mut rows, &mut problems, &mut others)?;
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

/// Reads all lines, of which the first has the number `first`, and returns the number of the last.
fn read<R: Read>(
    window: &mut Window<R>,
    first: u64,
    writer: &mut Writer,
    rows: &mut Rows<'_>,
    problems: &mut Problems,
    others: &mut u64,
) -> Result<u64, WriteError> {
    let mut lines = Lines::of_at_most(window, LONGEST);
    let mut fields = Fields::default();
    let mut header: Option<Header> = None;
    let (mut number, mut ended) = (first - 1, true);
    while let Some(line) = lines.next() {
        number += 1;
        ended = line.ended;
        if line.text.is_empty() {
            continue;
        }
        let is_closed = fields.split(&line.text);
        if is_closed && let Some(found) = Header::parse(&fields) {
            header = Some(found);
            continue;
        }
        match &header {
            Some(_) if !is_closed => {
                rows.events += 1;
                let beginning = || line.text.chars().take(40).collect();
                problems.add(Problem::Quote, number, beginning);
            }
            // Between two reports stand lines of few words.
            Some(known) if fields.len() >= known.fields.min(4) => {
                if fields.len() < known.fields {
                    rows.events += 1;
                    problems.add(Problem::Short, number, || {
                        format!("{} fields instead of {}", fields.len(), known.fields)
                    });
                } else {
                    rows.row(writer, problems, known, number, &fields)?;
                }
            }
            Some(_) => header = None,
            None if rows.events > 0 => *others += 1,
            None => {}
        }
    }
    if !ended {
        problems.add(Problem::NotEnded, number, String::new);
    }
    Ok(number)
}
