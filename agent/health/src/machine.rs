//! Which machine this is, and when it is.

use perfagent_recording::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// The node's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The wall clock, whether it is right or not.
#[must_use]
pub fn now() -> Timestamp {
    let now = clock_gettime(ClockId::Realtime);
    Timestamp::from_unix_parts(now.tv_sec, now.tv_nsec)
}
