//! CUPTI: kernels, copies and fills of the GPU, in CUDA programs.

mod activity;
mod buffers;
mod device;
mod flush;
pub(crate) mod launch;
mod loader;
mod session;
mod sys;

use crate::writer::Writer;

/// Writes the records of the buffers that CUPTI has returned; whether there were any.
pub(crate) fn drain(writer: &mut Writer) -> bool {
    session::current().is_some_and(|session| activity::drain(session, writer))
}
