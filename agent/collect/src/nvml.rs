//! The NVIDIA driver's management library, loaded once and for good.

use std::sync::OnceLock;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

/// The library, started; may hang as long as it likes.
///
/// It is neither shut down nor unloaded before the process ends: a thread that has called into it may still have its
/// destructors to run when the last user lets go, and to shut a sick driver down is one more call that can hang.
pub(crate) fn start() -> Result<&'static Nvml, NvmlError> {
    static LIBRARY: OnceLock<Nvml> = OnceLock::new();
    if let Some(library) = LIBRARY.get() {
        return Ok(library);
    }
    // Should two threads come here at once, the library counts how often it is open.
    let library = Nvml::init()?;
    Ok(LIBRARY.get_or_init(|| library))
}
