//! The machines of the traces, each once.

use std::collections::BTreeMap;

use perfagent_recording::table::Host;
use perfagent_recording::{HostId, WriteError, Writer};

/// What a machine is called that the trace does not name.
const UNKNOWN: &str = "unknown host";

/// The machines that the recording has so far, by name.
#[derive(Debug, Default)]
pub(crate) struct Hosts(BTreeMap<String, HostId>);

impl Hosts {
    /// The row of `host`, described as the first trace of it does.
    pub(crate) fn named(&mut self, writer: &mut Writer, host: &Host) -> Result<HostId, WriteError> {
        if let Some(&known) = self.0.get(&host.name) {
            return Ok(known);
        }
        let id = writer.insert(host)?;
        self.0.insert(host.name.clone(), id);
        Ok(id)
    }

    /// The row for a machine without a name, of which `facts` may be known.
    pub(crate) fn unknown(
        &mut self,
        writer: &mut Writer,
        facts: &Host,
    ) -> Result<HostId, WriteError> {
        self.named(writer, &Host { name: UNKNOWN.to_owned(), ..facts.clone() })
    }
}
