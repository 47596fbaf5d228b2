//! Processor load, resident memory and threads of the recorded processes, and load and memory of the machine.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::mpsc::Receiver;

use perfagent_recording::{ProcessId, Timestamp};

use super::{Context, Reading, Sample, Subject};
use crate::host;
use crate::proc::Stat;

/// Load is taken over this long: the kernel counts processor time in ticks of 10 ms.
const WINDOW_NS: i64 = 500_000_000;

/// Samples until told to stop.
pub(super) fn run(context: &Context, stop: &Receiver<()>) {
    let ticks_a_second = rustix::param::clock_ticks_per_second() as f64;
    let page_bytes = rustix::param::page_size() as f64;
    let mut machine = Load::default();
    let mut processes: HashMap<ProcessId, Load> = HashMap::new();
    context.run(stop, || {
        let time = context.clock.now();
        let mut samples = Vec::new();
        let mut add =
            |subject, name, unit, value| samples.push(Sample { time, subject, name, unit, value });
        if let Some((busy, all)) = machine_ticks()
            && let Some(share) = machine.of_machine(time, busy, all)
        {
            add(Subject::Host, "host_cpu", "pct", 100.0 * share);
        }
        if let Some(memory) = host::memory() {
            add(Subject::Host, "host_memory_used", "bytes", memory.used as f64);
        }
        for known in context.watched() {
            let stat = Stat::of(known.pid);
            let Some(stat) =
                stat.filter(|stat| stat.start_ticks == known.start_ticks && !stat.has_ended())
            else {
                processes.remove(&known.row);
                continue;
            };
            let subject = Subject::Process(known.row);
            let load = processes.entry(known.row).or_default();
            if let Some(ticks) = load.per_second(time, stat.cpu_ticks) {
                add(subject, "cpu", "pct", 100.0 * ticks / ticks_a_second);
            }
            add(subject, "rss", "bytes", stat.resident_pages as f64 * page_bytes);
            add(subject, "threads", "count", stat.threads as f64);
        }
        context.send(Reading::Samples(samples));
    });
}

/// Readings of counters of processor time, over a sliding window.
#[derive(Debug, Default)]
struct Load {
    /// When, ticks used, ticks there were.
    readings: VecDeque<(Timestamp, u64, u64)>,
}

impl Load {
    /// Ticks used a second; `None` at the first reading.
    fn per_second(&mut self, time: Timestamp, used: u64) -> Option<f64> {
        let (seconds, used, _) = self.since_window(time, used, 0)?;
        Some(used as f64 / seconds)
    }

    /// The share of the machine's ticks that were used.
    fn of_machine(&mut self, time: Timestamp, busy: u64, all: u64) -> Option<f64> {
        let (_, busy, all) = self.since_window(time, busy, all)?;
        (all > 0).then(|| busy as f64 / all as f64)
    }

    fn since_window(&mut self, time: Timestamp, used: u64, all: u64) -> Option<(f64, u64, u64)> {
        while self.readings.get(1).is_some_and(|second| (time - second.0).nanos() >= WINDOW_NS) {
            self.readings.pop_front();
        }
        let first = self.readings.front().copied();
        self.readings.push_back((time, used, all));
        let first = first?;
        let seconds = (time - first.0).seconds();
        (seconds > 0.0)
            .then(|| (seconds, used.saturating_sub(first.1), all.saturating_sub(first.2)))
    }
}

/// Busy and all ticks of all processors since boot.
fn machine_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    let ticks: Vec<u64> = fields.take(8).map_while(|field| field.parse().ok()).collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.get(3..5)?.iter().sum();
    Some((all - idle, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_taken_over_the_window() {
        let at = |ms: i64| Timestamp::from_unix_nanos(ms * 1_000_000);
        let mut load = Load::default();
        assert_eq!(load.per_second(at(0), 100), None);
        assert_eq!(load.per_second(at(50), 105), Some(100.0));
        for step in 2..=20 {
            load.per_second(at(50 * step), 105);
        }
        assert_eq!(load.per_second(at(1050), 105), Some(0.0), "the burst has left the window");
        assert!(load.readings.len() < 15);
    }

    #[test]
    fn the_machine_tells_its_ticks() {
        let (busy, all) = machine_ticks().unwrap();
        assert!(busy > 0 && all > busy);
    }
}
