//! Whether something keeps the wall clock right, from the kernel's own record of it.
#![expect(unsafe_code, reason = "adjtimex has no safe wrapper in the libraries used here")]

use crate::root::Root;
use crate::{Check, Severity, Status};

const NAME: &str = "clock_sync";
/// Own threshold: beyond it, logs of different nodes cannot be put in order.
const MOST_ERROR_US: i64 = 1_000_000;

/// What the kernel knows about its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockState {
    /// Nothing has told the kernel that its clock is right.
    unsynchronised: bool,
    /// Upper bound of the error in microseconds, as the last synchronisation and the time since then give it.
    max_error_us: i64,
}

/// Asks the kernel and looks for the daemons that keep clocks.
pub(crate) fn check(root: &Root) -> Vec<Check> {
    let daemon = Daemon::find(root);
    vec![match state() {
        Some(state) => judge(state, daemon),
        None => Check::unknown(
            NAME,
            "host",
            "the kernel does not tell the state of its clock",
            "run outside of the sandbox that forbids adjtimex",
        ),
    }]
}

/// A daemon that left its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Daemon {
    /// systemd-timesyncd, which says that it has synchronised since the boot.
    TimesyncdDone,
    /// chronyd, which tells the kernel only when it is told to (`rtcsync`).
    Chronyd,
    None,
}

impl Daemon {
    fn find(root: &Root) -> Self {
        if root.exists("run/systemd/timesync/synchronized") {
            Self::TimesyncdDone
        } else if root.exists("run/chrony/chronyd.pid") || root.exists("run/chrony/chronyd.sock") {
            Self::Chronyd
        } else {
            Self::None
        }
    }
}

fn judge(state: ClockState, daemon: Daemon) -> Check {
    if !state.unsynchronised {
        let error_ms = state.max_error_us as f64 / 1e3;
        let detail = format!("synchronised, off by at most {error_ms:.1} ms");
        let check = Check::ok(NAME, "host", detail)
            .found(state.max_error_us.unsigned_abs(), "us")
            .expected(MOST_ERROR_US.unsigned_abs());
        if state.max_error_us > MOST_ERROR_US {
            let action =
                "look at the time servers: chronyc sources, or timedatectl timesync-status";
            return check.but(Status::Warning, Severity::Monitor, action);
        }
        return check;
    }
    match daemon {
        Daemon::TimesyncdDone => {
            Check::ok(NAME, "host", "systemd-timesyncd has synchronised since the boot")
        }
        Daemon::Chronyd => Check::unknown(
            NAME,
            "host",
            "chronyd runs, but does not tell the kernel whether the clock is right",
            "ask it with `chronyc tracking`, or let it tell: add rtcsync to chrony.conf",
        ),
        Daemon::None => Check::ok(NAME, "host", "nothing synchronises the clock").but(
            Status::Warning,
            Severity::Config,
            "run chronyd or systemd-timesyncd",
        ),
    }
    .found("unsynchronised", None)
    .expected("synchronised")
}

fn state() -> Option<ClockState> {
    // SAFETY: all bits zero is a valid `timex`; its `modes` of 0 asks for nothing to be changed.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills a live structure.
    let clock = unsafe { libc::adjtimex(&raw mut timex) };
    (clock >= 0).then_some(ClockState {
        unsynchronised: clock == libc::TIME_ERROR || timex.status & libc::STA_UNSYNC != 0,
        max_error_us: timex.maxerror,
    })
}

#[cfg(test)]
mod tests {
    use super::{ClockState, Daemon, judge};
    use crate::Status;

    #[test]
    fn only_a_clock_that_is_known_to_be_right_is_ok() {
        let right = ClockState { unsynchronised: false, max_error_us: 900 };
        let loose = ClockState { unsynchronised: false, max_error_us: 2_000_000 };
        let unsynchronised = ClockState { unsynchronised: true, max_error_us: 16_000_000 };
        for (state, daemon, status) in [
            (right, Daemon::None, Status::Ok),
            (loose, Daemon::None, Status::Warning),
            (unsynchronised, Daemon::None, Status::Warning),
            (unsynchronised, Daemon::Chronyd, Status::Unknown),
            (unsynchronised, Daemon::TimesyncdDone, Status::Ok),
        ] {
            assert_eq!(judge(state, daemon).status, status, "{state:?} {daemon:?}");
        }
    }

    #[test]
    fn this_kernel_tells() {
        if let Some(state) = super::state() {
            assert!(state.max_error_us >= 0, "{state:?}");
        }
    }
}
