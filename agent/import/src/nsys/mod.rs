//! NVIDIA Nsight Systems reports as `nsys export --type sqlite` writes them: schema 2.9 (2022) to 3.25 (2026).
//!
//! | tables | become |
//! |---|---|
//! | `CUPTI_ACTIVITY_KIND_KERNEL`, `…_GRAPH_TRACE` | kernels |
//! | `…_MEMCPY`, `…_MEMSET` | copies |
//! | `…_RUNTIME` | API calls, of the driver too |
//! | `…_SYNCHRONIZATION`, `…_OVERHEAD`, `PROFILER_OVERHEAD` | waits; overheads |
//! | `NVTX_EVENTS` | ranges and marks; operators, where PyTorch's `emit_nvtx` wrote them |
//! | `CUDA_GPU_MEMORY_USAGE_EVENTS`, `GPU_METRICS` | memory events; counters |
//! | `TARGET_INFO_…`, `PROCESSES`, `ThreadNames`, `MPI_RANKS` | the host, processes and ranks, threads, GPUs, streams |
//! | `DIAGNOSTIC_EVENT` | notes |
//!
//! Any table and any column may be missing: tables are made only when something goes into them, and columns came over the
//! years. Every process that has events is one of the recording. What a recording has no place for (calls of the C library,
//! samples, scheduling) is counted by table. A NCCL call is a range in NCCL's domain: how its size stands in `binaryData` is
//! not documented.
//!
//! Events are read twice: first their times, then one after the other into the recording. In memory are the texts, and of
//! ranges that are not in the order of their starts 32 bytes each.

mod database;
mod device;
mod diagnostic;
mod driver;
mod facts;
#[cfg(test)]
mod fuzz;
mod global_id;
mod gpu;
mod metric;
mod names;
mod nesting;
mod nvtx;
mod operator_text;
mod problem;
mod row;
mod source;
mod survey;
mod target;
mod vocabulary;

use std::io::Read;
use std::path::Path;

use perfagent_recording::table::{Host, Note, Severity};
use perfagent_recording::{Timestamp, Writer};

use self::database::Database;
use self::facts::Facts;
use self::names::Names;
use self::problem::Problems;
use self::survey::Survey;
use self::target::Target;
use self::vocabulary::Vocabulary;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::summary::ImportedFile;
use crate::window::Window;

/// The table of NVTX events.
const NVTX: &str = "NVTX_EVENTS";

/// The table of what nsys itself did.
const PROFILER: &str = "PROFILER_OVERHEAD";

/// The tables of other events that are read.
const EVENTS: [&str; 8] = [
    "CUPTI_ACTIVITY_KIND_KERNEL",
    "CUPTI_ACTIVITY_KIND_MEMCPY",
    "CUPTI_ACTIVITY_KIND_MEMSET",
    "CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
    "CUPTI_ACTIVITY_KIND_RUNTIME",
    "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
    "CUPTI_ACTIVITY_KIND_OVERHEAD",
    "CUDA_GPU_MEMORY_USAGE_EVENTS",
];

/// Tables with times that hold no events of the program, or are read elsewhere.
const NOT_LEFT_OUT: [&str; 5] =
    [NVTX, "CUPTI_ACTIVITY_KIND_CUDA_EVENT", PROFILER, "GPU_METRICS", "DIAGNOSTIC_EVENT"];

/// Reads the export at `path`, of which `window` is the text, and writes its processes. What was compressed is unpacked into
/// the folder `scratch`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    hosts: &mut Hosts,
    scratch: &Path,
) -> Result<ImportedFile, ImportError> {
    let mut problems = Problems::default();
    let source = source::plain(path, window, scratch, &mut problems)?;
    let failed = |error: rusqlite::Error| ImportError::DamagedDatabase {
        path: path.to_owned(),
        place: "its first page".to_owned(),
        what: error.to_string(),
    };
    let database = Database::open(source.path(), &mut problems).map_err(failed)?;
    source::recognise(&database)
        .map_err(|what| ImportError::NotATrace { path: path.to_owned(), what })?;

    let vocabulary = Vocabulary::read(&database, &mut problems);
    let names = Names::read(&database, &mut problems);
    let facts = Facts::read(&database, &vocabulary, &names, &mut problems);
    let mut survey = Survey::of(&database, &vocabulary, &names);
    survey.settle();
    let host = match facts.host.as_ref().filter(|host| !host.name.is_empty()) {
        Some(host) => hosts.described(host, writer)?,
        None => hosts.described(facts.host.as_ref().unwrap_or(&Host::default()), writer)?,
    };

    let mut target = Target::new(writer, host, &facts, &survey, names)?;
    gpu::kernels(&database, &mut problems, &mut target)?;
    gpu::graphs(&database, &mut problems, &mut target)?;
    gpu::copies(&database, &vocabulary, &mut problems, &mut target)?;
    gpu::calls(&database, &mut problems, &mut target)?;
    driver::waits(&database, &vocabulary, &mut problems, &mut target)?;
    driver::memory(&database, &vocabulary, &mut problems, &mut target)?;
    driver::overheads(&database, &vocabulary, &mut problems, &mut target)?;
    nvtx::ranges(&database, &vocabulary, &survey, &mut problems, &mut target)?;
    metric::metrics(&database, &facts.devices, host, &mut problems, &mut target)?;
    source::count_others(&database, &mut problems, &mut target);
    if let (0, Some((place, what))) = (target.kept, problems.damage()) {
        let (path, what) = (path.to_owned(), what.to_owned());
        return Err(ImportError::DamagedDatabase { path, place, what });
    }

    let (rank, world_size) = target.rank();
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NsysSqlite,
        rank,
        world_size,
        text_bytes: source.bytes(),
        events: target.events,
        kept: target.kept,
        left_out: std::mem::take(&mut target.left_out),
        warnings: problems.warnings(),
    };
    let process = target.first();
    let messages = diagnostic::messages(&database, &vocabulary, &mut Problems::default());
    for (time, text) in messages {
        let time_ns = time.filter(|&time| crate::decimal::is_time(time));
        target.writer.append(&Note {
            process_id: Some(process),
            time_ns: time_ns.map(|time| target.at(time)),
            severity: Severity::Warning,
            text: format!("{}: {text}", path.display()),
        })?;
    }
    for text in about(&facts) {
        writer.append(&Note {
            process_id: Some(process),
            time_ns: None::<Timestamp>,
            severity: Severity::Info,
            text: format!("{}: {text}", path.display()),
        })?;
    }
    account::write(writer, process, &file, problems.events_lost())?;
    Ok(file)
}

/// What a reader should know of the export.
fn about(facts: &Facts) -> Vec<String> {
    let mut sentences = Vec::new();
    if let (Some(product), Some(schema)) = (&facts.product, &facts.schema) {
        sentences.push(format!("exported by Nsight Systems {product}, schema {schema}"));
    }
    if facts.start.is_none() {
        sentences.push("does not tell when its session began; its times begin at 1970".to_owned());
    }
    sentences
}
