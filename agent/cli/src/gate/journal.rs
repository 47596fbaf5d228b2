//! `gate.jsonl`: the plan, then one line a run, on the disk when the run is done.

use std::path::Path;

use perfagent_regress::compare::Side;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::schedule::Phase;
use crate::durable_lines::{DurableLines, Words};

const SCHEMA: &str = "perfagent.ci-gate-run/1";
const NAME: &str = "gate.jsonl";
const WORDS: Words = Words {
    schema: SCHEMA,
    foreign: "is none of perfagent ci gate; name another folder with -o, or start over with --fresh",
    again: "that run is done again",
    room: "make room or name another folder with -o, then start the gate again: finished runs are kept",
};

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) case: String,
    pub(crate) side: Side,
    pub(crate) phase: Phase,
    /// Its number in the phase, from 0.
    pub(crate) round: usize,
    /// How it failed; none when it ended well.
    pub(crate) failure: Option<Failure>,
    /// Of the recorded program, 128 + signal when it was killed.
    pub(crate) exit_code: i32,
    /// From the start of the recorder to its end.
    pub(crate) duration_ns: u64,
    /// When it started, in UTC.
    pub(crate) started: String,
    /// The recording, in the folder of the gate; none where there is none, or where the run does not count.
    pub(crate) recording: Option<String>,
    /// What the programs have printed, in the folder of the gate.
    pub(crate) log: String,
}

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// `failed`, `out of memory` or `timed out`.
    pub(crate) kind: String,
    /// What it said.
    pub(crate) reason: String,
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
    Plan(Box<Plan>),
    Run(Box<Run>),
}

/// The open file, and what it holds.
#[derive(Debug)]
pub(super) struct Journal {
    lines: DurableLines,
    read: Read,
}

#[derive(Debug, Default)]
struct Read {
    plan: Option<Plan>,
    runs: Vec<Run>,
}

impl Read {
    /// Takes a line: first the plan, then runs of it.
    fn take(&mut self, line: Line) -> bool {
        if line.schema != SCHEMA {
            return false;
        }
        match (line.body, &self.plan) {
            (Body::Plan(plan), None) => self.plan = Some(*plan),
            (Body::Run(run), Some(_)) => self.runs.push(*run),
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

    /// The plan, once it was written.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.read.plan.as_ref()
    }

    /// All runs, in their order.
    pub(super) fn runs(&self) -> &[Run] {
        &self.read.runs
    }

    /// Writes the plan: the first line.
    pub(super) fn begin(&mut self, plan: &Plan) -> anyhow::Result<()> {
        self.append(Body::Plan(Box::new(plan.clone())))?;
        self.read.plan = Some(plan.clone());
        Ok(())
    }

    /// Writes a run and has it on the disk before it returns.
    pub(super) fn add(&mut self, run: Run) -> anyhow::Result<()> {
        self.append(Body::Run(Box::new(run.clone())))?;
        self.read.runs.push(run);
        Ok(())
    }

    fn append(&mut self, body: Body) -> anyhow::Result<()> {
        self.lines.append(&Line { schema: SCHEMA.to_owned(), body })
    }
}

/// Removes the journal in `folder`, whatever it holds.
pub(super) fn discard(folder: &Path) -> anyhow::Result<()> {
    crate::suite::remove(&folder.join(NAME))
}
