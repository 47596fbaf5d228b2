//! The machines of a recording, each once.

use std::collections::HashMap;

use perfagent_recording::table::Host;
use perfagent_recording::{HostId, WriteError, Writer};

/// What a machine is called that no file names.
const UNKNOWN: &str = "unknown host";

/// The machines that were written so far, by name.
#[derive(Debug, Default)]
pub(crate) struct Hosts(HashMap<String, HostId>);

impl Hosts {
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
        let name = if host.name.is_empty() { UNKNOWN } else { &host.name };
        if let Some(&known) = self.0.get(name) {
            return Ok(known);
        }
        let id = writer.insert(&Host { name: name.to_owned(), ..host.clone() })?;
        self.0.insert(name.to_owned(), id);
        Ok(id)
    }

    /// The one machine of all files that name none.
    pub(crate) fn unknown(&mut self, writer: &mut Writer) -> Result<HostId, WriteError> {
        self.named(UNKNOWN, writer)
    }
}
