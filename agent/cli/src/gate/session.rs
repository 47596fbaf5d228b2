//! A gate in its folder: what is there is kept, the rest is run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use perfagent_regress::compare::Settings;
use perfagent_regress::gate::{alarms, runs_to_confirm};

use super::attempt::Bench;
use super::journal::{self, Journal, Run};
use super::judge::{self, Outcome};
use super::place;
use super::plan::Plan;
use super::schedule::{Phase, Slot, broken, slots};
use crate::printer::Printer;
use crate::suite::{self, Stop};
use crate::unit;

/// A gate and the folder of its results.
#[derive(Debug)]
pub(crate) struct Session {
    plan: Plan,
    /// As the user knows it.
    folder: PathBuf,
    /// The same, whole.
    whole: PathBuf,
    journal: Journal,
    lock: File,
}

/// How a session ended.
#[derive(Debug)]
pub(crate) enum Finished {
    /// What the cases came to, in the order of the plan.
    All(Vec<Outcome>),
    /// The user has stopped it, by this signal.
    Stopped(i32),
}

impl Session {
    /// Opens the folder, which is made where there is none. Remarks go to `notes`.
    pub(crate) fn open(
        plan: Plan,
        folder: PathBuf,
        fresh: bool,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let shown = folder.display();
        let made = fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
        let whole = made.map_err(|error| {
            anyhow!("{shown}: cannot be made: {error}; name another folder with -o")
        })?;
        let lock = suite::lock(&whole, "perfagent ci gate", notes)?;
        if fresh {
            journal::discard(&whole)?;
        }
        let (mut journal, cut) = Journal::open(&whole)?;
        notes.extend(cut);
        if let Some(before) = journal.plan() {
            if let Some(difference) = plan.difference(before) {
                bail!(
                    "{shown}: holds runs that these would not belong to: {difference}; name another folder with -o, or start \
                     over with --fresh"
                );
            }
        } else {
            journal.begin(&plan)?;
        }
        if !journal.runs().is_empty() {
            let kept = unit::count(journal.runs().len() as i64);
            notes.push(format!("{shown}: keeps the runs that are done: {kept}"));
        }
        Ok(Self { plan, folder, whole, journal, lock })
    }

    /// What is run.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the results are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many runs are done.
    pub(crate) fn done(&self) -> usize {
        self.journal.runs().len()
    }

    /// Runs what has not been run, looks a second time at what alarmed, and says what the cases came to.
    pub(crate) fn run(
        &mut self,
        settings: &Settings,
        force: bool,
        mut say: impl FnMut(String, &mut Printer),
        printer: &mut Printer,
    ) -> anyhow::Result<Finished> {
        let stop = Stop::listen()?;
        let cases = self.plan.cases.len();
        for (phase, runs) in [(Phase::WarmUp, self.plan.warm_up), (Phase::First, self.plan.runs)] {
            if !self.rounds(phase, &vec![runs; cases], &stop, &mut |text| say(text, printer))? {
                return Ok(Finished::Stopped(stop.signal()));
            }
        }
        let mut firsts = Vec::new();
        for case in &self.plan.cases {
            let runs = || self.runs_of(&case.name);
            let is_whole = broken(&runs()).is_none();
            let first = || judge::first_look(&self.folder, &runs(), force, settings);
            firsts.push(if is_whole { Some(first()?) } else { None });
        }
        let to_confirm: Vec<usize> = firsts
            .iter()
            .map(|first| {
                let alarmed: Vec<_> =
                    first.iter().flat_map(|first| alarms(&first.comparison)).collect();
                let most = self.plan.confirm;
                let threshold = settings.threshold_pct;
                if alarmed.is_empty() {
                    0
                } else {
                    runs_to_confirm(&alarmed, threshold, self.plan.runs, most)
                }
            })
            .collect();
        for (case, runs) in self.plan.cases.iter().zip(&to_confirm).filter(|(_, runs)| **runs > 0) {
            say(format!("{}: alarmed; is run again, {runs} runs a side", case.name), printer);
        }
        if !self.rounds(Phase::Confirm, &to_confirm, &stop, &mut |text| say(text, printer))? {
            return Ok(Finished::Stopped(stop.signal()));
        }
        let cases = self.plan.cases.iter().zip(firsts).map(|(case, first)| {
            (case.name.clone(), first, self.runs_of(&case.name).cloned().collect())
        });
        judge::conclude(&self.folder, cases.collect(), settings).map(Finished::All)
    }

    fn runs_of(&self, case: &str) -> impl Iterator<Item = &Run> + Clone {
        self.journal.runs().iter().filter(move |run| run.case == case)
    }

    /// Does the runs of a phase that are not done; false when the user has stopped it.
    fn rounds(
        &mut self,
        phase: Phase,
        runs: &[usize],
        stop: &Stop,
        say: &mut dyn FnMut(String),
    ) -> anyhow::Result<bool> {
        for slot in slots(phase, runs) {
            let case = &self.plan.cases[slot.case];
            let is_of_slot = |run: &Run| run.phase == slot.phase && run.round == slot.round;
            if self.runs_of(&case.name).any(|run| is_of_slot(run) && run.side == slot.side) {
                continue;
            }
            // A round is always done on both sides, so that failures are counted over as many runs.
            if broken(&self.runs_of(&case.name).filter(|run| !is_of_slot(run))).is_some() {
                continue;
            }
            if stop.asked() > 0 {
                return Ok(false);
            }
            let bench = Bench { folder: &self.whole, lock: &self.lock, stop };
            let Some(run) = bench.run(case, slot)? else { return Ok(false) };
            say(sentence(slot, runs[slot.case], &run));
            self.journal.add(run)?;
        }
        Ok(true)
    }
}

/// A run that has ended, in a line.
fn sentence(slot: Slot, runs: usize, run: &Run) -> String {
    let phase = match slot.phase {
        Phase::WarmUp => "warm-up",
        Phase::First => "run",
        Phase::Confirm => "second look, run",
    };
    let (number, side) = (slot.round + 1, place::name(slot.side));
    let how = match &run.failure {
        None => unit::duration(run.duration_ns as i64),
        Some(failure) => format!("{}: {}", failure.kind, failure.reason),
    };
    format!("{phase} {number}/{runs} of {}, {side}: {how}", run.case)
}
