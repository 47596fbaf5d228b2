//! The times of calls where CUPTI is not ours: NCCL's own, of the channels of its kernel.
//!
//! From version 4 of the interface on, NCCL passes on what each channel of a kernel read from the GPU's timer when it began
//! and ended. A call lasts from the first beginning to the last end. It costs small collectives several percent, so it is
//! asked for only where kernels are not recorded.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use perfagent_spool::MonotonicNs;

use super::pool::Blank;
use crate::message::{Event, Kind};
use crate::threads;

/// How far the host's clock is ahead of the GPU's timer, at most: the least that a beginning was seen to lie behind. What
/// NCCL tells comes at some time after it happened, so the least is the nearest to the truth.
static AHEAD: AtomicI64 = AtomicI64::new(i64::MAX);

/// What is known of the channels of a call.
pub(super) struct Channels {
    /// The call's number, as a plan of its own; 0 when it is not timed.
    number: AtomicU64,
    /// Channels that have not ended.
    left: AtomicU32,
    first: AtomicU64,
    last: AtomicU64,
}

impl Blank for Channels {
    const BLANK: Self = Self {
        number: AtomicU64::new(0),
        left: AtomicU32::new(0),
        first: AtomicU64::new(u64::MAX),
        last: AtomicU64::new(0),
    };
}

impl Channels {
    /// Waits for so many channels of the call `number`; 0 for a call that is not timed.
    pub(super) fn expect(&self, number: u64, channels: u8) {
        self.left.store(channels.into(), Ordering::Relaxed);
        self.first.store(u64::MAX, Ordering::Relaxed);
        self.last.store(0, Ordering::Relaxed);
        self.number.store(number, Ordering::Release);
    }

    /// A channel has begun when the GPU's timer showed `timer`.
    pub(super) fn begins(&self, timer: u64) {
        if timer != 0 {
            self.first.fetch_min(timer, Ordering::Relaxed);
            let behind = MonotonicNs::now().0.wrapping_sub(timer) as i64;
            AHEAD.fetch_min(behind, Ordering::Relaxed);
        }
    }

    /// A channel's work was done when the timer showed `timer`.
    pub(super) fn stops(&self, timer: u64) {
        self.last.fetch_max(timer, Ordering::Relaxed);
    }

    /// A channel has ended; with the last one the call's times are known.
    pub(super) fn ends(&self) {
        let number = self.number.load(Ordering::Acquire);
        let left =
            self.left.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |left| left.checked_sub(1));
        if number != 0 && left == Ok(1) {
            self.tell(number);
        }
    }

    /// Leaves a message with the times.
    fn tell(&self, number: u64) {
        let (first, last) = (self.first.load(Ordering::Relaxed), self.last.load(Ordering::Relaxed));
        let Some(buffer) = threads::current().filter(|_| first <= last) else { return };
        let ahead = AHEAD.load(Ordering::Relaxed) as u64;
        let numbers = [first.wrapping_add(ahead), last.wrapping_add(ahead)];
        buffer.record(&Event { id: number, numbers: &numbers, ..Event::bare(Kind::NcclTimes, 0) });
    }
}
