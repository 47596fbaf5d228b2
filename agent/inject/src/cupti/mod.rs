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
mod scope;
mod search;
mod session;
mod shared;
mod sys;
mod theft;

use crate::lifecycle;
use crate::writer::Writer;

/// Collects again, after [`pause`].
pub(crate) fn resume() {
    if let Some((session, config)) = session::current().zip(lifecycle::config()) {
        kind::enable(session, config);
    }
}

/// Collects nothing more until [`resume`]; what was launched before is still recorded.
pub(crate) fn pause() {
    if let Some(session) = session::current() {
        kind::disable(session);
        flush::soon();
    }
}

/// Writes the records of the buffers that CUPTI has returned.
pub(crate) fn drain(writer: &mut Writer) {
    if let Some(session) = session::current() {
        activity::drain(session, writer);
    }
}
