//! The machine that a trace does not name.

use perfagent_recording::table::Host;
use perfagent_recording::{HostId, WriteError, Writer};

/// The row of `hosts` for traces that do not say where they were made; written when the first asks for it.
#[derive(Debug, Default)]
pub(crate) struct UnknownHost(Option<HostId>);

impl UnknownHost {
    /// Its id.
    pub(crate) fn id(&mut self, writer: &mut Writer) -> Result<HostId, WriteError> {
        if let Some(id) = self.0 {
            return Ok(id);
        }
        let id = writer.insert(&Host { name: "unknown host".to_owned(), ..Host::default() })?;
        self.0 = Some(id);
        Ok(id)
    }
}
