//! What `nvidia-smi --query-gpu=… --format=csv` logs, with `-l` or `-lms`.
//!
//! Each cell becomes a sample of a counter of its GPU, under the name and in the unit that perfagent's own sampler has for
//! the quantity: `power.draw [W]` is `power` in W, `memory.used [MiB]` is `memory_used` in bytes.
//!
//! * Columns are found by the heading, which may come again, with or without units.
//! * Times are local, without a zone. They are read as UTC, and a warning says so.
//! * `[N/A]` and `[Not Supported]` are no sample, and a row as the last of its GPU is none either.
//! * The last line counts only with its end: a figure that is cut off looks like another one.
//! * Reasons for clocks that are held down are told when they change, as by the sampler.

mod column;
mod row;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use perfagent_recording::{HostId, WriteError, Writer};

use self::column::Column;
use self::row::{Heading, Row};
use self::store::Store;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::lines::Lines;
use crate::summary::ImportedFile;
use crate::warning::{Problem, Problems};
use crate::window::Window;

/// How far into a file its heading may be, in lines.
const LINES: usize = 100;

/// Whether a text that begins with `head` is such a log.
pub(crate) fn recognises(head: &str) -> bool {
    head.lines().take(LINES).any(|line| column::columns(line).is_some())
}

/// Reads the log at `path`, whose text is `window`, as one of GPUs of `host`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    host: HostId,
) -> Result<ImportedFile, ImportError> {
    let mut store = Store::new(writer, host);
    let log = read(window, &mut |row| store.row(row))?;
    store.finish()?;
    if log.rows == 0 {
        let first =
            log.problems.warnings().into_iter().find(|warning| !warning.text.contains("UTC"));
        let (offset, what) = first.map_or_else(
            || (0, "it has no row below its heading".to_owned()),
            |warning| (warning.offset, warning.text),
        );
        return Err(ImportError::Damaged { path: path.to_owned(), offset, what });
    }
    let lost = log.problems.events_lost();
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NvidiaSmi,
        rank: None,
        world_size: None,
        text_bytes: window.offset(),
        events: log.rows + lost,
        kept: log.rows,
        left_out: log.left_out,
        warnings: log.problems.warnings(),
    };
    account::write(writer, None, &file, lost)?;
    Ok(file)
}

/// What a file holds besides its samples.
#[derive(Debug, Default)]
struct Log {
    rows: u64,
    /// Cells of columns that a recording has no place for.
    left_out: BTreeMap<String, u64>,
    problems: Problems,
}

/// Calls `take` for each row; it answers whether the row is a new one.
fn read<R: Read>(
    window: &mut Window<R>,
    take: &mut dyn FnMut(Row) -> Result<bool, WriteError>,
) -> Result<Log, WriteError> {
    let mut log = Log::default();
    let mut heading: Option<Heading> = None;
    let mut lines = Lines::new(window);
    while let Some(line) = lines.next() {
        let (text, offset) = (line.text.trim(), line.offset);
        if text.is_empty() {
            continue;
        }
        if let Some(found) = Heading::of(text) {
            check(&found.columns, offset, &mut log.problems);
            heading = Some(found);
            continue;
        }
        let Some(heading) = &mut heading else {
            log.problems.add(Problem::Stray, offset, || "no heading stands before it".to_owned());
            continue;
        };
        let row = if line.ended {
            heading.row(text)
        } else {
            Err("the text ends within it, so that its last figure may lack digits".to_owned())
        };
        match row {
            Ok(row) => {
                if let Some(complaint) = &row.complaint {
                    log.problems.doubt(offset, format!("a GPU answers {complaint}"));
                }
                if take(row)? {
                    log.rows += 1;
                    let others = heading.names.iter().zip(&heading.columns);
                    for (name, _) in others.filter(|(_, column)| **column == Column::Other) {
                        *log.left_out.entry(name.clone()).or_default() += 1;
                    }
                }
            }
            Err(why) => log.problems.add(Problem::Row, offset, || why),
        }
    }
    lines.finish(&mut log.problems);
    Ok(log)
}

/// What the columns leave unknown.
fn check(columns: &[Column], offset: u64, problems: &mut Problems) {
    let has = |column| columns.contains(&column);
    if has(Column::Timestamp) {
        problems.doubt(offset, "its times have no zone and are read as UTC");
    }
    if has(Column::Index) {
        return;
    }
    problems.doubt(
        offset,
        if has(Column::Uuid) || has(Column::BusId) {
            "its GPUs have no `index` and are numbered in the order in which they appear"
        } else {
            "no column tells its GPUs apart, and those of one name are taken for one; query `index`, too"
        },
    );
}
