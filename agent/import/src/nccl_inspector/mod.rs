//! What NCCL Inspector writes, the plugin of NCCL that measures each operation (versions 4.0 to 4.4 of its JSON).
//!
//! | record | becomes |
//! |---|---|
//! | `coll_perf`, `p2p_perf` | a collective of the process that `metadata` names, in the group that `header` names |
//! | `dump_stats` | a header for what follows, and the number of operations that the inspector has lost |
//! | `proxy_trace` | is left out |
//!
//! * `exec_time_us` is the length of an operation. With `NCCL_INSPECTOR_DUMP_VERBOSE` the records also tell when: then it
//!   begins with the first channel of its kernel, or, of `collective_cpu`, with the call.
//! * Without, nothing tells when it ran. Such an operation has the timing `length`: those of a process stand one behind the
//!   other, each before the moment at which it was written, so that none overlap that did not; its place means nothing, and
//!   it is in no sum of instants, only in counts, bytes, lengths and bandwidths.
//! * Message sizes are those of nccl-tests; of operations of which the inspector tells one rank's share they are multiplied.
//! * A process has a rank when all its communicators agree on it: in a communicator of a part of the job it has another.

mod reader;
mod record;
#[cfg(test)]
mod tests;
mod write;

use std::io::Read;
use std::path::Path;

use perfagent_recording::Writer;
use perfagent_recording::table::{Loss, Timing};

use self::reader::Output;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::summary::ImportedFile;
use crate::window::Window;

/// Whether a JSON text that begins with `head` is such output.
pub(crate) fn recognises(head: &str) -> bool {
    let has = |key: &str| head.contains(key);
    has("\"header\"") && (has("\"coll_perf\"") || has("\"p2p_perf\"") || has("\"dump_stats\""))
}

/// Reads the file at `path`, whose text is `window`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<ImportedFile, ImportError> {
    let mut output = reader::read(window);
    doubts(&mut output);
    let warnings = output.problems.warnings();
    if output.operations.is_empty() {
        let first = warnings.into_iter().next();
        let (offset, what) = first.map_or_else(
            || (0, "it has no record of an operation".to_owned()),
            |warning| (warning.offset, warning.text),
        );
        return Err(ImportError::Damaged { path: path.to_owned(), offset, what });
    }
    let process = write::write(&output, writer, hosts)?;
    let rank = match output.writers.as_slice() {
        [only] => only.rank(),
        _ => None,
    };
    let kept = output.operations.len() as u64;
    let lost = output.problems.events_lost();
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NcclInspector,
        rank: rank.map(|(rank, _)| rank),
        world_size: rank.map(|(_, of)| of),
        text_bytes: window.offset(),
        events: kept + lost + output.left_out.values().sum::<u64>(),
        kept,
        left_out: output.left_out,
        warnings,
    };
    account::write(writer, process, &file, lost)?;
    if output.dropped > 0 {
        let cause = "inspector_dropped".to_owned();
        let (start_ns, end_ns) = (None, None);
        writer.append(&Loss {
            process_id: process,
            cause,
            count: output.dropped,
            start_ns,
            end_ns,
        })?;
    }
    Ok(file)
}

/// What a reader of the figures should know.
fn doubts(output: &mut Output) {
    let unplaced = output.operations.iter().filter(|row| row.timing == Timing::Length).count();
    if unplaced > 0 {
        output.problems.doubt(
            0,
            format!(
                "of {unplaced} operations only the length is known, not when they ran; record with \
                 NCCL_INSPECTOR_DUMP_VERBOSE=1 to know it"
            ),
        );
    }
    let without_rank = output.writers.iter().filter(|about| about.rank().is_none()).count();
    if without_rank > 0 {
        output.problems.doubt(
            0,
            format!(
                "the rank of {without_rank} processes is not known: they have another in each communicator"
            ),
        );
    }
}
