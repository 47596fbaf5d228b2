//! What CUPTI can record, and what of it is wanted.

use std::sync::atomic::{AtomicBool, Ordering};

use super::session::{self, Session};
use super::sys::{self, SUCCESS};
use super::{launch, waits};
use crate::config::{Config, Graphs};

/// Kinds of activity that have no operation of the GPU.
pub(super) const DRIVER_CALL: u32 = 4;
pub(super) const RUNTIME_CALL: u32 = 5;
pub(super) const CONTEXT: u32 = 9;
pub(super) const OVERHEAD: u32 = 17;
pub(super) const STREAM: u32 = 37;
pub(super) const SYNCHRONIZATION: u32 = 38;
pub(super) const MEMORY2: u32 = 49;
pub(super) const MEMORY_POOL: u32 = 50;
pub(super) const GRAPH_TRACE: u32 = 51;

/// What is collected from beginning to end, as everything else refers to it, and how it is called in a remark.
const PLACES: [(u32, &str); 2] =
    [(CONTEXT, "CUDA contexts"), (STREAM, "attributes of CUDA streams")];
/// What is collected without being asked for.
const ALWAYS: [(u32, &str); 7] = [
    (sys::KIND_CONCURRENT_KERNEL, "kernels"),
    (sys::KIND_MEMCPY, "copies"),
    (sys::KIND_MEMCPY2, "copies between GPUs"),
    (sys::KIND_MEMSET, "fills"),
    (MEMORY2, "allocations"),
    (MEMORY_POOL, "memory pools"),
    (OVERHEAD, "the overhead of recording"),
];
/// Makes every call dearer; see [`waits`].
const WAITS: (u32, &str) = (SYNCHRONIZATION, "synchronisations");
const CALLS: [(u32, &str); 2] =
    [(RUNTIME_CALL, "calls of the CUDA runtime"), (DRIVER_CALL, "calls of the CUDA driver")];

/// How CUDA graphs are called in a remark.
const GRAPHS: &str = "CUDA graphs as wholes";

/// The kinds that this configuration asks for.
fn wanted(config: &Config) -> impl Iterator<Item = (u32, &'static str)> {
    let calls = config.api.then_some(CALLS).into_iter().flatten();
    let graphs = (config.graphs == Graphs::Whole).then_some((GRAPH_TRACE, GRAPHS));
    let waits = (!waits::are_watched()).then_some(WAITS);
    let correlation = launch::needs_driver_calls().then_some(CALLS[1]);
    ALWAYS.into_iter().chain(calls).chain(waits).chain(graphs).chain(correlation)
}

/// Enables what is wanted. Each kind that is refused is named in a remark the first time, and the others recorded.
pub(super) fn enable(session: &Session, config: &Config) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let told = TOLD.swap(true, Ordering::Relaxed);
    enable_all(session, wanted(config), !told);
}

/// Enables what is collected from beginning to end.
pub(super) fn enable_places(session: &Session) {
    enable_all(session, PLACES.into_iter(), true);
}

fn enable_all(session: &Session, kinds: impl Iterator<Item = (u32, &'static str)>, tell: bool) {
    for (kind, name) in kinds {
        let status = session.enable(kind);
        if status != SUCCESS && tell {
            session::note(&session::failed(&format!("{name} are not recorded"), status));
        }
    }
}

/// Stops collecting what [`enable`] began.
pub(super) fn disable(session: &Session) {
    disable_all(session, ALWAYS.into_iter().chain(CALLS).chain([WAITS, (GRAPH_TRACE, GRAPHS)]));
}

/// Stops collecting, as far as CUPTI lets us.
pub(super) fn disable_everything(session: &Session) {
    disable(session);
    disable_all(session, PLACES.into_iter());
}

fn disable_all(session: &Session, kinds: impl Iterator<Item = (u32, &'static str)>) {
    for (kind, _) in kinds {
        session.disable_kind(kind);
    }
}
