//! What `/proc` tells about processes. Everything may be gone by the time it is read, so nothing here is an error.

use std::fs;

/// One look at a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The scheduler's letter: `R`, `S`, `Z`, …
    pub(crate) state: u8,
    /// Its parent.
    pub(crate) parent: u32,
    /// Page faults that needed no disk.
    pub(crate) minor_faults: u64,
    /// Page faults that waited for a disk.
    pub(crate) major_faults: u64,
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

    /// From the text of `/proc/PID/stat`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        // The name in parentheses may hold anything, so fields count from the last closing one.
        let (_, fields) = line.rsplit_once(')')?;
        let mut numbers = [0_u64; 22];
        let mut fields = fields.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        for (number, field) in numbers[1..].iter_mut().zip(fields.by_ref()) {
            // Of those that are not read here, some are signed.
            *number = field.parse().unwrap_or(0);
        }
        // There are more: a line that was cut tells nothing.
        fields.next()?;
        Some(Self {
            state,
            parent: u32::try_from(numbers[1]).ok()?,
            minor_faults: numbers[7],
            major_faults: numbers[9],
            cpu_ticks: numbers[11].saturating_add(numbers[12]),
            threads: numbers[17],
            start_ticks: numbers[19],
            resident_pages: numbers[21],
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
    children(std::process::id())
}

/// The processes whose parent is `pid`.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
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
        let line = "7 (a) S 9 (x) R 3 7 7 0 -1 0 8 0 9 0 11 22 0 0 20 0 4 0 4242 1000 55 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.cpu_ticks), (b'R', 3, 33));
        assert_eq!((stat.threads, stat.start_ticks, stat.resident_pages), (4, 4242, 55));
        assert_eq!((stat.minor_faults, stat.major_faults), (8, 9));
        assert_eq!(Stat::parse("7 (cut) R 3"), None);
        let cut = line.rsplit_once(" 1 1").unwrap().0;
        assert_eq!(Stat::parse(cut), None, "the last number may have lost digits");
    }

    #[test]
    fn a_process_is_told_from_the_next_one_with_its_number() {
        let pid = std::process::id();
        let start = Stat::of(pid).unwrap().start_ticks;
        assert!(is_alive(pid, start));
        assert!(!is_alive(pid, start + 1));
    }
}
