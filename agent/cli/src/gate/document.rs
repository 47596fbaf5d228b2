//! The answer as JSON: `perfagent.ci-gate/1`.

use std::path::Path;

use perfagent_regress::compare::{Overall, Settings, Side};
use perfagent_regress::gate::Confirmation;
use serde::Serialize;

use super::journal::{Failure, Run};
use super::judge::{self, Outcome};
use super::place::Place;
use super::plan::{Plan, SuiteFacts};
use super::schedule::{Broken, Phase};
use crate::comparison::Answer;
use crate::suite::Machine;

/// What a gate came to.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema: &'static str,
    /// The worst of the cases'.
    pub(crate) verdict: Overall,
    pub(super) base: &'a Place,
    pub(super) new: &'a Place,
    pub(super) suite: Option<&'a SuiteFacts>,
    /// Runs a side of the first look.
    pub(super) runs: usize,
    warm_up: usize,
    /// Runs a side of the second look, at most.
    confirm: usize,
    pub(super) threshold_pct: f64,
    false_discovery_rate: f64,
    machine: &'a Machine,
    /// What the names of files are relative to.
    pub(super) folder: String,
    pub(crate) cases: Vec<Case<'a>>,
}

/// A case of it.
#[derive(Debug, Serialize)]
pub(crate) struct Case<'a> {
    pub(crate) name: &'a str,
    pub(crate) verdict: Overall,
    /// The side or sides on which it does not run.
    pub(crate) broken: Option<Broken>,
    /// Runs that failed.
    pub(crate) failures: Vec<Failed<'a>>,
    /// What became worse at first sight, and what fresh runs say of it.
    pub(crate) alarms: &'a [Confirmation],
    /// Recordings of the first look, and of the second.
    recordings: Sides<'a>,
    confirm_recordings: Sides<'a>,
    /// The first look, `perfagent.compare/1`; null where the case does not run.
    pub(crate) comparison: Option<&'a Answer>,
}

#[derive(Debug, Serialize)]
struct Sides<'a> {
    base: Vec<&'a str>,
    new: Vec<&'a str>,
}

/// A run that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Failed<'a> {
    pub(crate) side: Side,
    phase: Phase,
    /// From 1.
    run: usize,
    #[serde(flatten)]
    pub(crate) failure: &'a Failure,
    exit_code: i32,
    pub(crate) log: &'a str,
}

impl<'a> Document<'a> {
    /// Lays it out.
    pub(crate) fn of(
        plan: &'a Plan,
        folder: &Path,
        outcomes: &'a [Outcome],
        settings: &Settings,
    ) -> Self {
        Self {
            schema: "perfagent.ci-gate/1",
            verdict: judge::overall(outcomes),
            base: &plan.base,
            new: &plan.new,
            suite: plan.suite.as_ref(),
            runs: plan.runs,
            warm_up: plan.warm_up,
            confirm: plan.confirm,
            threshold_pct: settings.threshold_pct,
            false_discovery_rate: settings.false_discovery_rate,
            machine: &plan.machine,
            folder: folder.display().to_string(),
            cases: outcomes.iter().map(Case::of).collect(),
        }
    }

    /// Whether no case runs on either side: then nothing was asked that has an answer.
    pub(crate) fn is_void(&self) -> bool {
        self.cases.iter().all(|case| case.broken == Some(Broken::Both))
    }
}

impl<'a> Case<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let names = |phase, side| {
            let recordings = outcome.good(phase, side).map(|run| run.recording.as_deref());
            recordings.flatten().collect()
        };
        let sides = |phase| Sides { base: names(phase, Side::Base), new: names(phase, Side::New) };
        Self {
            name: &outcome.case,
            verdict: outcome.verdict,
            broken: outcome.broken,
            failures: outcome.failed().filter_map(Failed::of).collect(),
            alarms: &outcome.alarms,
            recordings: sides(Phase::First),
            confirm_recordings: sides(Phase::Confirm),
            comparison: outcome.first.as_ref(),
        }
    }

    /// Runs a side that were looked at first and then, the fewer of both sides.
    pub(crate) fn runs(&self) -> (usize, usize) {
        let fewer = |sides: &Sides<'_>| sides.base.len().min(sides.new.len());
        (fewer(&self.recordings), fewer(&self.confirm_recordings))
    }
}

impl<'a> Failed<'a> {
    fn of(run: &'a Run) -> Option<Self> {
        Some(Self {
            side: run.side,
            phase: run.phase,
            run: run.round + 1,
            failure: run.failure.as_ref()?,
            exit_code: run.exit_code,
            log: &run.log,
        })
    }

    /// `new-02: timed out: …` as the file is called.
    pub(crate) fn sentence(&self) -> String {
        let file = self.log.strip_suffix(".perfdb.log").unwrap_or(self.log);
        let file = file.rsplit('/').next().unwrap_or(file);
        format!("{file}: {}: {}", self.failure.kind, self.failure.reason)
    }
}
