//! One ring on its way into the recording, with what is needed to go on after this recorder.
//!
//! Beside the recording stand, for each ring, the log of its definitions and two checkpoints, written in turn. The
//! recording says up to which position its rows go; the checkpoint for that very position, and no other, holds what
//! was open then. So whichever instruction the recorder dies at, the next one continues exactly there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use perfagent_recording::table::SpoolProgress;
use perfagent_recording::{Timestamp, WriteError};
use perfagent_spool::{MonotonicNs, Record, RingReader, SpoolError, State};
use serde::{Deserialize, Serialize};

use crate::decode::{Decoder, Memory, Names, Source, Tables};
use crate::error::CollectError;
use crate::proc;

/// The position of a ring of which everything is in the recording.
pub(crate) const FINISHED: i64 = i64::MAX;

/// How long a process that cannot be seen in `/proc` may be silent before it counts as ended. Its heartbeat comes
/// every 100 ms.
const SILENCE_NS: u64 = 1_000_000_000;

/// A ring that is being read.
pub(crate) struct Ring {
    reader: RingReader,
    decoder: Decoder,
    checkpoints: [PathBuf; 2],
    /// Which of the two is written next.
    turn: usize,
    /// Position of the last commit.
    committed: u64,
    drained: bool,
    finished: bool,
    /// Whether the process was once seen in `/proc`, so that its absence tells that it ended.
    visible: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    position: u64,
    memory: Memory,
}

impl Ring {
    /// Opens the ring at `path`.
    pub(crate) fn reader(path: &Path) -> Result<RingReader, SpoolError> {
        RingReader::open(path)
    }

    /// Reads from `reader`, from where `left` says that the recording goes.
    pub(crate) fn new(
        name: &str,
        mut reader: RingReader,
        state: &Path,
        source: Source,
        left: Option<&SpoolProgress>,
    ) -> Result<Self, CollectError> {
        let [log, first, second] = state_files(state, name);
        let failed =
            CollectError::io(&log, "keep what a recovery needs", "choose a writable place with -o");
        let names = Names::open(&log).map_err(failed)?;
        let checkpoints = [first, second];
        let mut memory = Memory::default();
        let mut turn = 0;
        if let Some(left) = left {
            let position = left.position.max(0) as u64;
            // The recorder may have died between the commit and the release.
            if reader.position() < position {
                reader.resume_at(position);
            }
            for (slot, path) in checkpoints.iter().enumerate() {
                if let Some(found) = load(path).filter(|found| found.position == position) {
                    memory = found.memory;
                    turn = 1 - slot;
                }
            }
        }
        let visible = proc::is_alive(source.pid, reader.identity().start_time_ticks);
        Ok(Self {
            committed: reader.position(),
            reader,
            decoder: Decoder::new(source, names, memory),
            checkpoints,
            turn,
            drained: false,
            finished: false,
            visible,
        })
    }

    /// When the first event of the ring at `path` happened: a look ahead, for the process's row.
    pub(crate) fn first_time(path: &Path) -> Option<MonotonicNs> {
        const FAR_ENOUGH: usize = 4096;
        let mut first = None;
        RingReader::open(path).ok()?.read(FAR_ENOUGH, &mut |record| {
            first = first.or(match record {
                Record::RangePush { time, .. }
                | Record::RangeStart { time, .. }
                | Record::Mark { time, .. }
                | Record::Note { time, .. } => Some(time),
                Record::Anchor { monotonic, .. } => Some(monotonic),
                Record::Kernel { start, .. }
                | Record::Memcpy { start, .. }
                | Record::Memset { start, .. }
                | Record::Api { start, .. } => Some(start),
                _ => None,
            });
        });
        first
    }

    /// The process behind it.
    pub(crate) fn source(&self) -> &Source {
        self.decoder.source()
    }

    /// Takes up to `records` records. Returns whether nothing is left for now.
    pub(crate) fn read(&mut self, records: usize, tables: &mut Tables) -> Result<bool, WriteError> {
        if self.finished {
            return Ok(true);
        }
        let decoder = &mut self.decoder;
        let mut failed = None;
        let outcome = self.reader.read(records, &mut |record| {
            if failed.is_none() {
                failed = decoder.apply(&record, tables).err();
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if outcome.corrupt > 0 {
            self.decoder.corrupt(tables, outcome.corrupt)?;
        }
        self.drained = outcome.drained || (outcome.records == 0 && outcome.corrupt == 0);
        Ok(self.drained)
    }

    /// Whether the last read left nothing.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Whether a quarter of its room waits to be given back.
    pub(crate) fn is_pressing(&self) -> bool {
        self.reader.position() - self.committed > self.reader.capacity() / 4
    }

    /// Whether its process said that it will write no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.reader.state() == State::Closed
    }

    /// Whether its process will write no more, as far as one can see.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.is_closed() {
            return true;
        }
        let identity = self.reader.identity();
        if proc::is_alive(identity.pid, identity.start_time_ticks) {
            self.visible = true;
            return false;
        }
        // A process in another pid namespace is known by its heartbeat only.
        let silence = MonotonicNs::now().0.saturating_sub(self.reader.heartbeat().0);
        self.visible || silence > SILENCE_NS
    }

    /// Reads what its process wrote last, closes what is open and writes down what was lost. Returns the last sign of
    /// life.
    pub(crate) fn finish(&mut self, tables: &mut Tables) -> Result<Timestamp, WriteError> {
        // Whoever saw the process end saw it after the last read: its last words are still to be heard. One that goes on
        // writing is cut off after a ringful.
        let far_enough = self.reader.position() + self.reader.capacity();
        while !self.read(usize::MAX, tables)? && self.reader.position() < far_enough {}
        self.finished = true;
        self.decoder.finish(tables, self.reader.heartbeat(), &self.reader.losses())
    }

    /// Whether it has been finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Saves what the rows about to be committed rest on. Returns the position to commit with them, if it moved.
    pub(crate) fn save(&mut self) -> Result<Option<i64>, CollectError> {
        if self.finished {
            return Ok(Some(FINISHED));
        }
        let position = self.reader.position();
        if position == self.committed {
            return Ok(None);
        }
        let path = &self.checkpoints[self.turn];
        let failed = || CollectError::io(path, "keep what a recovery needs", "free some space");
        self.decoder.names.save().map_err(failed())?;
        let checkpoint = Checkpoint { position, memory: self.decoder.memory() };
        let text = serde_json::to_vec(&checkpoint).map_err(|error| failed()(error.into()))?;
        fs::write(path, text).map_err(failed())?;
        self.turn = 1 - self.turn;
        Ok(Some(position as i64))
    }

    /// The commit succeeded: gives the room back to the process.
    pub(crate) fn release(&mut self) {
        self.committed = self.reader.position();
        // A ring that cannot be written to is one that its process sees as full; it then counts its losses.
        let _ = self.reader.release();
    }

    /// Removes a finished ring and its state.
    pub(crate) fn remove(spool: &Path, state: &Path, name: &str) {
        // What cannot be removed is removed with the whole directory, or recognised as finished.
        let _ = fs::remove_file(spool.join(name));
        for path in state_files(state, name) {
            let _ = fs::remove_file(path);
        }
    }
}

fn state_files(state: &Path, name: &str) -> [PathBuf; 3] {
    ["definitions", "0", "1"].map(|kind| state.join(format!("{name}.{kind}")))
}

fn load(path: &Path) -> Option<Checkpoint> {
    let read: io::Result<Vec<u8>> = fs::read(path);
    serde_json::from_slice(&read.ok()?).ok()
}
