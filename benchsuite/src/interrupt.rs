//! SIGTERM: a run with checkpoints ends after the step it is in, and saves it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use crate::failure::{Failure, Result};

/// What a shell makes of a program that SIGTERM has ended.
pub(crate) const EXIT_CODE: u8 = 128 + 15;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// From now on SIGTERM is noted instead of ending the process.
pub(crate) fn watch() -> Result<()> {
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&ASKED))
        .map(drop)
        .map_err(|e| Failure::run(format!("SIGTERM cannot be watched for: {e}")))
}

/// Whether it has come.
pub(crate) fn has_come() -> bool {
    ASKED.load(Ordering::Relaxed)
}
