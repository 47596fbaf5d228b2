//! What NCCL's example profiler plugin dumps (`ext-profiler/example`, since NCCL 2.23).
//!
//! | events | become |
//! |---|---|
//! | `COLL`, `P2P`, `CE_COLL` | collectives of their rank |
//! | `GPU` (channels of a kernel) | the times of the operation around them, when all have ended |
//! | `PROXY` within an operation | its end, when its network operations have ended |
//!
//! * What the plugin calls start and end of an operation are those of handing it over to the GPU, and so is its timing
//!   then: `enqueue`, which is no duration. A time of 0 was never set.
//! * Times count from when the plugin was loaded; the moment of that is not told, nor is it the same in two processes.
//! * Threads of the proxy, network steps and groups are left out: they wait most of the time, and as ranges they would
//!   pass for work. They are counted by category.
//! * With one communicator each rank of it is a process of the recording, also where one process drives several GPUs;
//!   with several, ranks are not known.

mod event;
mod reader;
#[cfg(test)]
mod tests;
mod write;

use std::io::Read;
use std::path::Path;

use perfagent_recording::{HostId, Writer};

use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::summary::ImportedFile;
use crate::window::Window;

/// Whether a JSON list that begins with `head` is such a dump.
pub(crate) fn recognises(head: &str) -> bool {
    const CATEGORIES: [&str; 12] = [
        "GROUP_API",
        "COLL_API",
        "P2P_API",
        "KERNEL_LAUNCH",
        "GROUP",
        "COLL",
        "P2P",
        "PROXY",
        "NET",
        "CE_COLL",
        "CE_SYNC",
        "CE_BATCH",
    ];
    let of_category = |name: &str| head.contains(&format!("\"cat\": \"{name}\", \"ph\": \"b\""));
    CATEGORIES.iter().any(|name| of_category(name))
}

/// Reads the dump at `path`, whose text is `window`, as one of processes of `host`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    host: HostId,
) -> Result<ImportedFile, ImportError> {
    let mut dump = reader::read(window);
    if dump.operations.is_empty() {
        let first = dump.problems.warnings().into_iter().next();
        let (offset, what) = first.map_or_else(
            || (0, "it has no operation; set NCCL_PROFILE_EVENT_MASK to record them".to_owned()),
            |warning| (warning.offset, warning.text),
        );
        return Err(ImportError::Damaged { path: path.to_owned(), offset, what });
    }
    if dump.communicators.len() > 1 {
        let communicators = dump.communicators.len();
        dump.problems.doubt(
            0,
            format!("the ranks are not known: they are those of {communicators} communicators"),
        );
    }
    let (process, rank) = write::write(&dump, writer, host)?;
    let kept = dump.operations.len() as u64;
    let lost = dump.problems.events_lost();
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NcclExamplePlugin,
        rank,
        world_size: None,
        text_bytes: window.offset(),
        events: kept + lost + dump.left_out.values().sum::<u64>(),
        kept,
        left_out: dump.left_out,
        warnings: dump.problems.warnings(),
    };
    account::write(writer, process, &file, lost)?;
    Ok(file)
}
