//! CUPTI: kernels, copies and fills of the GPU, in CUDA programs.

mod activity;
mod api_call;
mod buffers;
mod callbacks;
mod device;
mod flush;
mod graphs;
mod kernel_name;
mod kind;
pub(crate) mod launch;
mod layout;
mod loader;
mod recorded_events;
mod scope;
mod search;
mod session;
mod shared;
mod sys;
mod theft;
pub(crate) mod waits;

use std::sync::atomic::Ordering;

use crate::lifecycle;
use crate::writer::Writer;

/// Collects again, after [`pause`].
pub(crate) fn resume() {
    if let Some((session, config)) = set_up().zip(lifecycle::config()) {
        kind::enable(session, config);
    }
}

/// Collects nothing more until [`resume`]; what was launched before is still recorded.
pub(crate) fn pause() {
    if let Some(session) = set_up() {
        kind::disable(session);
        flush::soon();
    }
}

/// The session, once it can be told what to collect.
fn set_up() -> Option<&'static session::Session> {
    session::current().filter(|session| session.is_set_up.load(Ordering::Relaxed))
}

/// Writes the records of the buffers that CUPTI has returned.
pub(crate) fn drain(writer: &mut Writer) {
    if let Some(session) = session::current() {
        activity::drain(session, writer);
    }
}
