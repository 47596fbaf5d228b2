//! Which recordings share a clock, and how their times are put on it.
//!
//! Every recorder moves its machine's monotonic clock onto Unix time once, by an offset that it measures when it starts and
//! writes down. Within one boot of a machine that clock is one, so that the times of two recorders agree to the nanosecond
//! once each one's offset is taken off. Clocks of different machines are not aligned with each other.

use perfagent_recording::{HostId, Recording};

use crate::Summary;

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
    Own { file: usize, host: usize },
}

impl Clocks {
    /// The clocks of these recordings.
    pub(crate) fn of(summaries: &[Summary]) -> Self {
        let mut clocks = Self::default();
        for (file, summary) in summaries.iter().enumerate() {
            clocks.add(file, summary);
        }
        clocks
    }

    fn add(&mut self, file: usize, summary: &Summary) {
        let hosts = (0..summary.hosts.len().max(1)).map(|host| {
            let identity = match &summary.boot {
                Some((id, _)) => Identity::Boot {
                    id: id.clone(),
                    host: summary
                        .hosts
                        .get(host)
                        .map_or_else(String::new, |host| host.name.clone()),
                },
                None => Identity::Own { file, host },
            };
            let known = self.known.iter().position(|known| *known == identity);
            known.unwrap_or_else(|| {
                self.known.push(identity);
                self.known.len() - 1
            })
        });
        let hosts = hosts.collect();
        let shift = summary.boot.as_ref().map_or(0, |(_, offset)| offset.saturating_neg());
        self.files.push((hosts, shift));
    }

    /// The clock of a host of a recording, and what is added to its times to be on it.
    pub(crate) fn of_host(&self, file: usize, host: usize) -> Option<(usize, i64)> {
        let (hosts, shift) = self.files.get(file)?;
        Some((*hosts.get(host)?, *shift))
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
