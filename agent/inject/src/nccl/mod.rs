//! NCCL's profiler plugin: collectives, sends and receives as NCCL hands them to the GPU.
//!
//! NCCL loads the library through `NCCL_PROFILER_PLUGIN` and calls the table of the highest version that both know (`sys`).
//! Asked for are collectives, sends and receives, and from version 5 on the program's own calls of them and the
//! launches; the kernel channels, whose cost reaches 13 % of a small collective, only where CUPTI is not ours.
//!
//! The end of such an event only says that the work was enqueued. Its time on the GPU is that of its kernel, which is
//! found through the launch (`plan`, [`launch`](crate::cupti::launch)). Where CUPTI is not ours NCCL times the kernel itself
//! (`channels`, from version 4 on). Calls of which NCCL tells no such event are `untold`. Without
//! either the message says so, and nobody takes the time of enqueueing for a duration.
//!
//! Handles that NCCL gets are numbers that tell when they are out of date (`pool`); one that comes back after its event has
//! ended is counted and not followed. A plugin that the user had set is called from here (`chain`).

mod callbacks;
mod chain;
mod channels;
mod descriptor;
#[cfg(test)]
mod fuzz;
mod plan;
mod pool;
mod sys;
mod table;
mod untold;

use perfagent_spool::{LossCause, MonotonicNs, Record};

use crate::message::Received;
use crate::writer::Writer;

/// Numbers of a message: where each stands.
mod number {
    pub(super) const COUNT: usize = 0;
    /// All bits set for none.
    pub(super) const SEQUENCE: usize = 1;
    /// The peer, and above it the program's element type: its number in `DTYPES` + 1.
    pub(super) const PEER: usize = 2;
    /// The correlation id, and above it the flags.
    pub(super) const LAUNCH: usize = 3;
    pub(super) const LENGTH: usize = 4;
}

const NO_SEQUENCE: u64 = u64::MAX;
const HAS_KERNEL: u64 = 1 << 32;
const IS_CAPTURED: u64 = 1 << 33;

/// The record of a message about a call.
pub(crate) fn record(
    writer: &mut Writer,
    tid: u32,
    event: &Received,
    text: &[u8],
) -> Record<'static> {
    writer.know_communicator(event.domain);
    let mut names = text.splitn(2, |byte| *byte == 0);
    let op = writer.text(names.next().unwrap_or_default());
    let dtype = writer.text(names.next().unwrap_or_default());
    let user_dtype = (event.numbers[number::PEER] >> 32) as usize;
    let user_dtype =
        user_dtype.checked_sub(1).and_then(|place| sys::DTYPES.get(place)).map_or("", |name| name);
    let launch = event.numbers[number::LAUNCH];
    let sequence = event.numbers[number::SEQUENCE];
    Record::NcclCall {
        time: event.time,
        tid,
        communicator: event.domain,
        op,
        dtype,
        user_dtype: writer.text(user_dtype.as_bytes()),
        count: event.numbers[number::COUNT],
        sequence: (sequence != NO_SEQUENCE).then_some(sequence),
        peer: event.numbers[number::PEER] as u32 as i32,
        plan: event.id,
        correlation: launch as u32,
        kernel: launch & HAS_KERNEL != 0,
        captured: launch & IS_CAPTURED != 0,
    }
}

/// The record of a message about when a call's kernel ran.
pub(crate) fn times(event: &Received) -> Record<'static> {
    Record::NcclTimes {
        plan: event.id,
        start: MonotonicNs(event.numbers[0]),
        end: MonotonicNs(event.numbers[1]),
    }
}

/// A handle that is out of date was used.
fn count_stale() {
    crate::losses::add(LossCause::StaleNcclHandle, 1);
}
