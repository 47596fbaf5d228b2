//! A search in its folder: what is there is kept, the rest is run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};
use perfagent_advisor::tune::{
    Account, Candidate, Next, Prior, Search, Settings, Space, Stop as Over, Trial,
};
use perfagent_predictor::Predictor;

use super::expectation;
use super::journal::{self, Entry, Journal};
use super::plan::Plan;
use super::trial::Bench;
use crate::printer::Printer;
use crate::suite::{self, Stop};
use crate::unit;

/// A search and its folder.
pub(crate) struct Session {
    pub(crate) plan: Plan,
    pub(crate) folder: PathBuf,
    pub(crate) space: Space,
    settings: Settings,
    journal: Journal,
    lock: File,
    prior: Box<dyn Prior>,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finished {
    /// The search is over.
    Over(Over),
    /// The user has stopped it, by this signal.
    Stopped(i32),
}

impl Session {
    /// Opens the folder, which is made where there is none. Remarks go to `notes`.
    pub(crate) fn open(
        plan: Plan,
        settings: Settings,
        predictor: Predictor,
        folder: PathBuf,
        fresh: bool,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let space = plan.space()?;
        let prior = expectation::prior(&plan, &space, predictor)?;
        let shown = folder.display();
        fs::create_dir_all(&folder).map_err(|error| {
            anyhow!("{shown}: cannot be made: {error}; name another folder with --dir")
        })?;
        let lock = suite::lock(&folder, "perfagent tune", notes)?;
        if fresh {
            journal::discard(&folder)?;
        }
        let (mut journal, cut) = Journal::open(&folder)?;
        notes.extend(cut);
        if let Some(before) = journal.plan() {
            if let Some(difference) = plan.difference(before) {
                bail!(
                    "{shown}: holds trials of another search: {difference}; name another folder with --dir, or start over with \
                     --fresh"
                );
            }
        } else {
            journal.begin(&plan)?;
        }
        if space.left_out() > 0 {
            notes.push(format!(
                "{} of {} configurations cannot be: the batch or the ranks are not divisible",
                space.left_out(),
                space.left_out() + space.candidates().len()
            ));
        }
        Ok(Self { plan, folder, space, settings, journal, lock, prior })
    }

    /// The search, ready to be asked.
    pub(crate) fn search(&self) -> Search<'_> {
        Search::new(&self.space, self.prior.as_ref(), self.settings)
    }

    /// What has been tried.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.journal.entries()
    }

    /// The same, as the search takes it.
    pub(crate) fn trials(&self) -> Vec<Trial> {
        self.entries().iter().map(|entry| entry.trial.clone()).collect()
    }

    /// What it has come to.
    pub(crate) fn account(&self) -> Account {
        Account::of(&self.search(), &self.trials())
    }

    /// The words of the command with a candidate's values.
    pub(crate) fn command(&self, candidate: &Candidate) -> Vec<String> {
        self.plan.template().fill(|name| match name {
            "json" => Some("result.json".to_owned()),
            "trial" => Some("1".to_owned()),
            name => candidate.get(name).map(str::to_owned),
        })
    }

    /// Where the results are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Trials at most.
    pub(crate) fn budget(&self) -> usize {
        self.settings.budget
    }

    /// Tries until the search is over.
    pub(crate) fn run(
        &mut self,
        limit: Duration,
        quiet: bool,
        printer: &mut Printer,
    ) -> anyhow::Result<Finished> {
        let stop = Stop::listen()?;
        let template = self.plan.template();
        loop {
            let (candidate, predicted) = match self.search().next(&self.trials()) {
                Next::Stop(over) => return Ok(Finished::Over(over)),
                Next::Try { candidate, predicted } => (candidate, predicted),
            };
            if stop.asked() > 0 {
                return Ok(Finished::Stopped(stop.signal()));
            }
            let number = self.entries().len() as u32 + 1;
            if !quiet {
                let budget = self.settings.budget;
                printer.note(format!("trial {number}/{budget}  {}", candidate.sentence()));
            }
            let started = perfagent_health::now().rfc3339();
            let bench = Bench {
                folder: &self.folder,
                template: &template,
                objective: &self.plan.objective,
                limit,
                measured_before: self
                    .entries()
                    .iter()
                    .any(|one| one.trial.outcome.value().is_some()),
                lock: &self.lock,
            };
            let Some(done) = bench.run(number, &candidate, &stop)? else {
                return Ok(Finished::Stopped(stop.signal()));
            };
            let trial = Trial { number, candidate, predicted, outcome: done.outcome };
            if !quiet {
                printer.note(self.sentence(&trial));
            }
            self.journal.add(Entry {
                trial,
                exit_code: done.exit_code,
                duration_ns: done.duration.as_nanos() as u64,
                started,
                recording: done.recording,
                log: done.log,
            })?;
        }
    }

    /// A trial that has ended, in a line.
    fn sentence(&self, trial: &Trial) -> String {
        let name = trial.outcome.name();
        if let Some(reason) = trial.outcome.reason() {
            return format!("trial {}: {name}: {reason}", trial.number);
        }
        let value = unit::known(trial.outcome.value(), unit::significant);
        let unit = self.plan.unit();
        let expected = trial.predicted.map_or_else(String::new, |predicted| {
            let [low, middle, high] =
                [predicted.p05, predicted.p50, predicted.p95].map(unit::significant);
            format!(", expected {middle} [{low}, {high}]")
        });
        format!("trial {}: {value} {unit}{expected}", trial.number)
    }
}
