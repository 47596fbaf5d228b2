//! Events as JSON lines in the Elastic Common Schema, for Filebeat, Elastic Agent and whoever else reads it.
//!
//! Field names are those of ECS 8.11: `@timestamp`, `log.level`, `message`, `ecs.version`, `service.*`, `host.*`, `event.*`;
//! everything of perfagent's own is in `labels`, flat and as text, as the schema wants it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::moment::Moment;

const ECS: &str = "8.11.0";

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warn,
    /// Something is broken.
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    level: Level,
    action: &'static str,
    message: String,
    labels: Vec<(&'static str, String)>,
}

impl Event {
    /// Something that happened just now.
    #[must_use]
    pub fn new(level: Level, action: &'static str, message: impl Into<String>) -> Self {
        Self { level, action, message: message.into(), labels: Vec::new() }
    }

    /// The same with one more label.
    #[must_use]
    pub fn label(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }

    fn line(&self, host: &str, at: Moment) -> String {
        let labels: Map<_, _> =
            self.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut line = json!({
            "@timestamp": at.rfc3339_ms(),
            "log.level": self.level.name(),
            "message": self.message,
            "ecs.version": ECS,
            "service.name": "perfagent",
            "service.type": "perfagent",
            "service.version": env!("CARGO_PKG_VERSION"),
            "host.name": host,
            "event.dataset": "perfagent.exporter",
            "event.kind": if self.level == Level::Info { "event" } else { "alert" },
            "event.action": self.action,
            "event.outcome": if self.level == Level::Info { "success" } else { "failure" },
        });
        if !labels.is_empty() {
            line["labels"] = Value::Object(labels);
        }
        line.to_string()
    }
}

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    None,
    /// Standard output.
    Output,
    /// The end of this file, which is opened for each line, so that it can be rotated away.
    File(PathBuf),
}

/// Writes events.
pub struct EventLog {
    target: Target,
    host: String,
    complaint: Mutex<Option<String>>,
}

impl EventLog {
    /// Writes the events of this host to `target`.
    #[must_use]
    pub fn new(target: Target, host: impl Into<String>) -> Self {
        Self { target, host: host.into(), complaint: Mutex::default() }
    }

    /// Writes one line, in one piece. That it could not be written is kept for [`EventLog::complaint`].
    pub fn write(&self, event: &Event) {
        let line = format!("{}\n", event.line(&self.host, Moment::now()));
        let written = match &self.target {
            Target::None => return,
            Target::Output => {
                let mut out = std::io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
            Target::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .and_then(|mut file| file.write_all(line.as_bytes())),
        };
        let error = written.err().map(|error| match &self.target {
            Target::File(path) => format!("{}: cannot be written: {error}", path.display()),
            _ => format!("standard output: cannot be written: {error}"),
        });
        if let Some(error) = error {
            *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Why a line could not be written, told once.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, EventLog, Level, Target};
    use crate::moment::Moment;

    #[test]
    fn a_line_is_of_the_schema() {
        let event = Event::new(Level::Error, "xid", "XID 79 GPU_FELL_OFF \"the bus\"\n")
            .label("xid", "79")
            .label("gpu", "3");
        let line = event.line("node-7", Moment { steady_s: 0.0, unix_s: 1_772_366_400.5 });
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        insta::assert_json_snapshot!("event", value);
    }

    #[test]
    fn lines_are_appended_and_a_full_disk_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let log = EventLog::new(Target::File(path.clone()), "node-7");
        log.write(&Event::new(Level::Info, "a", "first"));
        log.write(&Event::new(Level::Warn, "b", "second"));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        assert_eq!(log.complaint(), None);
        let log = EventLog::new(Target::File("/dev/full".into()), "node-7");
        log.write(&Event::new(Level::Info, "a", "first"));
        assert!(log.complaint().unwrap().starts_with("/dev/full: cannot be written: "));
        assert_eq!(log.complaint(), None);
    }
}
