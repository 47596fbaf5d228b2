//! Load, memory, context switches and network traffic of the whole machine: what `/proc` does not tell by process.

use super::file::{ProcFile, number};
use super::rate::{Load, Rate};
use super::{Turn, add};
use crate::host;
use crate::sample::{Keep, Subject};

/// The machine's files and counters.
#[derive(Debug)]
pub(super) struct Machine {
    stat: Option<ProcFile>,
    memory: Option<ProcFile>,
    network: Option<ProcFile>,
    load: Load,
    switches: Rate,
    received: Rate,
    sent: Rate,
}

impl Machine {
    pub(super) fn open() -> Self {
        Self {
            stat: ProcFile::open("/proc/stat").ok(),
            memory: ProcFile::open("/proc/meminfo").ok(),
            // Of the recorder's network namespace.
            network: ProcFile::open("/proc/self/net/dev").ok(),
            load: Load::default(),
            switches: Rate::default(),
            received: Rate::default(),
            sent: Rate::default(),
        }
    }

    pub(super) fn sample(&mut self, turn: &mut Turn, buffer: &mut Vec<u8>) {
        let time = turn.time;
        if let Some(text) = self.stat.as_ref().and_then(|file| file.read(buffer)) {
            if let Some((busy, all)) = ticks(text)
                && let Some(share) = self.load.of_machine(time, busy, all)
            {
                add(turn, Subject::Host, "host_cpu", "pct", 100.0 * share, Keep::Every);
            }
            if let Some(count) = number(text, "ctxt")
                && let Some(rate) = self.switches.per_second(time, count)
            {
                add(turn, Subject::Host, "context_switches", "1/s", rate, Keep::Changes);
            }
        }
        let memory = self.memory.as_ref().and_then(|file| file.read(buffer));
        if let Some(memory) = memory.and_then(host::memory_in) {
            let used = memory.used as f64;
            add(turn, Subject::Host, "host_memory_used", "bytes", used, Keep::Every);
        }
        if let Some(text) = self.network.as_ref().and_then(|file| file.read(buffer)) {
            let (received, sent) = traffic(text);
            for (name, rate, bytes) in
                [("network_rx", &mut self.received, received), ("network_tx", &mut self.sent, sent)]
            {
                if let Some(rate) = rate.per_second(time, bytes) {
                    add(turn, Subject::Host, name, "bytes/s", rate, Keep::Changes);
                }
            }
        }
    }
}

/// Busy and all ticks of all processors since boot.
fn ticks(text: &str) -> Option<(u64, u64)> {
    let fields = text.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let mut ticks = [0_u64; 8];
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    for (tick, field) in ticks.iter_mut().zip(fields) {
        *tick = field.parse().ok()?;
    }
    let all: u64 = ticks.iter().sum();
    Some((all - ticks[3] - ticks[4], all))
}

/// Bytes received and sent by all interfaces but the loopback.
fn traffic(text: &str) -> (u64, u64) {
    let interfaces = text.lines().filter_map(|line| line.split_once(':'));
    let counts = interfaces.filter(|(name, _)| name.trim() != "lo").filter_map(|(_, fields)| {
        let mut fields = fields.split_ascii_whitespace();
        Some((fields.next()?.parse::<u64>().ok()?, fields.nth(7)?.parse::<u64>().ok()?))
    });
    counts.fold((0, 0), |(received, sent), one| {
        (received.saturating_add(one.0), sent.saturating_add(one.1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_its_ticks() {
        let (busy, all) = ticks(&std::fs::read_to_string("/proc/stat").unwrap()).unwrap();
        assert!(busy > 0 && all > busy);
        assert_eq!(ticks("cpu  10 1 5 80 4 0 0 0 7 7\ncpu0 1\n"), Some((16, 100)));
    }

    #[test]
    fn the_loopback_is_no_network() {
        let text = "Inter-|   Receive                    |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n    lo:  900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0\nibs3:50 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0\n";
        assert_eq!(traffic(text), (150, 33));
    }
}
