//! PyTorch Kineto Chrome traces, as `torch.profiler` has written them since 2021, on CUDA and `ROCm`.
//!
//! | events | become |
//! |---|---|
//! | `kernel`; `gpu_memcpy`, `gpu_memset` | kernels; copies |
//! | kernels that carry `Collective name` | collectives too |
//! | `cuda_runtime`, `cuda_driver`, `hip_runtime` | API calls |
//! | `cpu_op` | operators, with shapes, types, counted FLOPs and sequence number |
//! | `user_annotation`, `ProfilerStep` | ranges |
//! | `cuda_sync` | synchronizations |
//! | `cuda_profiler_range` | hardware counters of kernels, with their launches where those are as many (`launches`) |
//! | `[memory]` instants | memory events |
//! | `process_name`, `thread_name` | names of processes and threads |
//!
//! What a recording has no place for (Python frames, arrows, spans over kernels) is counted by category. Arrows
//! repeat what correlation ids say.
//!
//! Traces do not name their machine. Several are of one, and their times those of one clock, unless their ranks and GPUs tell
//! that they are not (`machine`).
//!
//! Files that `perfagent export --format chrome` wrote hold more (several processes, counters, NVTX marks, collectives
//! as events of their own), and say so under a key of their own, `own`.

mod collect;
#[cfg(test)]
mod counted;
#[cfg(test)]
mod damage;
mod document;
mod event;
mod facts;
#[cfg(test)]
mod fuzz;
mod launches;
mod machine;
mod measured;
mod mend;
mod regular;
mod rows;
mod vocabulary;

use std::io::Read;
use std::path::Path;

use perfagent_recording::Writer;
use perfagent_recording::table::{Note, Severity};

use self::collect::Collector;
use self::document::Unusable;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::summary::ImportedFile;
use crate::trace::write;
use crate::window::Window;

/// Reads the trace at `path`, whose text is `window`, and writes it as one process of `host`, or as those that it lists.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<ImportedFile, ImportError> {
    let collector = document::read(window).map_err(|unusable| match unusable {
        Unusable::NotATrace(what) => ImportError::NotATrace { path: path.to_owned(), what },
        Unusable::Damaged(offset, what) => {
            ImportError::Damaged { path: path.to_owned(), offset, what }
        }
    })?;
    let file = summary(path, &collector, window.offset());
    let is_elsewhere = hosts.turn_to(machine::machine(&collector.trace));
    let process = write(&collector.trace, writer, hosts)?;
    account::write(writer, process, &file, collector.problems.events_lost())?;
    if is_elsewhere {
        let text = "by its rank and its GPU it is of another machine than the first trace, with a clock of its own";
        writer.append(&Note {
            process_id: Some(process),
            severity: Severity::Info,
            text: format!("{}: {text}", path.display()),
            ..Note::default()
        })?;
    }
    Ok(file)
}

fn summary(path: &Path, collector: &Collector, text_bytes: u64) -> ImportedFile {
    ImportedFile {
        path: path.to_owned(),
        format: Format::Kineto,
        rank: collector.trace.rank,
        world_size: collector.trace.world_size,
        text_bytes,
        events: collector.events,
        kept: collector.trace.kept() as u64,
        left_out: collector.left_out(),
        warnings: collector.problems.warnings(),
    }
}
