//! A moment on two clocks: one to measure ages, one to tell others.

use perfagent_recording::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// A moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Seconds on the clock that never steps.
    pub steady_s: f64,
    /// Seconds since the Unix epoch by the wall clock, right or not.
    pub unix_s: f64,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let seconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        Self { steady_s: seconds(ClockId::Monotonic), unix_s: seconds(ClockId::Realtime) }
    }

    /// Seconds from here to `later`.
    #[must_use]
    pub fn age_s(self, later: Self) -> f64 {
        (later.steady_s - self.steady_s).max(0.0)
    }

    /// RFC 3339 in UTC with milliseconds, as logs have it.
    #[must_use]
    pub fn rfc3339_ms(self) -> String {
        // A float of this size is good for a fraction of a microsecond.
        let ms = (self.unix_s * 1000.0).round() as i64;
        let time = Timestamp::from_unix_nanos(ms.saturating_mul(1_000_000));
        let ms = ms.rem_euclid(1000);
        let text = time.rfc3339();
        format!("{}.{ms:03}Z", text.trim_end_matches('Z'))
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn times_of_logs_have_milliseconds() {
        let moment = Moment { steady_s: 0.0, unix_s: 1_772_366_400.25 };
        assert_eq!(moment.rfc3339_ms(), "2026-03-01T12:00:00.250Z");
        assert!(Moment::now().age_s(Moment::now()) < 1e6);
    }
}
