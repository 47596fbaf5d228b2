//! Memory snapshots of PyTorch: what `torch.cuda.memory._dump_snapshot` writes after
//! `torch.cuda.memory._record_memory_history`.
//!
//! | in the snapshot | becomes |
//! |---|---|
//! | `alloc` | a memory event of `size` bytes, with its site |
//! | `free_completed` | a memory event of as many bytes less |
//! | `segment_alloc`, `segment_map`, `segment_free`, `segment_unmap` | readings of the reserved bytes |
//! | blocks that were alive before the first event | memory events at the time of the first event |
//! | `oom` | notes |
//! | `external_annotations` | ranges |
//!
//! A block counts until its free is complete, not until it is asked for: until then no one else can have it, because
//! another stream may still use it. Where a program recorded no completed frees, those that were asked for count.
//! `free_requested`, `snapshot` and what else there may be is counted and left out.
//!
//! Bytes are those that the program asked for, as the events tell them; the allocator's blocks are larger (multiples of
//! 512 bytes, and sometimes more), by how much the snapshot tells only for its own moment, which becomes a note. What
//! was allocated and reserved at the start is worked out from the end: from the segments and blocks that are listed,
//! backwards. So the last totals are those of the listed segments, or a warning says that they are not.

mod document;
#[cfg(test)]
mod fuzz;
mod pickle;
mod replay;
mod site;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use perfagent_recording::{HostId, Writer};

use self::document::Snapshot;
use self::pickle::Unreadable;
use self::replay::Replay;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::summary::ImportedFile;
use crate::texts::Texts;
use crate::warning::{Problem, Problems};
use crate::window::Window;

/// Whether a file that begins with `head` is a pickle of protocol 2 or newer.
pub(crate) const fn is_pickle(head: &[u8]) -> bool {
    matches!(head, [0x80, 2..=5, ..])
}

/// Reads the snapshot at `path`, whose bytes are `window`, and writes it as one process of `host`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    host: HostId,
) -> Result<ImportedFile, ImportError> {
    let mut read = read(window).map_err(|unusable| {
        let path = path.to_owned();
        match unusable {
            Unusable::Pickle(Unreadable::Refused(offset, what)) => {
                ImportError::Refused { path, offset, what }
            }
            Unusable::Pickle(Unreadable::Damaged(offset, what)) => {
                ImportError::Damaged { path, offset, what }
            }
            Unusable::NotASnapshot(what) => ImportError::NotATrace { path, what },
        }
    })?;
    if !window.bytes().is_empty() || window.more() {
        let what = || "it stands behind the end of the pickle".to_owned();
        read.problems.add(Problem::Trailing, window.offset(), what);
    }
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::TorchSnapshot,
        rank: None,
        world_size: None,
        text_bytes: window.offset(),
        events: read.snapshot.events,
        kept: read.kept(),
        left_out: read.snapshot.left_out.clone(),
        warnings: read.problems.warnings(),
    };
    let process = write::write(&read, writer, host)?;
    account::write(writer, process, &file, read.problems.events_lost())?;
    Ok(file)
}

/// Why a file gave nothing.
#[derive(Debug, PartialEq, Eq)]
enum Unusable {
    Pickle(Unreadable),
    NotASnapshot(String),
}

/// A snapshot and what follows from it.
#[derive(Debug)]
struct Reading {
    snapshot: Snapshot,
    texts: Texts,
    /// By the ordinal of the device.
    replays: BTreeMap<i64, Replay>,
    problems: Problems,
}

fn read<R: Read>(window: &mut Window<R>) -> Result<Reading, Unusable> {
    let (mut texts, mut problems) = (Texts::default(), Problems::default());
    let pickle = pickle::read(window).map_err(Unusable::Pickle)?;
    let snapshot =
        document::read(&pickle, &mut texts, &mut problems).map_err(Unusable::NotASnapshot)?;
    drop(pickle);
    let start = snapshot.start();
    let replays = snapshot.devices.iter().map(|(&ordinal, trace)| {
        (ordinal, replay::replay(trace, start, snapshot.has_segments, &mut problems))
    });
    let replays = replays.collect();
    Ok(Reading { snapshot, texts, replays, problems })
}

impl Reading {
    /// How many events became something.
    fn kept(&self) -> u64 {
        let changes: usize = self.snapshot.devices.values().map(|trace| trace.changes.len()).sum();
        (changes + self.snapshot.out_of_memory.len()) as u64 + self.snapshot.marks
    }
}
