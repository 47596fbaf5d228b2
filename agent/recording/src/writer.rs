//! Appends rows to a recording: to a file, fast while it runs and one plain file at the end, or to memory.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::database::Database;
use crate::table::{Meta, Row, SpoolProgress};
use crate::{ProcessId, Recording, StreamId, StringId, ThreadId, Timestamp, WriteError};

/// An open recording that grows.
///
/// Rows become part of the file at [`Writer::commit`]; what was inserted since the last commit is lost
/// when this process is killed, what was committed is not (SQLite's write-ahead log survives the
/// process; a power cut may take the last seconds, because nothing is synchronised while recording).
pub struct Writer {
    place: Place,
    strings: FxHashMap<Box<str>, StringId>,
}

/// Where the rows go.
enum Place {
    File(Database),
    Memory(Box<Recording>),
}

impl Writer {
    /// Creates a recording at `path`, where nothing may stand yet.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let place = Place::File(Database::create(path)?);
        Ok(Self { place, strings: FxHashMap::default() })
    }

    /// Opens a recording that was left unfinished, to complete it.
    pub fn resume(path: &Path) -> Result<Self, WriteError> {
        let (database, strings) = Database::resume(path)?;
        Ok(Self { place: Place::File(database), strings })
    }

    /// Begins a recording that is never a file; [`Writer::into_recording`] gives it back.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { place: Place::Memory(Box::default()), strings: FxHashMap::default() }
    }

    /// The file that is being written, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(database) => Some(database.path()),
            Place::Memory(_) => None,
        }
    }

    /// Appends `row` and returns its id, which converts into the table's id type.
    pub fn insert<R: Row, Id: From<i64>>(&mut self, row: &R) -> Result<Id, WriteError> {
        Ok(Id::from(match &mut self.place {
            Place::File(database) => database.insert(row)?,
            Place::Memory(recording) => row.keep(recording),
        }))
    }

    /// Appends `row`, whose id nobody needs. It may wait for others of its kind, until the next commit at the latest; so
    /// an error may be that of an earlier row.
    pub fn append<R: Row>(&mut self, row: &R) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => database.append(row)?,
            Place::Memory(recording) => drop(row.keep(recording)),
        }
        Ok(())
    }

    /// The id of `text`, stored at its first use. The empty text is id 0.
    pub fn string(&mut self, text: &str) -> Result<StringId, WriteError> {
        if text.is_empty() {
            return Ok(StringId(0));
        }
        if let Some(&id) = self.strings.get(text) {
            return Ok(id);
        }
        let id = StringId(self.strings.len() as i64 + 1);
        match &mut self.place {
            Place::File(database) => database.execute(
                "strings",
                "INSERT INTO strings (id, value) VALUES (?, ?)",
                (id, text),
            )?,
            Place::Memory(recording) => recording.strings.define(id, text),
        }
        self.strings.insert(text.into(), id);
        Ok(id)
    }

    /// Notes a fact about the whole recording, replacing an earlier one of the same name.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => {
                database.execute("meta", "DELETE FROM meta WHERE key = ?", [key])?;
            }
            Place::Memory(recording) => recording.meta.retain(|meta| meta.key != key),
        }
        self.insert::<_, i64>(&Meta { key: key.to_owned(), value: value.to_owned() }).map(drop)
    }

    /// Notes how a process ended.
    pub fn end_process(
        &mut self,
        process: ProcessId,
        end: Timestamp,
        exit_code: Option<i64>,
        exit_signal: Option<i64>,
    ) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => database.execute(
                "processes",
                "UPDATE processes SET end_ns = ?, exit_code = ?, exit_signal = ? WHERE id = ?",
                (end, exit_code, exit_signal, process),
            )?,
            Place::Memory(recording) => {
                if let Some(row) = at(&mut recording.processes, process.0) {
                    row.end_ns = Some(end);
                    (row.exit_code, row.exit_signal) = (exit_code, exit_signal);
                }
            }
        }
        Ok(())
    }

    /// Gives a thread its name, when it becomes known after the thread.
    pub fn name_thread(&mut self, thread: ThreadId, name: &str) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => database.execute(
                "threads",
                "UPDATE threads SET name = ? WHERE id = ?",
                (name, thread),
            )?,
            Place::Memory(recording) => {
                if let Some(row) = at(&mut recording.threads, thread.0) {
                    name.clone_into(&mut row.name);
                }
            }
        }
        Ok(())
    }

    /// Notes what a stream is, when that becomes known after the stream.
    pub fn describe_stream(
        &mut self,
        stream: StreamId,
        priority: i64,
        kind: Option<&str>,
    ) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => database.execute(
                "streams",
                "UPDATE streams SET priority = ?, kind = ? WHERE id = ?",
                (priority, kind, stream),
            )?,
            Place::Memory(recording) => {
                if let Some(row) = at(&mut recording.streams, stream.0) {
                    row.priority = Some(priority);
                    row.kind = kind.map(ToOwned::to_owned);
                }
            }
        }
        Ok(())
    }

    /// Notes up to where a spool has been read; part of the same transaction as the rows read from it.
    pub fn set_spool_progress(&mut self, progress: &SpoolProgress) -> Result<(), WriteError> {
        if let Place::File(database) = &mut self.place {
            let delete = "DELETE FROM spool_progress WHERE ring = ?";
            database.execute("spool_progress", delete, [&progress.ring])?;
        }
        self.insert::<_, i64>(progress).map(drop)
    }

    /// Every row of a table with its id, as inserted so far: what a resumed recorder continues from.
    pub fn rows<R: Row>(&mut self) -> Result<Vec<(i64, R)>, WriteError> {
        match &mut self.place {
            Place::File(database) => database.rows(),
            Place::Memory(recording) => Ok(R::kept(recording)),
        }
    }

    /// Makes everything inserted so far part of the file.
    pub fn commit(&mut self) -> Result<(), WriteError> {
        match &mut self.place {
            Place::File(database) => database.commit(),
            Place::Memory(_) => Ok(()),
        }
    }

    /// Commits, folds the write-ahead log into the file and synchronises it: afterwards the recording
    /// is one plain file. What was in memory alone is gone.
    pub fn finish(self) -> Result<(), WriteError> {
        match self.place {
            Place::File(database) => database.finish(),
            Place::Memory(_) => Ok(()),
        }
    }

    /// The recording in memory; `None` where it is a file.
    #[must_use]
    pub fn into_recording(self) -> Option<Recording> {
        match self.place {
            Place::File(_) => None,
            Place::Memory(mut recording) => {
                recording.shrink_to_fit();
                Some(*recording)
            }
        }
    }
}

fn at<R>(rows: &mut [R], id: i64) -> Option<&mut R> {
    usize::try_from(id.checked_sub(1)?).ok().and_then(|index| rows.get_mut(index))
}
