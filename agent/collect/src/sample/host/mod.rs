//! The machine and the recorded processes, from `/proc`.
//!
//! Every process below the recorder is sampled: it adopts the orphans of the command, so all of the command's tree is
//! there. Processes that the recording knows have counters of their own; the sums over the tree have the others too,
//! such as the workers of a data loader. Where `/proc` tells a quantity only by thread (context switches) or by network
//! namespace (traffic), it is the machine's.

mod file;
mod machine;
mod process;
mod rate;
mod unrecorded;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use perfagent_recording::Timestamp;
use perfagent_recording::table::Severity;

use super::pace::{self, Pace};
use super::{Context, Keep, Reading, Sample, Subject};
use crate::proc;
use machine::Machine;
use process::{Process, Share};
use unrecorded::Unrecorded;

/// How often new processes are looked for.
const TREE_PERIOD: Duration = Duration::from_millis(500);
/// How often at most the machine's own files are read: the kernel gathers `/proc/stat` from all processors.
const MACHINE_PERIOD: Duration = Duration::from_millis(50);

/// What one look at everything yields.
#[derive(Debug)]
struct Turn {
    time: Timestamp,
    samples: Vec<Sample>,
    ticks_a_second: f64,
    page_bytes: f64,
}

fn add(
    turn: &mut Turn,
    subject: Subject,
    name: &'static str,
    unit: &'static str,
    value: f64,
    keep: Keep,
) {
    turn.samples.push(Sample { time: turn.time, subject, name, unit, value, keep });
}

/// Samples until told to stop.
pub(super) fn run(context: &Context, pace: &Mutex<Pace>) {
    let ticks_a_second = rustix::param::clock_ticks_per_second() as f64;
    let page_bytes = rustix::param::page_size() as f64;
    let mut machine = Machine::open();
    let mut tree = Tree::default();
    let mut buffer = Vec::new();
    let mut machine_due = Instant::now();
    pace::run(context.period, &context.stop, pace, || {
        let mut turn =
            Turn { time: context.clock.now(), samples: Vec::new(), ticks_a_second, page_bytes };
        let now = Instant::now();
        if now >= machine_due {
            // Half a period early is on time.
            machine_due = now + MACHINE_PERIOD.saturating_sub(context.period / 2);
            machine.sample(&mut turn, &mut buffer);
        }
        tree.sample(context, &mut turn, &mut buffer);
        context.send(Reading::Samples(turn.samples));
    });
}

/// The processes below the recorder.
#[derive(Debug, Default)]
struct Tree {
    processes: HashMap<u32, Process>,
    /// When each known process started, by its number, and its row.
    subjects: HashMap<u32, (u64, Subject)>,
    known: usize,
    due: Option<Instant>,
    unrecorded: Unrecorded,
    complained: bool,
}

impl Tree {
    fn sample(&mut self, context: &Context, turn: &mut Turn, buffer: &mut Vec<u8>) {
        let watched = context.watched();
        if self.due.is_none_or(|due| Instant::now() >= due) || watched.len() != self.known {
            self.due = Some(Instant::now() + TREE_PERIOD);
            self.known = watched.len();
            let below = below(std::process::id());
            for known in &watched {
                let subject = Subject::Process(known.row);
                self.subjects.insert(known.pid, (known.start_ticks, subject));
            }
            self.unrecorded.keep(&below);
            for &pid in below.iter().filter(|pid| !self.subjects.contains_key(pid)) {
                if let Some(text) = self.unrecorded.look(pid, Instant::now()) {
                    context.note(Severity::Warning, text);
                }
            }
            // Where the kernel does not list children, those that made themselves known are there.
            for pid in below.into_iter().chain(watched.iter().map(|known| known.pid)) {
                self.open(pid, context);
            }
        }
        let mut sum = Share::default();
        let subjects = &self.subjects;
        self.processes.retain(|pid, process| {
            let share = process.sample(turn, subjects.get(pid).copied(), buffer);
            if let Some(share) = share {
                sum.processes += share.processes;
                sum.threads += share.threads;
                sum.cpu_ticks_a_second += share.cpu_ticks_a_second;
                sum.resident_pages += share.resident_pages;
            }
            share.is_some()
        });
        if sum.processes == 0 {
            return;
        }
        let cpu = 100.0 * sum.cpu_ticks_a_second / turn.ticks_a_second;
        let resident = sum.resident_pages as f64 * turn.page_bytes;
        for (name, unit, value) in [
            ("tree_cpu", "pct", cpu),
            ("tree_rss", "bytes", resident),
            ("tree_threads", "count", sum.threads as f64),
            ("tree_processes", "count", sum.processes as f64),
        ] {
            add(turn, Subject::Host, name, unit, value, Keep::Changes);
        }
    }

    fn open(&mut self, pid: u32, context: &Context) {
        if self.processes.contains_key(&pid) {
            return;
        }
        let Some(mut process) = Process::open(pid) else { return };
        if let Some(error) = process.refused.take()
            && !self.complained
        {
            self.complained = true;
            let text =
                format!("disk traffic of process {pid} is not sampled: /proc/{pid}/io: {error}");
            context.note(Severity::Info, text);
        }
        self.processes.insert(pid, process);
    }
}

/// Every process whose parent is `root`, or one of those.
fn below(root: u32) -> Vec<u32> {
    let mut found = proc::children(root);
    let mut looked = 0;
    while let Some(&pid) = found.get(looked) {
        looked += 1;
        let children = proc::children(pid);
        // A number may move while we look, so that a child seems to be its own ancestor.
        let new: Vec<_> = children.into_iter().filter(|child| !found.contains(child)).collect();
        found.extend(new);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::below;

    #[test]
    fn grandchildren_are_below() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 16];
        let length = shell.stdout.as_mut().unwrap().read(&mut line).unwrap();
        let sleeper: u32 = std::str::from_utf8(&line[..length]).unwrap().trim().parse().unwrap();
        let found = below(std::process::id());
        assert!(found.contains(&shell.id()) && found.contains(&sleeper), "{found:?}");
        Command::new("kill").arg(sleeper.to_string()).status().unwrap();
        shell.wait().unwrap();
    }
}
