//! How much of a collective's time was waiting for other ranks.
//!
//! A collective that was recorded on every rank of its group is split: `wait = last start − own start`, `transfer = last end −
//! last start`. The calls of one collective have the group, the operation and the number within the group in common, in
//! whichever recordings they are. Only times of one clock are compared: without one the calls are matched and not split.

use std::collections::{BTreeSet, HashMap};

use perfagent_recording::{ProcessId, Recording};

use crate::clock::{self, Clocks};
use crate::collective::counted;
use crate::operation::clean;

/// The split of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) wait_ns: i64,
    pub(crate) transfer_ns: i64,
}

/// Calls that were found on every rank of their group, by position in the recording's table; `None` where the ranks have
/// no clock in common.
pub(crate) type Waits = HashMap<u32, Option<Wait>>;

/// What was found in several recordings.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// For each recording.
    pub(crate) files: Vec<Waits>,
    /// Collectives whose ranks have no clock in common.
    apart: usize,
    /// The hosts of these.
    hosts: BTreeSet<String>,
}

impl Matches {
    /// Says what could not be split.
    pub(crate) fn doubt(&self) -> Option<String> {
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        (self.apart > 0).then(|| {
            format!(
                "{} collectives were found on every rank of their group, but their ranks have no clock in common ({}): how \
                 long they waited for each other is left out",
                self.apart,
                hosts.join(", ")
            )
        })
    }
}

/// One rank's part in a collective.
struct Part {
    file: usize,
    process: ProcessId,
    position: u32,
    clock: usize,
    start: i64,
    end: i64,
    size: i64,
}

/// All collectives of these recordings that were found on every rank of their group.
pub(crate) fn matches(recordings: &[&Recording], clocks: &Clocks) -> Matches {
    let mut found =
        Matches { files: recordings.iter().map(|_| Waits::new()).collect(), ..Matches::default() };
    let mut collectives: HashMap<(&str, &str, i64), Vec<Part>> = HashMap::new();
    for (file, recording) in recordings.iter().enumerate() {
        let mut by_process: HashMap<ProcessId, Vec<u32>> = HashMap::new();
        for (position, call) in recording.collectives.iter().enumerate() {
            by_process.entry(call.process_id).or_default().push(position as u32);
        }
        // A rank alone matches nobody, and there is nothing to find out about it.
        if recordings.len() == 1 && by_process.len() < 2 {
            return found;
        }
        for (process, positions) in by_process {
            let Some((clock, shift)) = clocks.of_process(file, recording, process) else {
                continue;
            };
            for position in counted(recording, &positions) {
                let call = &recording.collectives[position as usize];
                let number =
                    call.sequence.filter(|_| call.timing.is_placed() && call.group_id.0 != 0);
                let Some((number, size)) = number.zip(call.group_size) else { continue };
                let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
                let (start, end) = (start.saturating_add(shift), end.saturating_add(shift));
                let part = Part { file, process, position, clock, start, end, size };
                let texts = [call.group_id, call.op_id].map(|id| recording.strings.get(id));
                collectives.entry((texts[0], texts[1], number)).or_default().push(part);
            }
        }
    }
    for parts in collectives.into_values() {
        if is_whole(&parts) {
            split(&parts, recordings, &mut found);
        } else if recordings.len() > 1 {
            // Groups within a node may have one name on all nodes.
            let of_one_file = parts.chunk_by(|left, right| left.file == right.file);
            of_one_file.filter(|parts| is_whole(parts)).for_each(|parts| {
                split(parts, recordings, &mut found);
            });
        }
    }
    found
}

fn split(parts: &[Part], recordings: &[&Recording], found: &mut Matches) {
    let have_one_clock = parts.windows(2).all(|pair| pair[0].clock == pair[1].clock);
    if !have_one_clock {
        found.apart += 1;
        found.hosts.extend(parts.iter().filter_map(|part| {
            let recording = recordings.get(part.file)?;
            Some(clock::name(recording, recording.process(part.process)?.host_id))
        }));
    }
    let last_start = parts.iter().map(|part| part.start).max().unwrap_or_default();
    let last_end = parts.iter().map(|part| part.end).max().unwrap_or_default();
    for part in parts {
        let wait = Wait {
            wait_ns: last_start.saturating_sub(part.start),
            transfer_ns: last_end.saturating_sub(last_start),
        };
        if let Some(waits) = found.files.get_mut(part.file) {
            waits.insert(part.position, have_one_clock.then_some(wait));
        }
    }
}

/// Whether these are all ranks of the group, once each. A number that one rank used twice belongs to two calls.
fn is_whole(parts: &[Part]) -> bool {
    let mut processes: Vec<_> = parts.iter().map(|part| (part.file, part.process)).collect();
    processes.sort_unstable();
    processes.dedup();
    processes.len() == parts.len()
        && parts.len() >= 2
        && parts.iter().all(|part| part.size == parts.len() as i64)
}
