//! How much of a collective's time was waiting for other ranks.
//!
//! A collective that was recorded on every rank of its group is split: `wait = last start − own start`, `transfer = last end −
//! last start`. The calls of one collective have the group, the operation and the number within the group in common. Only
//! the ranks of one recording with one host are compared: they share a clock.

use std::collections::HashMap;

use perfagent_recording::table::Timing;
use perfagent_recording::{ProcessId, Recording, StringId};

use crate::collective::counted;
use crate::operation::clean;

/// The split of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) wait_ns: i64,
    pub(crate) transfer_ns: i64,
}

/// By position in the recording's table.
pub(crate) type Waits = HashMap<u32, Wait>;

/// One rank's part in a collective.
struct Part {
    process: ProcessId,
    position: u32,
    start: i64,
    end: i64,
    size: i64,
}

/// The splits of all collectives that were found on every rank of their group.
pub(crate) fn waits(recording: &Recording) -> Waits {
    let mut by_process: HashMap<ProcessId, Vec<u32>> = HashMap::new();
    for (position, call) in recording.collectives.iter().enumerate() {
        by_process.entry(call.process_id).or_default().push(position as u32);
    }
    if by_process.len() < 2 || !is_of_one_host(recording) {
        return Waits::new();
    }
    let mut collectives: HashMap<(StringId, StringId, i64), Vec<Part>> = HashMap::new();
    for position in by_process.values().flat_map(|positions| counted(recording, positions)) {
        let call = &recording.collectives[position as usize];
        let number =
            call.sequence.filter(|_| call.timing != Timing::Enqueue && call.group_id.0 != 0);
        let Some((number, size)) = number.zip(call.group_size) else { continue };
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        let part = Part { process: call.process_id, position, start, end, size };
        collectives.entry((call.group_id, call.op_id, number)).or_default().push(part);
    }
    let mut waits = Waits::new();
    for parts in collectives.into_values().filter(|parts| is_whole(parts)) {
        let last_start = parts.iter().map(|part| part.start).max().unwrap_or_default();
        let last_end = parts.iter().map(|part| part.end).max().unwrap_or_default();
        for part in parts {
            let wait_ns = last_start - part.start;
            let transfer_ns = last_end - last_start;
            waits.insert(part.position, Wait { wait_ns, transfer_ns });
        }
    }
    waits
}

/// Whether these are all ranks of the group, once each. A number that one rank used twice belongs to two calls.
fn is_whole(parts: &[Part]) -> bool {
    let mut processes: Vec<_> = parts.iter().map(|part| part.process).collect();
    processes.sort_unstable();
    processes.dedup();
    processes.len() == parts.len()
        && parts.len() >= 2
        && parts.iter().all(|part| part.size == parts.len() as i64)
}

fn is_of_one_host(recording: &Recording) -> bool {
    let mut hosts = recording.processes.iter().map(|process| process.host_id);
    let first = hosts.next();
    hosts.all(|host| Some(host) == first)
}
