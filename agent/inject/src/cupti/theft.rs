//! Noticing that another tool has taken CUPTI's buffers.
//!
//! CUPTI lets anybody register the functions that hand out buffers and take them back, and tells nobody. torch.profiler of
//! some versions does so without subscribing first: from then on our records go to it. What can be noticed is that kernels
//! are launched and no buffer comes back. Launches are not watched all the time, as that costs each a little; only once
//! no buffer has come back for a while, which for a busy program is never.
#![expect(unsafe_code, reason = "calls into CUPTI")]

use std::ffi::c_int;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use perfagent_spool::{LossCause, MonotonicNs};

use super::launch;
use super::session::{self, Session};
use super::sys::{DRIVER_API, LAUNCHES, RUNTIME_API};
use crate::capture;
use crate::inbox::{self, Item};

/// `cudaLaunchKernel`, `cudaGraphLaunch`, `cudaLaunchKernelExC`, and `__cudaLaunchKernel` of CUDA 13, each also for
/// per-thread default streams.
pub(super) const RUNTIME_LAUNCHES: [u32; 8] = [211, 214, 311, 312, 430, 431, 505, 506];

/// Without a buffer for so many periods of flushing, launches are watched.
const PATIENCE: u32 = 10;
/// So many periods after one was seen its record must have come: kernels may run long, collectives wait for other ranks,
/// and a buffer comes back only when all of its records are complete.
const LONG_PATIENCE: u32 = 400;

static RETURNED: AtomicU64 = AtomicU64::new(0);
static LAUNCHED: AtomicU64 = AtomicU64::new(0);

/// A buffer has come back.
pub(super) fn returned() {
    RETURNED.fetch_add(1, Ordering::Relaxed);
}

/// Something was launched; called only while launches are watched.
pub(super) fn launched() {
    LAUNCHED.fetch_add(1, Ordering::Relaxed);
}

const TAKEN: &str = "another tool of this process, such as torch.profiler, has taken CUPTI's buffers from us: GPU operations \
     are missing from here on";

/// What the flush thread knows.
pub(super) struct Watch {
    /// Buffers that had come back when one last had, and when that was.
    returned: u64,
    since: MonotonicNs,
    state: State,
    period: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Buffers come back, or have only just ceased to.
    Quiet,
    /// Launches are watched; so many had been seen when that began.
    Watching { seen: u64 },
    /// One was seen, and no buffer has come back since.
    Suspicious { seen: u64, at: MonotonicNs },
    /// Told, the last time then, when so many launches had been seen.
    Stolen { seen: u64, told: MonotonicNs },
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Watch,
    Rest,
    /// Operations are missing since then; so many launches were seen meanwhile.
    Tell {
        since: MonotonicNs,
        count: u64,
    },
}

impl Watch {
    pub(super) fn new(now: MonotonicNs, flush_period: Duration) -> Self {
        let returned = RETURNED.load(Ordering::Relaxed);
        Self { returned, since: now, state: State::Quiet, period: flush_period }
    }

    /// Looks, after a flush.
    pub(super) fn look(&mut self, session: &Session) {
        let now = MonotonicNs::now();
        let counts = [&RETURNED, &LAUNCHED].map(|counter| counter.load(Ordering::Relaxed));
        match self.step(now, counts, capture::is_on()) {
            Step::Nothing => {}
            Step::Watch => watch_launches(session, true),
            Step::Rest => watch_launches(session, false),
            Step::Tell { since, count } => {
                missing(since, now, count);
                session::note(TAKEN);
            }
        }
    }

    /// The last look, after everything was flushed: what has been missing since that was told, or at all.
    pub(super) fn finish(&self) {
        let (from, seen) = match self.state {
            State::Stolen { seen, told } => (told, seen),
            // All records are complete by now.
            State::Suspicious { seen, .. } if RETURNED.load(Ordering::Relaxed) == self.returned => {
                session::note(TAKEN);
                (self.since, seen)
            }
            _ => return,
        };
        missing(from, MonotonicNs::now(), LAUNCHED.load(Ordering::Relaxed).saturating_sub(seen));
    }

    fn step(&mut self, now: MonotonicNs, [returned, launched]: [u64; 2], is_on: bool) -> Step {
        let period = self.period.as_nanos() as u64;
        let is_late = |since: MonotonicNs, patience: u32| {
            now.0.saturating_sub(since.0) >= period.saturating_mul(patience.into())
        };
        // What is not collected does not come back.
        if returned != self.returned || !is_on {
            let was = std::mem::replace(&mut self.state, State::Quiet);
            (self.returned, self.since) = (returned, now);
            return if was == State::Quiet { Step::Nothing } else { Step::Rest };
        }
        match self.state {
            State::Quiet if is_late(self.since, PATIENCE) => {
                self.state = State::Watching { seen: launched };
                Step::Watch
            }
            State::Watching { seen } if launched != seen => {
                self.state = State::Suspicious { seen, at: now };
                Step::Nothing
            }
            State::Suspicious { seen, at } if is_late(at, LONG_PATIENCE) => {
                self.state = State::Stolen { seen: launched, told: now };
                Step::Tell { since: self.since, count: launched.saturating_sub(seen) }
            }
            _ => Step::Nothing,
        }
    }
}

/// Writes down that the records of so many launches are missing.
fn missing(start: MonotonicNs, end: MonotonicNs, count: u64) {
    if count > 0 {
        inbox::put(Item::Gap { cause: LossCause::BuffersTaken, start, end, count });
    }
}

/// Asks CUPTI to tell of launches, or to do so no longer.
fn watch_launches(session: &Session, on: bool) {
    let Some(enable) = session.api.enable_callback else { return };
    let _alone = launch::CALLBACKS.lock().unwrap_or_else(PoisonError::into_inner);
    let subscriber = session.subscriber.load(Ordering::Relaxed);
    let set = |domain: c_int, calls: &[u32]| {
        for call in calls {
            // SAFETY: the subscriber is ours; a call that this CUPTI does not know is an error without effect.
            unsafe { enable(on.into(), subscriber, domain, *call) };
        }
    };
    set(RUNTIME_API, &RUNTIME_LAUNCHES);
    // Those of the driver may be watched for NCCL's sake, and stay so.
    if on || !launch::is_watching() {
        set(DRIVER_API, &LAUNCHES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn watch() -> Watch {
        Watch::new(MonotonicNs(0), Duration::from_millis(200))
    }

    fn step(watch: &mut Watch, seconds: u64, counts: [u64; 2]) -> Step {
        watch.step(MonotonicNs(seconds * SECOND), counts, true)
    }

    #[test]
    fn launches_without_buffers_are_told_once() {
        let mut watch = watch();
        assert_eq!(step(&mut watch, 1, [5, 0]), Step::Nothing);
        assert_eq!(step(&mut watch, 4, [5, 0]), Step::Watch);
        assert_eq!(step(&mut watch, 60, [5, 0]), Step::Nothing, "nothing is launched");
        assert_eq!(step(&mut watch, 61, [5, 3]), Step::Nothing);
        assert_eq!(step(&mut watch, 62, [5, 9]), Step::Nothing);
        // Missing since the last buffer.
        let told = Step::Tell { since: MonotonicNs(SECOND), count: 12 };
        assert_eq!(step(&mut watch, 100, [5, 12]), Step::Nothing, "a kernel may run for long");
        assert_eq!(step(&mut watch, 141, [5, 12]), told);
        assert_eq!(step(&mut watch, 190, [5, 20]), Step::Nothing);
        assert_eq!(step(&mut watch, 191, [6, 20]), Step::Rest, "it was given back");
    }

    #[test]
    fn a_program_that_rests_is_not_suspected() {
        let mut watch = watch();
        assert_eq!(step(&mut watch, 3, [0, 0]), Step::Watch);
        assert_eq!(step(&mut watch, 9, [0, 1]), Step::Nothing);
        assert_eq!(step(&mut watch, 10, [1, 5]), Step::Rest);
        assert_eq!(step(&mut watch, 11, [1, 5]), Step::Nothing);
        let paused = watch.step(MonotonicNs(50 * SECOND), [1, 5], false);
        assert_eq!(paused, Step::Nothing, "nothing is to come back outside of a capture");
    }
}
