//! Instants of the two clocks that a ring carries, in integer nanoseconds.

/// An instant of `CLOCK_MONOTONIC`, in nanoseconds since the machine's boot. Shared by all processes of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonotonicNs(pub u64);

/// An instant of `CLOCK_REALTIME`, in nanoseconds since 1970-01-01 UTC. It can step; use it only to anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RealtimeNs(pub i64);

impl MonotonicNs {
    /// The clock now. Costs one call into the vDSO, no system call.
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        let now = read_clock(libc::CLOCK_MONOTONIC);
        Self((now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64))
    }
}

impl RealtimeNs {
    /// The clock now.
    #[must_use]
    pub fn now() -> Self {
        let now = read_clock(libc::CLOCK_REALTIME);
        Self(now.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec))
    }
}

#[inline]
#[expect(unsafe_code, reason = "std has no clock that names its origin")]
fn read_clock(clock: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for the answer; both clocks exist on every Linux, so the call cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let first = MonotonicNs::now();
        assert!(MonotonicNs::now() >= first);
        assert!(first.0 > 0);
    }

    #[test]
    fn the_realtime_clock_is_past_2020() {
        assert!(RealtimeNs::now().0 > 1_577_836_800_000_000_000);
    }
}
