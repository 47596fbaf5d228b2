//! One process of the tree: its files stay open, so that its number may be given away without harm.

use super::file::{ProcFile, number};
use super::rate::{Load, Rate};
use super::{Turn, add};
use crate::proc::Stat;
use crate::sample::{Keep, Subject};

/// A process that is sampled.
#[derive(Debug)]
pub(super) struct Process {
    stat: ProcFile,
    io: Option<ProcFile>,
    /// Why there is no `io`, once.
    pub(super) refused: Option<std::io::Error>,
    load: Load,
    minor: Rate,
    major: Rate,
    read: Rate,
    written: Rate,
}

/// What a process adds to the sums over the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    pub(super) processes: u64,
    pub(super) threads: u64,
    pub(super) cpu_ticks_a_second: f64,
    pub(super) resident_pages: u64,
}

impl Process {
    /// Opens its files; `None` where it has ended already.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let stat = ProcFile::open(&format!("/proc/{pid}/stat")).ok()?;
        let (io, refused) = match ProcFile::open(&format!("/proc/{pid}/io")) {
            Ok(io) => (Some(io), None),
            Err(error) => (None, Some(error)),
        };
        Some(Self {
            stat,
            io,
            refused,
            load: Load::default(),
            minor: Rate::default(),
            major: Rate::default(),
            read: Rate::default(),
            written: Rate::default(),
        })
    }

    /// Samples it: for itself where `known` says when it started and what it is, and for the tree. `None` once it has
    /// ended.
    pub(super) fn sample(
        &mut self,
        turn: &mut Turn,
        known: Option<(u64, Subject)>,
        buffer: &mut Vec<u8>,
    ) -> Option<Share> {
        let time = turn.time;
        let stat = Stat::parse(self.stat.read(buffer)?).filter(|stat| !stat.has_ended())?;
        let load = self.load.per_second(time, stat.cpu_ticks);
        let share = Share {
            processes: 1,
            threads: stat.threads,
            cpu_ticks_a_second: load.unwrap_or(0.0),
            resident_pages: stat.resident_pages,
        };
        let known = known.filter(|(start_ticks, _)| *start_ticks == stat.start_ticks);
        let Some((_, subject)) = known else { return Some(share) };
        if let Some(ticks) = load {
            let cpu = 100.0 * ticks / turn.ticks_a_second;
            add(turn, subject, "cpu", "pct", cpu, Keep::Every);
        }
        let resident = stat.resident_pages as f64 * turn.page_bytes;
        add(turn, subject, "rss", "bytes", resident, Keep::Every);
        add(turn, subject, "threads", "count", stat.threads as f64, Keep::Every);
        let faults = [
            ("minor_faults", self.minor.per_second(time, stat.minor_faults)),
            ("major_faults", self.major.per_second(time, stat.major_faults)),
        ];
        let mut disk = [("disk_read", None), ("disk_write", None)];
        if let Some(text) = self.io.as_ref().and_then(|io| io.read(buffer)) {
            let read = number(text, "read_bytes");
            let written = number(text, "write_bytes");
            disk[0].1 = read.and_then(|bytes| self.read.per_second(time, bytes));
            disk[1].1 = written.and_then(|bytes| self.written.per_second(time, bytes));
        }
        for (unit, rates) in [("1/s", faults), ("bytes/s", disk)] {
            for (name, rate) in rates {
                if let Some(rate) = rate {
                    add(turn, subject, name, unit, rate, Keep::Changes);
                }
            }
        }
        Some(share)
    }
}
