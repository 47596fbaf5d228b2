//! Traces of XLA as JAX and TensorFlow write them: `*.xplane.pb`, one `XSpace` of the protocol buffers of
//! `tsl/profiler/protobuf/xplane.proto`.
//!
//! | in the trace | becomes |
//! |---|---|
//! | planes `/device:GPU:N`, lines that are streams | kernels, copies and memsets |
//! | planes `/host:…`, events with a `correlation_id` | API calls |
//! | … with an `hlo_op` or `tf_op` | operators |
//! | … with a `step_num` | ranges named `step N` |
//! | … others that take time | ranges |
//!
//! A GPU operation is an event that says what it ran (`kernel_details`) or moved (`memcpy_details`, `memset_details`). Lines
//! such as `XLA Ops`, `XLA Modules`, `Framework Ops` and `Steps` are derived from the streams, spans over kernels, and never
//! operations; they are counted and left out, as are Python frames, instants, and planes of TPUs and others.
//!
//! Times are a line's nanoseconds and an event's picoseconds. Start and end are each worked out exactly and then rounded down
//! to the nanosecond: what touched still touches, and what was in order still is.
//!
//! Names come behind the events that have them, so a plane is in memory as it is in the file while it is read, one at a time.

mod details;
mod document;
mod line;
mod plane;
mod proto;
#[cfg(test)]
mod tests;
mod wire;

use std::io::Read;
use std::path::Path;

use perfagent_recording::Writer;

use self::wire::{Field, field};
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::summary::ImportedFile;
use crate::trace::write;
use crate::window::Window;

/// Whether a file that begins with `head` is an `XSpace`: a plane that begins with its number, if it has one, and its name.
pub(crate) fn recognises(head: &[u8]) -> bool {
    let mut rest = head;
    let Ok((1, Field::Bytes(mut plane))) = field(&mut rest, true) else { return false };
    let mut first = field(&mut plane, true);
    if let Ok((1, Field::Number(_))) = first {
        first = field(&mut plane, true);
    }
    let Ok((2, Field::Bytes(name))) = first else { return false };
    !name.is_empty() && !name.iter().any(u8::is_ascii_control) && str::from_utf8(name).is_ok()
}

/// Reads the trace at `path`, whose bytes are `window`, and writes it as one process of `host`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<ImportedFile, ImportError> {
    let collector = document::read(window);
    let warnings = collector.problems.warnings();
    if let (0, Some(first)) = (collector.planes, warnings.first()) {
        let (path, offset) = (path.to_owned(), first.offset);
        return Err(ImportError::Damaged { path, offset, what: first.text.clone() });
    }
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::Xplane,
        rank: None,
        world_size: None,
        text_bytes: window.offset(),
        events: collector.events,
        kept: collector.trace.kept() as u64,
        left_out: collector.left_out.clone(),
        warnings,
    };
    let process = write(&collector.trace, writer, hosts)?;
    account::write(writer, process, &file, collector.problems.events_lost())?;
    Ok(file)
}
