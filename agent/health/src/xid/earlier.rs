//! XIDs of earlier boots, from the log files that were kept: a reboot clears what it mends, and what comes back after it
//! was not mended.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use crate::host::kernel_log::Message;
use crate::host::log_file::Line;

/// GPU and number, with the boots in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Earlier(BTreeMap<(String, u32), BTreeSet<usize>>);

impl Earlier {
    /// Reads a kept log. Its last boot is the one that runs and is not among the earlier ones.
    pub(crate) fn in_lines(lines: Option<&[Line]>) -> Self {
        let mut boot = 0;
        let mut seen: BTreeMap<(String, u32), BTreeSet<usize>> = BTreeMap::new();
        for line in lines.unwrap_or_default() {
            if line.text.contains("] Linux version ")
                || line.text.starts_with("kernel: Linux version ")
            {
                boot += 1;
            }
            if let Some(event) = Event::of(&Message { at_us: 0, text: line.text.clone() }) {
                seen.entry((event.pci, event.code)).or_default().insert(boot);
            }
        }
        seen.retain(|_, boots| {
            boots.remove(&boot);
            !boots.is_empty()
        });
        Self(seen)
    }

    /// In how many earlier boots.
    pub(crate) fn boots(&self, pci: &str, code: u32) -> usize {
        self.0.get(&(pci.to_owned(), code)).map_or(0, BTreeSet::len)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u32, usize)> {
        self.0.iter().map(|((pci, code), boots)| (pci.as_str(), *code, boots.len()))
    }
}
