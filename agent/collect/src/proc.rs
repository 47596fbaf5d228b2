//! What `/proc` tells about processes. Everything may be gone by the time it is read, so nothing here is an error.

use std::fs;

/// One look at a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The scheduler's letter: `R`, `S`, `Z`, …
    pub(crate) state: u8,
    /// Its parent.
    pub(crate) parent: u32,
    /// Processor time used, user and system, in clock ticks.
    pub(crate) cpu_ticks: u64,
    /// Its threads.
    pub(crate) threads: u64,
    /// When it started, in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// Resident memory, in pages.
    pub(crate) resident_pages: u64,
}

impl Stat {
    /// Looks at the process `pid`.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name in parentheses may hold anything, so fields count from the last closing one.
        let (_, fields) = line.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            state: *fields.first()?.as_bytes().first()?,
            parent: u32::try_from(number(1)?).ok()?,
            cpu_ticks: number(11)?.saturating_add(number(12)?),
            threads: number(17)?,
            start_ticks: number(19)?,
            resident_pages: number(21)?,
        })
    }

    /// Whether it has ended and only waits to be reaped.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Whether this very process still runs: the number alone may have been given to another.
pub(crate) fn is_alive(pid: u32, start_ticks: u64) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.start_ticks == start_ticks && !stat.has_ended())
}

/// The kernel's name of a thread.
pub(crate) fn thread_name(pid: u32, tid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// The processes whose parent is the calling process.
pub(crate) fn own_children() -> Vec<u32> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// The bit mask of signals that the calling process ignores; bit 0 is signal 1.
pub(crate) fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_move_the_fields() {
        let line = "7 (a) S 9 (x) R 3 7 7 0 -1 0 1 0 0 0 11 22 0 0 20 0 4 0 4242 1000 55 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.cpu_ticks), (b'R', 3, 33));
        assert_eq!((stat.threads, stat.start_ticks, stat.resident_pages), (4, 4242, 55));
        assert_eq!(Stat::parse("7 (cut) R 3"), None);
    }

    #[test]
    fn a_process_is_told_from_the_next_one_with_its_number() {
        let pid = std::process::id();
        let start = Stat::of(pid).unwrap().start_ticks;
        assert!(is_alive(pid, start));
        assert!(!is_alive(pid, start + 1));
    }
}
