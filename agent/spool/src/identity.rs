//! Which process wrote a ring.

use std::fs;

use crate::place::Place;
use crate::wire::{Room, Wire};

/// The process behind a ring, and its place in a distributed job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessIdentity {
    /// The process id, in the target's own pid namespace.
    pub pid: u32,
    /// The parent's process id.
    pub ppid: u32,
    /// When the process started, in clock ticks since boot (field 22 of `/proc/PID/stat`); with the pid it is unique.
    pub start_time_ticks: u64,
    /// The rank in the whole job, from torchrun's variables, Open MPI's or Slurm's.
    pub rank: Option<u32>,
    /// The rank on this host.
    pub local_rank: Option<u32>,
    /// The number of ranks in the whole job.
    pub world_size: Option<u32>,
    /// The host's name, at most 255 bytes.
    pub host: String,
    /// The command line, arguments joined by spaces, at most 1024 bytes.
    pub command: String,
}

const MAX_HOST_BYTES: usize = 255;
const MAX_COMMAND_BYTES: usize = 1024;

impl ProcessIdentity {
    /// Reads the identity of the calling process from `/proc` and the environment. What cannot be read is left empty.
    #[must_use]
    pub fn of_this_process() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let command = fs::read("/proc/self/cmdline").unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let place = Place::of_this_process();
        Self {
            pid: std::process::id(),
            ppid: std::os::unix::process::parent_id(),
            start_time_ticks: start_time_of(&stat).unwrap_or(0),
            rank: place.rank,
            local_rank: place.local_rank,
            world_size: place.world_size,
            host: cut(host.trim(), MAX_HOST_BYTES),
            command: cut(command.trim(), MAX_COMMAND_BYTES),
        }
    }

    /// Writes the fields to the beginning of `out`, which has room for the longest; how many bytes they are.
    pub(crate) fn encode(&self, out: &mut [u8]) -> usize {
        let before = out.len();
        let out = &mut Room(out);
        self.pid.put(out);
        self.ppid.put(out);
        self.start_time_ticks.put(out);
        self.rank.put(out);
        self.local_rank.put(out);
        self.world_size.put(out);
        cut(&self.host, MAX_HOST_BYTES).as_str().put(out);
        cut(&self.command, MAX_COMMAND_BYTES).as_str().put(out);
        before - out.0.len()
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        Some(Self {
            pid: u32::take(from)?,
            ppid: u32::take(from)?,
            start_time_ticks: u64::take(from)?,
            rank: Wire::take(from)?,
            local_rank: Wire::take(from)?,
            world_size: Wire::take(from)?,
            host: <&str>::take(from)?.to_owned(),
            command: <&str>::take(from)?.to_owned(),
        })
    }
}

/// The start time in a `/proc/PID/stat` line. The command in parentheses may hold anything, so fields count from the
/// last closing one.
fn start_time_of(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_survives_a_hostile_command_name() {
        let stat = "7 (a) b) c)) S 1 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4242 1 1";
        assert_eq!(start_time_of(stat), Some(4242));
        assert_eq!(start_time_of("7 (cut"), None);
    }

    #[test]
    fn this_process_is_known() {
        let identity = ProcessIdentity::of_this_process();
        assert_eq!(identity.pid, std::process::id());
        assert!(identity.start_time_ticks > 0);
        assert!(!identity.command.is_empty());
    }

    #[test]
    fn the_longest_identity_fits_the_header() {
        let identity = ProcessIdentity {
            host: "h".repeat(9000),
            command: "ü".repeat(9000),
            rank: Some(3),
            ..ProcessIdentity::of_this_process()
        };
        let mut bytes = [0; crate::layout::IDENTITY_BYTES - 8];
        let length = identity.encode(&mut bytes);
        let read = ProcessIdentity::decode(&bytes[..length]).unwrap();
        assert_eq!((read.pid, read.rank, read.host.len()), (identity.pid, Some(3), MAX_HOST_BYTES));
    }
}
