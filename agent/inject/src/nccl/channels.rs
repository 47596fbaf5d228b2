//! The times of calls where CUPTI is not ours: NCCL's own, of the channels of its kernel.
//!
//! From version 4 of the interface on, NCCL passes on what each channel of a kernel read from the GPU's timer when it began
//! and ended. A call lasts from the first beginning to the last end.
//!
//! Of kernels with many channels NCCL (2.30.7, on an H200) hands out beginnings of some channels that belong to earlier
//! calls. They are known by lying before the beginning of the communicator's call before, or before the call was made at all;
//! then the latest beginning counts instead of the first, which is off by no more than channels of a kernel begin apart.
//!
//! It costs small collectives several percent, so it is asked for only where kernels are not recorded.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use perfagent_spool::MonotonicNs;

use super::pool::Blank;
use crate::message::{Event, Kind};
use crate::threads;

/// How much earlier than the host knows of a call its kernel may seem to begin: NCCL tells of it after the launch.
const EARLY_NS: u64 = 10_000_000;

/// How far the host's clock is ahead of the GPU's timer, at most: the least that a beginning was seen to lie behind, of
/// this window of time and of the one before, as the two clocks drift. What NCCL tells comes at some time after it
/// happened, so the least is the nearest to the truth.
static AHEAD: [AtomicI64; 2] = [const { AtomicI64::new(i64::MAX) }; 2];
/// The window that `AHEAD[0]` is of.
static WINDOW: AtomicU64 = AtomicU64::new(0);
const WINDOW_NS: u64 = 10_000_000_000;

/// A beginning was seen to lie so far behind.
fn see(now: u64, behind: i64) {
    let window = now / WINDOW_NS;
    let before = WINDOW.swap(window, Ordering::Relaxed);
    if before != window {
        let least = AHEAD[0].swap(behind, Ordering::Relaxed);
        // What was not seen for a whole window is too old.
        let least = if before + 1 == window { least } else { i64::MAX };
        AHEAD[1].store(least, Ordering::Relaxed);
    }
    AHEAD[0].fetch_min(behind, Ordering::Relaxed);
}

fn ahead() -> u64 {
    let [now, before] = [&AHEAD[0], &AHEAD[1]].map(|least| least.load(Ordering::Relaxed));
    now.min(before) as u64
}

/// What is known of the channels of a call.
pub(super) struct Channels {
    /// The call's number, as a plan of its own; 0 when it is not timed.
    number: AtomicU64,
    /// Channels that have not ended.
    left: AtomicU32,
    /// The earliest and the latest beginning, and the last end, of the GPU's timer.
    first: AtomicU64,
    latest: AtomicU64,
    last: AtomicU64,
    /// When the call was made, of the host's clock.
    made: AtomicU64,
}

impl Blank for Channels {
    const BLANK: Self = Self {
        number: AtomicU64::new(0),
        left: AtomicU32::new(0),
        first: AtomicU64::new(u64::MAX),
        latest: AtomicU64::new(0),
        last: AtomicU64::new(0),
        made: AtomicU64::new(0),
    };
}

impl Channels {
    /// Waits for so many channels of the call `number`; 0 for a call that is not timed.
    pub(super) fn expect(&self, number: u64, channels: u8) {
        self.left.store(channels.into(), Ordering::Relaxed);
        self.first.store(u64::MAX, Ordering::Relaxed);
        self.latest.store(0, Ordering::Relaxed);
        self.last.store(0, Ordering::Relaxed);
        self.made.store(MonotonicNs::now().0, Ordering::Relaxed);
        self.number.store(number, Ordering::Release);
    }

    /// A channel has begun when the GPU's timer showed `timer`.
    pub(super) fn begins(&self, timer: u64) {
        if timer != 0 {
            self.first.fetch_min(timer, Ordering::Relaxed);
            self.latest.fetch_max(timer, Ordering::Relaxed);
            let now = MonotonicNs::now().0;
            see(now, now.wrapping_sub(timer) as i64);
        }
    }

    /// A channel's work was done when the timer showed `timer`.
    pub(super) fn stops(&self, timer: u64) {
        self.last.fetch_max(timer, Ordering::Relaxed);
    }

    /// A channel has ended; with the last one the call's times are known. `before` is when the communicator's call before
    /// had begun.
    pub(super) fn ends(&self, before: &AtomicU64) {
        let number = self.number.load(Ordering::Acquire);
        let left =
            self.left.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |left| left.checked_sub(1));
        if number != 0 && left == Ok(1) {
            self.tell(number, before);
        }
    }

    /// Leaves a message with the times.
    fn tell(&self, number: u64, before: &AtomicU64) {
        let [first, latest, last, made] = [&self.first, &self.latest, &self.last, &self.made]
            .map(|value| value.load(Ordering::Relaxed));
        let ahead = ahead();
        let begun = before.load(Ordering::Relaxed);
        let Some(start) = start([first, latest, last], begun, made.wrapping_sub(ahead)) else {
            // The recorder counts calls whose times never come.
            return;
        };
        before.fetch_max(start, Ordering::Relaxed);
        let Some(buffer) = threads::current() else { return };
        let numbers = [start.wrapping_add(ahead), last.wrapping_add(ahead)];
        buffer.record(&Event { id: number, numbers: &numbers, ..Event::bare(Kind::NcclTimes, 0) });
    }
}

/// When a call began, of the GPU's timer: from the earliest and latest beginning of its channels and its end, when
/// the call before began, and when it was made.
fn start([first, latest, last]: [u64; 3], before: u64, made: u64) -> Option<u64> {
    let not_before = made.saturating_sub(EARLY_NS);
    let start = if first >= before.max(not_before) { first } else { latest };
    (start >= not_before && start <= last).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn beginnings_of_earlier_calls_are_set_aside() {
        // The call before began at 100 ms, and this one was made at 90 ms.
        let of = |first, latest, last| {
            start([first * MS, latest * MS, last * MS], 100 * MS, 90 * MS).map(|start| start / MS)
        };
        assert_eq!(of(100, 101, 105), Some(100));
        assert_eq!(of(95, 101, 105), Some(101), "of a call that was under way");
        assert_eq!(of(3, 101, 105), Some(101), "of one long ago");
        assert_eq!(of(3, 4, 105), None, "all of them are");
        assert_eq!(of(u64::MAX / MS, 0, 105), None, "no channel has begun");
        assert_eq!(of(100, 100, 101), Some(100), "of one group, both in one kernel");
    }
}
