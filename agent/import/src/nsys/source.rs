//! The file of an export: unpacked when it was compressed, and recognised by its tables.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::database::Database;
use super::problem::{Problem, Problems};
use super::target::Target;
use super::{EVENTS, NOT_LEFT_OUT};
use crate::error::ImportError;
use crate::format::SQLITE;
use crate::window::{Finish, Window};

/// A database that SQLite can open.
pub(crate) enum Plain {
    /// The file itself.
    AsGiven(PathBuf, u64),
    /// Its unpacked text, removed when this is dropped.
    Unpacked(NamedTempFile, u64),
}

impl Plain {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::AsGiven(path, _) => path,
            Self::Unpacked(file, _) => file.path(),
        }
    }

    /// Its size.
    pub(crate) const fn bytes(&self) -> u64 {
        match self {
            Self::AsGiven(_, bytes) | Self::Unpacked(_, bytes) => *bytes,
        }
    }
}

/// The database at `path`, or the text `window` of that file in `scratch`, when it is compressed.
pub(crate) fn plain<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    scratch: &Path,
    problems: &mut Problems,
) -> Result<Plain, ImportError> {
    let failed = || ImportError::io(path, "read it", "make it readable, or copy it again");
    let file = File::open(path).map_err(failed())?;
    let mut head = Vec::new();
    file.take(SQLITE.len() as u64).read_to_end(&mut head).map_err(failed())?;
    if head == SQLITE {
        let bytes = fs::metadata(path).map_err(failed())?.len();
        return Ok(Plain::AsGiven(path.to_owned(), bytes));
    }
    let unpack =
        || ImportError::io(scratch, "unpack into it", "choose a place with more room with -o");
    let mut unpacked = NamedTempFile::new_in(scratch).map_err(unpack())?;
    loop {
        unpacked.write_all(window.bytes()).map_err(unpack())?;
        window.consume(window.bytes().len());
        if !window.more() {
            break;
        }
    }
    if let Some(Finish::Failed(why)) = window.finish() {
        let bytes = window.offset();
        problems.add("sqlite_schema", Problem::Fact, 0, || {
            format!("only {bytes} bytes of the file could be unpacked: {why}")
        });
    }
    Ok(Plain::Unpacked(unpacked, window.offset()))
}

/// Whether a database is an export of nsys; `Err` with what it is instead.
pub(crate) fn recognise(database: &Database) -> Result<(), String> {
    let has = |table: &&str| database.has(table);
    if !database.has("StringIds") && database.has("StringTable") {
        return Err("is an SQLite file of nvprof, which is not supported".to_owned());
    }
    let telling = ["META_DATA_EXPORT", "EXPORT_META_DATA", "StringIds", super::NVTX, "OSRT_API"];
    if telling.iter().chain(&EVENTS).any(has) {
        Ok(())
    } else {
        Err("is an SQLite file without the tables of an Nsight Systems export".to_owned())
    }
}

/// Counts the events of tables that a recording has no place for: those that have times.
pub(crate) fn count_others(database: &Database, problems: &mut Problems, target: &mut Target<'_>) {
    for (table, columns) in database.tables() {
        let timed = columns.iter().any(|column| column == "start" || column == "timestamp");
        if !timed || EVENTS.contains(&table) || NOT_LEFT_OUT.contains(&table) {
            continue;
        }
        let mut count = 0;
        database.look(table, problems, |_, _, ()| count += 1);
        target.events += count;
        target.leave_out(table, count);
    }
}
