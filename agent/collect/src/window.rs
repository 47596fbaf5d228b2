//! Which part of the run is kept.

use perfagent_recording::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// From when until when events are kept: those that start in it. Unix nanoseconds, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    start_ns: i64,
    end_ns: i64,
}

impl Window {
    /// The window that opens `delay` after `start` and stays open for `duration`, or to the end.
    pub(crate) fn new(start: Timestamp, delay: Span, duration: Option<Span>) -> Self {
        let opens = if delay == Span::ZERO { Timestamp::MIN } else { start + delay };
        let closes = duration.map_or(Timestamp::MAX, |duration| start + delay + duration);
        Self { start_ns: opens.unix_nanos(), end_ns: closes.unix_nanos() }
    }

    /// Whether an event that starts at `time` is kept.
    pub(crate) fn holds(self, time: Timestamp) -> bool {
        (self.start_ns..self.end_ns).contains(&time.unix_nanos())
    }

    /// Where a range that runs to `time` ends for the recording, and whether its real end lies outside.
    pub(crate) fn cut(self, time: Timestamp) -> (Timestamp, bool) {
        if time.unix_nanos() > self.end_ns {
            (Timestamp::from_unix_nanos(self.end_ns), true)
        } else {
            (time, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = Timestamp::from_unix_nanos;

    #[test]
    fn without_limits_everything_is_kept() {
        let window = Window::new(AT(100), Span::ZERO, None);
        assert!(window.holds(AT(0)) && window.holds(AT(i64::MAX - 1)));
        assert_eq!(window.cut(AT(500)), (AT(500), false));
    }

    #[test]
    fn delay_and_duration_bound_it() {
        let window = Window::new(AT(100), Span::from_nanos(10), Some(Span::from_nanos(5)));
        let kept: Vec<i64> = (100..130).filter(|time| window.holds(AT(*time))).collect();
        assert_eq!(kept, [110, 111, 112, 113, 114]);
        assert_eq!(window.cut(AT(120)), (AT(115), true));
    }
}
