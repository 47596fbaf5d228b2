//! Which versions of CUDA, NCCL, PyTorch and the like the recorded processes have loaded, from `/proc/PID/maps`.
//!
//! Nothing is asked of the process. The kernel tells which files it has mapped, and their names and neighbours tell the
//! version ([`version`]); so it works for every program, also for libraries that are loaded late, as NCCL is.

mod known;
mod version;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use perfagent_recording::ProcessId;
use perfagent_recording::table::Library;

use super::{Context, Reading};
use crate::drain::Known;
use crate::proc::Stat;

/// How often processes that are new are looked for.
const TURN: Duration = Duration::from_millis(100);
/// The time to the second look at a process; from there on it doubles.
const FIRST: Duration = Duration::from_millis(100);
/// The longest time between two looks: the kernel holds a lock of the process's memory while it lists it.
const LONGEST: Duration = Duration::from_secs(30);

/// Looks until told to stop, and once more then, at what outlives the command.
pub(super) fn run(context: &Context) {
    let mut libraries = Libraries::default();
    loop {
        let stopped = context.stop.within(TURN);
        for row in libraries.look(&context.watched(), Instant::now(), stopped) {
            context.send(Reading::Library(row));
        }
        if stopped {
            return;
        }
    }
}

/// What has been seen so far.
#[derive(Debug)]
struct Libraries {
    proc: PathBuf,
    processes: HashMap<ProcessId, Looked>,
    /// Ranks of one machine load the same files.
    versions: HashMap<PathBuf, Option<String>>,
}

/// The looks at one process.
#[derive(Debug)]
struct Looked {
    next: Instant,
    wait: Duration,
    seen: BTreeSet<String>,
    told: BTreeSet<(&'static str, Option<String>)>,
}

impl Default for Libraries {
    fn default() -> Self {
        Self { proc: "/proc".into(), processes: HashMap::new(), versions: HashMap::new() }
    }
}

impl Libraries {
    /// What is new in those of the processes that are due, or in all of them.
    fn look(&mut self, watched: &[Known], now: Instant, all: bool) -> Vec<Library> {
        let mut found = Vec::new();
        for known in watched {
            let looked = self.processes.entry(known.row).or_insert_with(|| Looked {
                next: now,
                wait: FIRST,
                seen: BTreeSet::new(),
                told: BTreeSet::new(),
            });
            if now < looked.next && !all {
                continue;
            }
            looked.next = now + looked.wait;
            looked.wait = (looked.wait * 2).min(LONGEST);
            let folder = self.proc.join(known.pid.to_string());
            let maps = fs::read(folder.join("maps")).unwrap_or_default();
            // The number may have been given to another process, also while the list was read.
            let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
            if Stat::parse(&stat).is_none_or(|stat| stat.start_ticks != known.start_ticks) {
                continue;
            }
            for path in mapped(&String::from_utf8_lossy(&maps)) {
                let Some(name) = known::name(path) else { continue };
                if !looked.seen.insert(path.to_owned()) {
                    continue;
                }
                // As the process sees files: it may be in a container.
                let root = folder.join("root");
                let version = self
                    .versions
                    .entry(PathBuf::from(path))
                    .or_insert_with(|| version::of(name, &root, Path::new(path)))
                    .clone();
                // cuDNN alone is ten files.
                if !looked.told.insert((name, version.clone())) {
                    continue;
                }
                found.push(Library {
                    process_id: known.row,
                    name: name.to_owned(),
                    version,
                    path: path.to_owned(),
                });
            }
        }
        found
    }
}

/// The files of a list of mappings, each once in its order.
fn mapped(maps: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    for line in maps.lines() {
        // Address, rights, offset, device, inode, and a path that may hold anything.
        let Some(start) = line.find('/') else { continue };
        let path = line[start..].trim_end_matches(" (deleted)");
        if paths.last() != Some(&path) {
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests;
