//! The numbers of an export in the recording's terms. A table `ENUM_…` says what they mean in this file; exports before
//! schema 3 have none, and use the same numbers.

use perfagent_recording::table::{CopyKind, WaitKind};
use rustc_hash::FxHashMap;

use super::database::Database;
use super::problem::Problems;
use super::row::row;
use crate::copy_kind;

/// What numbers mean.
#[derive(Debug)]
pub(crate) struct Meaning<T>(FxHashMap<i64, T>);

impl<T: Copy> Meaning<T> {
    /// The meaning of a number.
    pub(crate) fn of(&self, number: Option<i64>) -> Option<T> {
        number.and_then(|number| self.0.get(&number).copied())
    }
}

row! {
    /// A row of any `ENUM_…`.
    Named { id: i64 = "id", name: String = "name", }
}

/// Reads what the numbers of `table` mean: of each symbol, its usual number and its meaning.
fn read<T: Copy>(
    database: &Database,
    table: &str,
    known: &[(i64, &str, T)],
    problems: &mut Problems,
) -> Meaning<T> {
    let mut found = FxHashMap::default();
    database.look(table, problems, |_, _, row: Named| {
        let (Some(id), Some(name)) = (row.id, row.name) else { return };
        if let Some((_, _, meaning)) = known.iter().find(|(_, symbol, _)| *symbol == name) {
            found.insert(id, *meaning);
        }
    });
    if found.is_empty() {
        found = known.iter().map(|&(number, _, meaning)| (number, meaning)).collect();
    }
    Meaning(found)
}

/// Kinds of memory, as the recording names them; `None` for the host's.
pub(crate) type MemoryKind = (&'static str, Place);

/// Where memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Host,
    Device,
}

/// What an NVTX event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nvtx {
    /// A range that was pushed, and perhaps popped.
    Pushed,
    /// A range that was started, and perhaps ended.
    Started,
    Mark,
    /// Names a category.
    Category,
    /// Names a domain.
    Domain,
    /// Names a thread.
    Thread,
}

/// How much a diagnostic message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    Warning,
    Error,
}

/// All of an export's numbers.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) copies: Meaning<CopyKind>,
    pub(crate) waits: Meaning<WaitKind>,
    pub(crate) streams: Meaning<&'static str>,
    pub(crate) overheads: Meaning<&'static str>,
    pub(crate) memory: Meaning<MemoryKind>,
    /// Whether memory was allocated (1) or freed (-1).
    pub(crate) changes: Meaning<i64>,
    nvtx: Meaning<Nvtx>,
    pub(crate) concerns: Meaning<Concern>,
}

impl Vocabulary {
    /// Reads it from an export.
    pub(crate) fn read(database: &Database, problems: &mut Problems) -> Self {
        let copies = copy_kind::ALL.map(|names| (names.number, names.symbol, names.kind));
        Self {
            copies: read(database, "ENUM_CUDA_MEMCPY_OPER", &copies, problems),
            waits: read(database, "ENUM_CUPTI_SYNC_TYPE", WAITS, problems),
            streams: read(database, "ENUM_CUPTI_STREAM_TYPE", STREAMS, problems),
            overheads: read(database, "ENUM_CUPTI_OVERHEAD_TYPE", OVERHEADS, problems),
            memory: read(database, "ENUM_CUDA_MEM_KIND", MEMORY, problems),
            changes: read(database, "ENUM_CUDA_DEV_MEM_EVENT_OPER", CHANGES, problems),
            nvtx: read(database, "ENUM_NSYS_EVENT_TYPE", NVTX, problems),
            concerns: read(database, "ENUM_DIAGNOSTIC_SEVERITY_LEVEL", CONCERNS, problems),
        }
    }

    /// What an NVTX event is; without a number a range, which nearly all are.
    pub(crate) fn nvtx_event(&self, number: Option<i64>) -> Option<Nvtx> {
        if number.is_none() { Some(Nvtx::Pushed) } else { self.nvtx.of(number) }
    }
}

const WAITS: &[(i64, &str, WaitKind)] = &[
    (1, "CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_EVENT_SYNCHRONIZE", WaitKind::Event),
    (2, "CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_WAIT_EVENT", WaitKind::StreamEvent),
    (3, "CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_SYNCHRONIZE", WaitKind::Stream),
    (4, "CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_CONTEXT_SYNCHRONIZE", WaitKind::Context),
];

const STREAMS: &[(i64, &str, &str)] = &[
    (1, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_DEFAULT", "default"),
    (2, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NON_BLOCKING", "non-blocking"),
    (3, "CUPTI_ACTIVITY_STREAM_CREATE_FLAG_NULL", "null"),
];

/// By the names that a recording of our own has for them.
const OVERHEADS: &[(i64, &str, &str)] = &[
    (2, "OVERHEAD_DRIVER_COMPILER", "driver-compiler"),
    (3, "OVERHEAD_CUPTI_BUFFER_FLUSH", "buffer-flush"),
    (4, "OVERHEAD_CUPTI_INSTRUMENTATION", "instrumentation"),
    (5, "OVERHEAD_CUPTI_RESOURCE", "resource"),
    (6, "OVERHEAD_RUNTIME_TRIGGERED_MODULE_LOADING", "module-loading"),
    (7, "OVERHEAD_LAZY_FUNCTION_LOADING", "lazy-function-loading"),
    (8, "OVERHEAD_COMMAND_BUFFER_FULL", "command-buffer-full"),
];

const MEMORY: &[(i64, &str, MemoryKind)] = &[
    (0, "CUDA_MEMOPR_MEMORY_KIND_PAGEABLE", ("pageable", Place::Host)),
    (1, "CUDA_MEMOPR_MEMORY_KIND_PINNED", ("pinned", Place::Host)),
    (2, "CUDA_MEMOPR_MEMORY_KIND_DEVICE", ("device", Place::Device)),
    (3, "CUDA_MEMOPR_MEMORY_KIND_ARRAY", ("array", Place::Device)),
    (4, "CUDA_MEMOPR_MEMORY_KIND_MANAGED", ("managed", Place::Device)),
    (5, "CUDA_MEMOPR_MEMORY_KIND_DEVICE_STATIC", ("device-static", Place::Device)),
    (6, "CUDA_MEMOPR_MEMORY_KIND_MANAGED_STATIC", ("managed-static", Place::Device)),
];

const CHANGES: &[(i64, &str, i64)] =
    &[(0, "CUDA_DEV_MEM_EVENT_OPR_ALLOCATION", 1), (1, "CUDA_DEV_MEM_EVENT_OPR_DEALLOCATION", -1)];

const NVTX: &[(i64, &str, Nvtx)] = &[
    (33, "NvtxCategory", Nvtx::Category),
    (34, "NvtxMark", Nvtx::Mark),
    (35, "NvtxPushRange", Nvtx::Pushed),
    (37, "NvtxStartRange", Nvtx::Started),
    (39, "NvtxThread", Nvtx::Thread),
    (59, "NvtxPushPopRange", Nvtx::Pushed),
    (60, "NvtxStartEndRange", Nvtx::Started),
    (75, "NvtxDomainCreate", Nvtx::Domain),
];

const CONCERNS: &[(i64, &str, Concern)] =
    &[(2, "Warning", Concern::Warning), (3, "Error", Concern::Error)];
