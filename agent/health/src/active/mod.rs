//! Checks that load the machine: what a device reaches, whether its memory keeps what is written, whether training on it
//! gives the same bits again.
//!
//! A child process works on one device and writes a line before and after each part ([`answer`]), so that what hangs is
//! known and what was measured before is not lost; [`ask`] reads it. Judging is apart from measuring: [`judge`] is a pure
//! function of what was [`Measured`]. What nothing states a value for is measured all the same and stands in the document
//! with its value, without weight: the comparison of many nodes judges it.

mod answer;
mod ask;
mod before;
mod busy;
mod ceilings;
mod link;
mod memory;
mod outcome;
mod training;

pub use answer::{Line, Work, answer};
pub use ask::{Answered, ask};
pub use before::{Earlier, earlier};
pub use busy::{BusyProcess, others};
pub use link::{Link, link};
pub use outcome::Part;
pub use training::Training;

use perfagent_kernels::MemoryTest;
use serde_json::Value;

use crate::Check;

/// All that was measured of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// As the checks name it: `GPU 0`, `cpu`.
    pub target: String,
    /// The pattern test of its memory.
    pub memory: Part<MemoryTest>,
    /// Its ceilings, as [`answer`] writes them.
    pub ceilings: Part<Value>,
    /// The slot that it is in, where the kernel tells it.
    pub link: Option<Link>,
    /// Equal trainings, one after the other.
    pub training: Vec<Part<Training>>,
}

/// The checks of all devices, in their order. `before` are documents of this very node.
#[must_use]
pub fn judge(measured: &[Measured], before: &[Earlier]) -> Vec<Check> {
    let mut checks = Vec::new();
    for device in measured {
        checks.push(memory::check(&device.target, &device.memory));
        checks.extend(ceilings::checks(&device.target, &device.ceilings, device.link));
    }
    checks.extend(training::checks(measured));
    before::judge(&mut checks, before);
    checks
}
