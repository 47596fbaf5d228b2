//! Memory timelines of `torch.profiler`: what `export_memory_timeline` writes as `.raw.json.gz` and `.json`.
//!
//! | file | holds | becomes |
//! |---|---|---|
//! | `.raw.json.gz` | `[time, action, bytes, category]` of each change, in ns | memory events |
//! | `.json` | `[times, sizes]`, the sizes by category at each time, in µs | memory events, one a category that changed |
//!
//! Numbers of actions and categories are those of PyTorch (`torch/profiler/_memory_profiler.py`, where categories are
//! numbered in the order of their colours, with "unknown" as the last). Time -1 stands for "before the first event", and
//! becomes the time of that. The file does not say of which device it is; GPU 0 is what PyTorch takes unless it is told.
//! Nor does it tell addresses: what is known is how much there is of each category.

mod document;
#[cfg(test)]
mod tests;
mod timeline;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use perfagent_recording::{HostId, Writer};

use self::document::Shape;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::summary::ImportedFile;
use crate::window::Window;

/// Whether a text that begins with `head`, without white space before it, is a memory timeline.
pub(crate) fn recognises(head: &[u8]) -> bool {
    Shape::of(head).is_some()
}

/// Reads the timeline at `path`, whose text is `window`, and writes it as one process of `host`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    host: HostId,
) -> Result<ImportedFile, ImportError> {
    let timeline = document::read(window);
    let warnings = timeline.problems.warnings();
    if let (0, Some(first)) = (timeline.rows.len(), warnings.first()) {
        return Err(ImportError::Damaged {
            path: path.to_owned(),
            offset: first.offset,
            what: format!("there is nothing to import; {}", first.text),
        });
    }
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::MemoryTimeline,
        rank: None,
        world_size: None,
        text_bytes: window.offset(),
        events: timeline.events,
        kept: timeline.kept,
        left_out: BTreeMap::new(),
        warnings,
    };
    let process = write::write(&timeline, writer, host)?;
    account::write(writer, process, &file, timeline.problems.events_lost())?;
    Ok(file)
}
