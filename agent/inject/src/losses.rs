//! Counters of what could not be kept, filled on any thread and emptied by the writer thread.

use std::sync::atomic::{AtomicU64, Ordering};

use perfagent_spool::LossCause;

static COUNTERS: [AtomicU64; LossCause::ALL.len() + 1] =
    [const { AtomicU64::new(0) }; LossCause::ALL.len() + 1];

/// Counts `count` losses.
pub(crate) fn add(cause: LossCause, count: u64) {
    COUNTERS[usize::from(cause.code())].fetch_add(count, Ordering::Relaxed);
}

/// Takes what was counted since the last call.
pub(crate) fn take(mut each: impl FnMut(LossCause, u64)) {
    for cause in LossCause::ALL {
        let counter = &COUNTERS[usize::from(cause.code())];
        if counter.load(Ordering::Relaxed) > 0 {
            each(cause, counter.swap(0, Ordering::Relaxed));
        }
    }
}
