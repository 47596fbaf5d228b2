//! One trial: the command under the recorder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use perfagent_advisor::tune::{Candidate, Evidence, Outcome, Template, judge};

use super::measure::measure;
use super::plan::Objective;
use crate::suite::{self, End, Memory, Stop};

/// What trials have in common.
pub(super) struct Bench<'a> {
    pub(super) folder: &'a Path,
    pub(super) template: &'a Template,
    pub(super) objective: &'a Objective,
    pub(super) limit: Duration,
    /// Whether a trial before was measured: then one that cannot be is a failure of its own, not of the command.
    pub(super) measured_before: bool,
    /// The folder's lock, handed on: what outlives an interrupted search is waited for.
    pub(super) lock: &'a File,
}

/// A trial that has ended.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) exit_code: Option<i32>,
    pub(super) duration: Duration,
    pub(super) recording: Option<String>,
    pub(super) log: String,
}

impl Bench<'_> {
    /// Runs the `number`th trial; nothing when the user has stopped it. Fails when no trial could be measured, for a reason
    /// that is in the command or the folder.
    pub(super) fn run(
        &self,
        number: u32,
        candidate: &Candidate,
        stop: &Stop,
    ) -> anyhow::Result<Option<Done>> {
        let name = format!("trial-{number:03}.perfdb");
        let recording = self.folder.join(&name);
        let (log_name, answer) =
            (format!("{name}.log"), self.folder.join(format!("{name}.result.json")));
        let log = self.folder.join(&log_name);
        for earlier in [&recording, &answer] {
            suite::remove(earlier)?;
        }
        let output = File::create(&log).map_err(|error| {
            anyhow!(
                "{}: cannot be written: {error}; make room or name another folder with --dir",
                log.display()
            )
        })?;
        let mut command = self.command(&recording, &answer, number, candidate)?;
        command.stdin(self.lock.try_clone().context("the lock cannot be handed on")?);
        command.stderr(output.try_clone().context("the log cannot be handed on")?).stdout(output);
        let memory = Memory::now();
        let ran = suite::run_process(&mut command, self.limit, stop, |_| {})
            .context("perfagent record cannot be started")?;
        if ran.end == End::Stopped {
            // It will be run again.
            for half in [&recording, &answer, &log] {
                suite::remove(half)?;
            }
            return Ok(None);
        }
        let said = suite::tail(&log);
        let recorded = recording.is_file();
        if ran.code == 2 && !recorded && ran.end == End::Own {
            bail!(
                "trial {number} cannot be recorded: {}; mend that and tune again: finished trials are kept",
                said.lines()
                    .next_back()
                    .map_or("see its log", |line| line.trim_start_matches("perfagent: "))
            );
        }
        let failed = judge(&Evidence {
            code: ran.code,
            timed_out_s: (ran.end == End::TimeLimit).then_some(self.limit.as_secs()),
            killed_for_memory: memory.until_now().killed,
            log: &said,
        });
        let outcome = match failed {
            Some(outcome) => outcome,
            None => match measure(self.objective, candidate, &recording, &answer) {
                Ok(value) => Outcome::Ok { value },
                Err(reason) if self.measured_before => Outcome::Failed { reason },
                Err(reason) => bail!("trial {number}: {reason}"),
            },
        };
        Ok(Some(Done {
            outcome,
            exit_code: (ran.end == End::Own).then_some(ran.code),
            duration: ran.duration,
            recording: recorded.then_some(name),
            log: log_name,
        }))
    }

    fn command(
        &self,
        recording: &Path,
        answer: &Path,
        number: u32,
        candidate: &Candidate,
    ) -> anyhow::Result<Command> {
        let own = std::env::current_exe().context("this program cannot find itself")?;
        let mut command = Command::new(own);
        command.args(["record", "--force", "--ends-with", &std::process::id().to_string(), "-o"]);
        command.arg(suite::literal(recording)).arg("--");
        let answer = absolute(answer);
        let words = self.template.fill(|name| match name {
            "json" => Some(answer.to_string_lossy().into_owned()),
            "trial" => Some(number.to_string()),
            name => candidate.get(name).map(str::to_owned),
        });
        command.args(words);
        Ok(command)
    }
}

/// The command may change to another folder.
fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path.parent().unwrap_or(Path::new(".")))
        .ok()
        .zip(path.file_name())
        .map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}
