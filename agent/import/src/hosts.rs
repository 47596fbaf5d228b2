//! The machines of a recording, each once.

use std::collections::HashMap;

use perfagent_recording::table::Host;
use perfagent_recording::{HostId, WriteError, Writer};

/// What a machine is called that no file names. Clocks are those of machines, so further ones have a number behind it.
const UNKNOWN: &str = "unknown host";

/// The machines that were written so far, by name.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    known: HashMap<String, HostId>,
    /// What tells machines without a name apart, in the order in which they were met.
    unnamed: Vec<i64>,
    /// Which of these the current file is of.
    current: usize,
}

impl Hosts {
    /// Begins with a file. Files that name no machine are of one, unless they tell by a number that they are not: those with the
    /// same number are. True for a machine other than that of the first such files.
    pub(crate) fn turn_to(&mut self, machine: Option<i64>) -> bool {
        self.current = machine.map_or(0, |machine| {
            let known = self.unnamed.iter().position(|known| *known == machine);
            known.unwrap_or_else(|| {
                self.unnamed.push(machine);
                self.unnamed.len() - 1
            })
        });
        self.current > 0
    }

    /// The machine with this name, a new one at its first use; the unknown one where it is empty.
    pub(crate) fn named(&mut self, name: &str, writer: &mut Writer) -> Result<HostId, WriteError> {
        self.described(&Host { name: name.to_owned(), ..Host::default() }, writer)
    }

    /// The machine of this name, described as the first file of it does; one without a name is the unknown one.
    pub(crate) fn described(
        &mut self,
        host: &Host,
        writer: &mut Writer,
    ) -> Result<HostId, WriteError> {
        let name = match (host.name.as_str(), self.current) {
            ("", 0) => UNKNOWN.to_owned(),
            ("", current) => format!("{UNKNOWN} {}", current + 1),
            (name, _) => name.to_owned(),
        };
        if let Some(&known) = self.known.get(&name) {
            return Ok(known);
        }
        let id = writer.insert(&Host { name: name.clone(), ..host.clone() })?;
        self.known.insert(name, id);
        Ok(id)
    }

    /// The machine of a file that names none.
    pub(crate) fn unknown(&mut self, writer: &mut Writer) -> Result<HostId, WriteError> {
        self.described(&Host::default(), writer)
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::table::Host;
    use perfagent_recording::{HostId, Writer};

    use super::Hosts;

    #[test]
    fn machines_without_a_name_are_one_unless_they_are_told_apart() {
        let (mut hosts, mut writer) = (Hosts::default(), Writer::in_memory());
        let mut of = |machine| {
            let is_other = hosts.turn_to(machine);
            (hosts.unknown(&mut writer).unwrap(), is_other)
        };
        let found = [None, Some(0), Some(8), Some(0), None, Some(8)].map(&mut of);
        let [one, two] = [(HostId(1), false), (HostId(2), true)];
        assert_eq!(found, [one, one, two, one, one, two]);
        let node = hosts.named("node-7", &mut writer).unwrap();
        assert_eq!(hosts.named("node-7", &mut writer).unwrap(), node);
        let names = writer.rows::<Host>().unwrap().into_iter().map(|(_, host)| host.name);
        assert_eq!(names.collect::<Vec<_>>(), ["unknown host", "unknown host 2", "node-7"]);
    }
}
