//! How a part of the work ended.

use crate::{Check, Severity, Status};

/// One part of the work on a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<T> {
    /// It was done.
    Done(T),
    /// It could not be done, for this reason.
    Failed(String),
    /// It was done, and what came out is wrong.
    Wrong(String),
    /// It did not end within this many seconds.
    Hung(f64),
    /// It was left out, for this reason.
    Skipped(String),
}

impl<T> Part<T> {
    /// What was done; else the check that says why there is nothing.
    pub(super) fn done(&self, name: &'static str, target: &str) -> Result<&T, Box<Check>> {
        Err(Box::new(match self {
            Self::Done(done) => return Ok(done),
            Self::Failed(said) => Check::unknown(
                name,
                target,
                format!("could not be measured: {said}"),
                "mend what it says and repeat; `perfagent doctor` shows what is missing",
            ),
            Self::Wrong(said) => Check::ok(name, target, said.clone()).but(
                Status::Critical,
                Severity::Isolate,
                "take the node out of use: it computes wrong results; run NVIDIA's field diagnostic or a memory test",
            ),
            Self::Hung(seconds) => {
                Check::ok(name, target, format!("did not end within {seconds:.0} s")).but(
                    Status::Critical,
                    Severity::Reset,
                    "look at the kernel log and reset the device; if it is only slow, repeat with a longer --budget",
                )
            }
            Self::Skipped(why) => Check::unknown(
                name,
                target,
                format!("was left out: {why}"),
                "repeat with a longer --budget, or name it with --only",
            ),
        }))
    }
}
