//! `tune.jsonl`: what is searched, then one line a trial, on the disk when the trial is done.

use std::path::Path;

use perfagent_advisor::tune::Trial;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::durable_lines::{DurableLines, Words};

/// The schema of a line.
pub(super) const SCHEMA: &str = "perfagent.tune/1";
const NAME: &str = "tune.jsonl";
const WORDS: Words = Words {
    schema: SCHEMA,
    foreign: "is none of perfagent tune; name another folder with --dir, or start over with --fresh",
    again: "that trial is run again",
    room: "make room or name another folder with --dir, then tune again: finished trials are kept",
};

/// A trial as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) trial: Trial,
    /// Of the recorded program; none where the trial was ended.
    pub(crate) exit_code: Option<i32>,
    /// From the start of the recorder to its end.
    pub(crate) duration_ns: u64,
    /// When it started, in UTC.
    pub(crate) started: String,
    /// The recording, in the folder.
    pub(crate) recording: Option<String>,
    /// What the programs have printed, in the folder.
    pub(crate) log: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    schema: String,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Body {
    Search(Box<Plan>),
    Trial(Box<Entry>),
}

/// The open file, and what it holds.
#[derive(Debug)]
pub(super) struct Journal {
    lines: DurableLines,
    read: Read,
}

/// What was read, and added since.
#[derive(Debug, Default)]
struct Read {
    plan: Option<Plan>,
    entries: Vec<Entry>,
}

impl Read {
    /// Takes a line: first what is searched, then trials of it.
    fn take(&mut self, line: Line) -> bool {
        if line.schema != SCHEMA {
            return false;
        }
        match (line.body, &self.plan) {
            (Body::Search(plan), None) => self.plan = Some(*plan),
            (Body::Trial(entry), Some(_)) => self.entries.push(*entry),
            _ => return false,
        }
        true
    }
}

impl Journal {
    /// Opens the journal in `folder` and reads it. What a crash has left of a last line is cut off and told.
    pub(super) fn open(folder: &Path) -> anyhow::Result<(Self, Option<String>)> {
        let mut read = Read::default();
        let (lines, cut) = DurableLines::open(folder.join(NAME), &WORDS, |line| read.take(line))?;
        Ok((Self { lines, read }, cut))
    }

    /// What is searched, once it was written.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.read.plan.as_ref()
    }

    /// All trials, in their order.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.read.entries
    }

    /// Writes what is searched: the first line.
    pub(super) fn begin(&mut self, plan: &Plan) -> anyhow::Result<()> {
        self.append(&Body::Search(Box::new(plan.clone())))?;
        self.read.plan = Some(plan.clone());
        Ok(())
    }

    /// Writes a trial and has it on the disk before it returns.
    pub(super) fn add(&mut self, entry: Entry) -> anyhow::Result<()> {
        self.append(&Body::Trial(Box::new(entry.clone())))?;
        self.read.entries.push(entry);
        Ok(())
    }

    fn append(&mut self, body: &Body) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Written<'a> {
            schema: &'static str,
            #[serde(flatten)]
            body: &'a Body,
        }
        self.lines.append(&Written { schema: SCHEMA, body })
    }
}

/// Removes the journal in `folder`, whatever it holds.
pub(super) fn discard(folder: &Path) -> anyhow::Result<()> {
    crate::suite::remove(&folder.join(NAME))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use perfagent_advisor::tune::{Outcome, Parameter, Trial};

    use super::{Entry, Journal};
    use crate::suite::Machine;
    use crate::tune::plan::{Objective, Plan};

    fn plan() -> Plan {
        Plan {
            command: vec!["run".to_owned(), "{b}".to_owned()],
            parameters: vec![Parameter::parse("b=1,2").unwrap()],
            global_batch: None,
            objective: Objective::Steps { tokens: None },
            minimise: false,
            job: None,
            seed: 1,
            machine: Machine::this(),
        }
    }

    fn entry(number: u32, outcome: Outcome) -> Entry {
        let candidate = [("b", number.to_string())].into_iter().collect();
        let predicted = (number > 1).then_some(perfagent_predictor::Interval {
            p05: 0.1,
            p50: 1.0 / 3.0,
            p95: 2e9,
        });
        Entry {
            trial: Trial { number, candidate, predicted, outcome },
            exit_code: Some(0),
            duration_ns: 5,
            started: "2026-01-01T00:00:00Z".to_owned(),
            recording: None,
            log: "trial-001.perfdb.log".to_owned(),
        }
    }

    #[test]
    fn trials_are_there_again_and_half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tune.jsonl");
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        journal.begin(&plan()).unwrap();
        let outcomes = [
            Outcome::Ok { value: 0.1 + 0.2 },
            Outcome::OutOfMemory { reason: "CUDA out of memory".to_owned() },
            Outcome::TimedOut { reason: "ended".to_owned() },
        ];
        for (number, outcome) in (1..).zip(outcomes) {
            journal.add(entry(number, outcome)).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(
            "{\"schema\":\"perfagent.tune/1\",\"kind\":\"search\",\"command\":[\"run\""
        ));
        assert!(text.contains("\"kind\":\"trial\",\"number\":2"), "{text}");
        assert!(
            text.contains("\"status\":\"out_of_memory\",\"reason\":\"CUDA out of memory\""),
            "{text}"
        );
        for cut in 1..text.lines().last().unwrap().len() {
            fs::write(&path, &text[..text.len() - cut]).unwrap();
            let (again, told) = Journal::open(folder.path()).unwrap();
            let whole = if cut == 0 { 3 } else { 2 };
            assert_eq!((again.entries().len(), told.is_some()), (whole, true), "cut {cut}");
            assert_eq!(again.entries(), &journal.entries()[..whole]);
            assert_eq!(again.plan(), Some(&plan()));
        }
    }

    #[test]
    fn a_file_of_someone_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tune.jsonl");
        for theirs in ["{\"loss\": 1}\n", "x", "{\"schema\":\"perfagent.tune/1\"}\n"] {
            fs::write(&path, theirs).unwrap();
            let refused = Journal::open(folder.path()).unwrap_err().to_string();
            assert!(refused.contains("tune.jsonl: line 1: is none of perfagent tune"), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        }
    }
}
