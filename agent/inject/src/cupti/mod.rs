//! CUPTI: kernels, copies and fills of the GPU, in CUDA programs.

mod activity;
mod api_call;
mod buffers;
mod device;
mod flush;
mod graphs;
mod kind;
pub(crate) mod launch;
mod layout;
mod loader;
mod session;
mod sys;

use crate::writer::Writer;

/// Writes the records of the buffers that CUPTI has returned.
pub(crate) fn drain(writer: &mut Writer) {
    if let Some(session) = session::current() {
        activity::drain(session, writer);
    }
}
