//! What a run directory knows about its run besides the events: what [`recover`](crate::recover) needs.

use std::fs;
use std::path::Path;

use perfagent_recording::{Timestamp, WriteError, Writer};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::CollectError;
use crate::window::Window;

/// The facts of a run that are known when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The clock of the recording.
    pub(crate) clock: Clock,
    /// When the recorder started, Unix ns.
    pub(crate) started_ns: i64,
    /// Which events are kept.
    pub(crate) window: Window,
    /// The target's command line as typed.
    pub(crate) command: String,
    /// Which boot of the machine this is: within one, all monotonic clocks agree.
    #[serde(default)]
    pub(crate) boot_id: Option<String>,
    /// The distributed job that the recorder is part of.
    #[serde(default)]
    pub(crate) job: Option<String>,
    /// The process that was started: its number, and its start in clock ticks since boot.
    pub(crate) root: Option<(u32, u64)>,
}

impl Session {
    /// When the recorder started.
    pub(crate) fn started(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.started_ns)
    }

    /// Writes it to `path`.
    pub(crate) fn save(&self, path: &Path) -> Result<(), CollectError> {
        let failed = || CollectError::io(path, "write it", "choose another place with -o");
        let text = serde_json::to_vec(self).map_err(|error| failed()(error.into()))?;
        fs::write(path, text).map_err(failed())
    }

    /// Reads it from `path`; the text says what is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let text = fs::read(path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    /// Notes it in the recording's `meta`.
    pub(crate) fn describe(&self, writer: &mut Writer) -> Result<(), WriteError> {
        writer.set_meta("source", "record")?;
        writer.set_meta("perfagent_version", env!("CARGO_PKG_VERSION"))?;
        writer.set_meta("command", &self.command)?;
        if let Some(job) = &self.job {
            writer.set_meta("job", job)?;
        }
        // With these two the times of several recordings of one machine are put on one clock.
        if let Some(boot) = &self.boot_id {
            writer.set_meta("boot_id", boot)?;
        }
        writer.set_meta("clock_offset_ns", &self.clock.offset_ns().to_string())?;
        writer.set_meta("started", &self.started().rfc3339())
    }
}
