//! The passive examination of the node, again and again, by `perfagent health` in a process of its own: what hangs in it
//! hangs there.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use perfagent_health::{Severity, Status};
use serde::Deserialize;
use serde_json::Value;

use crate::child;
use crate::log::{Event, Level};
use crate::moment::Moment;
use crate::state::Shared;

/// After an examination that hung the next one comes later, as each may leave processes behind.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// How to examine.
#[derive(Clone, Debug)]
pub struct Examining {
    /// The program that answers with `perfagent.health/1`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How often.
    pub interval: Duration,
    /// After which time it says itself what has not answered.
    pub limit: Duration,
}

/// `perfagent.health/1`, as far as it is needed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Document {
    verdict: Status,
    checks: Vec<Checked>,
}

/// One check of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Checked {
    /// What was looked at.
    pub name: String,
    /// Where.
    pub target: String,
    /// How it came out.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: Severity,
    /// What a healthy node shows.
    #[serde(default)]
    pub expected: Value,
    /// What was found, in words.
    #[serde(default)]
    pub detail: String,
}

impl Checked {
    /// What is not there at all has no say.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.status != Status::Unknown || self.severity != Severity::None
    }
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// When it ended.
    pub at: Moment,
    /// How long it took, seconds.
    pub took_s: f64,
    /// How long after it this is not worth anything any more, seconds.
    pub valid_s: f64,
    /// Of the node.
    pub verdict: Status,
    /// The checks that have a say.
    pub checks: Vec<Checked>,
}

impl Examination {
    /// The GPUs that should be here, where the node itself shows that.
    #[must_use]
    pub fn expected_gpus(&self) -> Option<u64> {
        let check = self.checks.iter().find(|check| check.name == "gpu_count")?;
        check.expected.as_u64()
    }
}

/// Starts the thread that examines for as long as the process lives.
pub fn start(of: Examining, shared: Arc<Shared>) -> std::io::Result<()> {
    thread::Builder::new().name("examinations".to_owned()).spawn(move || repeat(&of, &shared))?;
    Ok(())
}

fn repeat(of: &Examining, shared: &Shared) {
    let mut pause = of.interval;
    loop {
        let start = Instant::now();
        let found = examine(of, pause);
        let hung = start.elapsed() >= of.limit;
        match found {
            Ok(found) => tell(found, shared),
            // Unless it is too old, what was found before is still the best that is known.
            Err(said) => {
                shared.change(|state| state.examinations_failed += 1);
                let text = format!("the node could not be examined: {said}");
                shared.log(&Event::new(Level::Error, "examination-failed", text));
            }
        }
        pause = if hung { (pause * 2).min(LONGEST_PAUSE).max(of.interval) } else { of.interval };
        let end = start + pause;
        while let Some(left) =
            end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            thread::park_timeout(left);
        }
    }
}

fn examine(of: &Examining, pause: Duration) -> Result<Examination, String> {
    let start = Instant::now();
    let answer = child::answer(&of.program, &of.arguments, of.limit + Duration::from_secs(10))?;
    let document: Document = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    Ok(Examination {
        at: Moment::now(),
        took_s: start.elapsed().as_secs_f64(),
        valid_s: (2 * pause + of.limit + Duration::from_secs(30)).as_secs_f64(),
        verdict: document.verdict,
        checks: document.checks.into_iter().filter(Checked::counts).collect(),
    })
}

/// Takes it into the state, and tells what is different.
fn tell(found: Examination, shared: &Shared) {
    let mut events = Vec::new();
    shared.change(|state| {
        let before = state.examination.take();
        let was = before.as_ref().map(|before| before.verdict);
        if was != Some(found.verdict) {
            events.push(verdict_event(&found, was));
        }
        if let Some(before) = before {
            events.extend(found.checks.iter().filter_map(|check| check_event(check, &before)));
        }
        state.examination = Some(found);
    });
    for event in &events {
        shared.log(event);
    }
}

fn verdict_event(found: &Examination, was: Option<Status>) -> Event {
    let now = status_name(found.verdict);
    let text = match was {
        Some(was) => format!("the node's health is {now}, was {}", status_name(was)),
        None => format!("the node's health is {now}"),
    };
    let reasons = found
        .checks
        .iter()
        .filter(|check| check.status == found.verdict && check.status != Status::Ok)
        .map(|check| format!("{} of {}: {}", check.name, check.target, check.detail))
        .collect::<Vec<_>>()
        .join("; ");
    let event = Event::new(level(found.verdict), "verdict-change", text).label("verdict", now);
    if reasons.is_empty() { event } else { event.label("reasons", reasons) }
}

fn check_event(check: &Checked, before: &Examination) -> Option<Event> {
    let same = |other: &&Checked| (&other.name, &other.target) == (&check.name, &check.target);
    let was = before.checks.iter().find(same)?.status;
    if was == check.status {
        return None;
    }
    let (name, target, now) = (&check.name, &check.target, status_name(check.status));
    let text = format!("{name} of {target} is {now}, was {}: {}", status_name(was), check.detail);
    let event = Event::new(level(check.status), "check-change", text);
    Some(event.label("check", name).label("target", target).label("status", now))
}

const fn level(status: Status) -> Level {
    match status {
        Status::Ok => Level::Info,
        Status::Warning | Status::Unknown => Level::Warn,
        Status::Critical => Level::Error,
    }
}

pub(crate) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Unknown => "unknown",
        Status::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use perfagent_health::Status;

    use super::{Examining, examine, tell};
    use crate::log::{EventLog, Target};
    use crate::state::Shared;

    fn saying(document: &str) -> Examining {
        let script = format!("echo '{document}'; exit 1");
        Examining {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script],
            interval: Duration::from_mins(1),
            limit: Duration::from_mins(1),
        }
    }

    fn document(verdict: &str, status: &str) -> String {
        format!(
            r#"{{"schema":"perfagent.health/1","host":"a","verdict":"{verdict}","gpus":[],"checks":[
               {{"name":"gpu_count","target":"host","status":"{status}","severity":"isolate","value":7,"expected":8,"unit":"GPUs","action":null,"detail":"NVML shows 7 of 8"}},
               {{"name":"nvml","target":"host","status":"unknown","severity":"none","value":null,"expected":null,"unit":null,"action":null,"detail":"not here"}}]}}"#
        )
        .replace('\n', " ")
    }

    #[test]
    fn the_document_is_taken_over_and_changes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let shared = Shared::new(EventLog::new(Target::File(path.clone()), "a"));
        for (verdict, status) in [("ok", "ok"), ("critical", "critical"), ("critical", "critical")]
        {
            let found = examine(&saying(&document(verdict, status)), Duration::ZERO).unwrap();
            assert_eq!(found.expected_gpus(), Some(8));
            assert_eq!(found.checks.len(), 1, "what is not there has no say");
            tell(found, &shared);
        }
        assert_eq!(
            shared.change(|state| state.examination.clone()).unwrap().verdict,
            Status::Critical
        );
        let log = std::fs::read_to_string(path).unwrap();
        let said: Vec<_> = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].clone())
            .collect();
        assert_eq!(
            said,
            [
                "the node's health is ok",
                "the node's health is critical, was ok",
                "gpu_count of host is critical, was ok: NVML shows 7 of 8"
            ]
        );
    }

    #[test]
    fn what_is_no_document_is_none() {
        assert!(examine(&saying("half a docum"), Duration::ZERO).is_err());
        assert!(examine(&saying(r#"{"verdict":"splendid","checks":[]}"#), Duration::ZERO).is_err());
    }
}
