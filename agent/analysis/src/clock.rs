//! Which recordings share a clock, and how their times are put on it.
//!
//! Every recorder moves its machine's monotonic clock onto Unix time once, by an offset that it measures when it starts and
//! writes down. Within one boot of a machine that clock is one, so that the times of two recorders agree to the nanosecond
//! once each one's offset is taken off. Clocks of different machines are not aligned with each other.

use perfagent_recording::{HostId, ProcessId, Recording};

/// The clocks of several recordings; equal ones have one number.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    known: Vec<Identity>,
    /// For each recording, its hosts' clocks and what is added to its times to be on them.
    files: Vec<(Vec<usize>, i64)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// One boot of a machine. The name is part of it, as copies of a virtual machine wake up with one boot id.
    Boot { id: String, host: String },
    /// What a recording that tells no boot has for this host: a clock of which nothing is known.
    Own { file: usize, host: HostId },
}

impl Clocks {
    /// The clocks of these recordings.
    pub(crate) fn of<'a>(recordings: impl Iterator<Item = &'a Recording>) -> Self {
        let mut clocks = Self::default();
        for (file, recording) in recordings.enumerate() {
            clocks.add(file, recording);
        }
        clocks
    }

    fn add(&mut self, file: usize, recording: &Recording) {
        let offset = recording.meta_value("clock_offset_ns").and_then(|text| text.parse().ok());
        let boot = recording.meta_value("boot_id").zip(offset);
        let hosts = (1..=recording.hosts.len().max(1)).map(|id| {
            let host = HostId(id as i64);
            let identity = match boot {
                Some((id, _)) => Identity::Boot { id: id.to_owned(), host: name(recording, host) },
                None => Identity::Own { file, host },
            };
            let known = self.known.iter().position(|known| *known == identity);
            known.unwrap_or_else(|| {
                self.known.push(identity);
                self.known.len() - 1
            })
        });
        let hosts = hosts.collect();
        self.files.push((hosts, boot.map_or(0, |(_, offset): (_, i64)| offset.saturating_neg())));
    }

    /// The clock of a process, and what is added to its times to be on it.
    pub(crate) fn of_process(
        &self,
        file: usize,
        recording: &Recording,
        process: ProcessId,
    ) -> Option<(usize, i64)> {
        let (hosts, shift) = self.files.get(file)?;
        let host = recording.process(process)?.host_id;
        let index = usize::try_from(host.0.checked_sub(1)?).ok()?;
        Some((*hosts.get(index)?, *shift))
    }

    /// The clock of a recording's first host, and what is added to its times to be on it.
    pub(crate) fn of_file(&self, file: usize) -> (usize, i64) {
        let found = self.files.get(file);
        found.map_or((0, 0), |(hosts, shift)| (hosts.first().copied().unwrap_or(0), *shift))
    }
}

/// What a host is called.
pub(crate) fn name(recording: &Recording, host: HostId) -> String {
    let index = host.0.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let host = index.and_then(|index| recording.hosts.get(index));
    host.map_or_else(String::new, |host| host.name.clone())
}
