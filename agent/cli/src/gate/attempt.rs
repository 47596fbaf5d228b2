//! One run: a side's command under the recorder.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use perfagent_advisor::tune::{Evidence, judge};

use super::journal::{Failure, Run};
use super::place;
use super::plan::Case;
use super::schedule::{Phase, Slot};
use crate::suite::{self, End, Memory, Stop};

/// Where the recordings are, in the folder of the gate: a folder for each case.
const RUNS: &str = "runs";

/// What runs have in common.
pub(super) struct Bench<'a> {
    /// The whole path: commands run in other folders.
    pub(super) folder: &'a Path,
    /// The folder's lock, handed on: what outlives an interrupted gate is waited for.
    pub(super) lock: &'a File,
    pub(super) stop: &'a Stop,
}

impl Bench<'_> {
    /// Does it; nothing when the user has stopped it.
    pub(super) fn run(&self, case: &Case, slot: Slot) -> anyhow::Result<Option<Run>> {
        let unusable = |path: &Path, error: std::io::Error| {
            anyhow!(
                "{}: cannot be written: {error}; make room or name another folder with -o",
                path.display()
            )
        };
        let within = format!("{RUNS}/{}", case.name);
        let folder = self.folder.join(&within);
        fs::create_dir_all(&folder).map_err(|error| unusable(&folder, error))?;
        let name = name(slot);
        let file = |ending: &str| folder.join(format!("{name}{ending}"));
        // Benchmarks that train on the texts around them leave out what has `.perfdb` in its name: a log grows meanwhile.
        let (recording, log) = (file(".perfdb"), file(".perfdb.log"));
        // Under a name that no pattern for the others takes: its figures are of half a run.
        let failed = folder.join(format!("failed-{name}.perfdb"));
        for earlier in [&recording, &failed] {
            suite::remove(earlier)?;
        }
        let output = File::create(&log).map_err(|error| unusable(&log, error))?;
        let invocation = case.invocation(slot.side);
        let own = std::env::current_exe().context("this program cannot find itself")?;
        let mut command = Command::new(own);
        command.args(["record", "--force", "--ends-with", &std::process::id().to_string(), "-o"]);
        command.arg(suite::literal(&recording)).arg("--").args(&invocation.words);
        if let Some(folder) = &invocation.folder {
            command.current_dir(folder);
        }
        command.stdin(self.lock.try_clone().context("the lock cannot be handed on")?);
        command.stderr(output.try_clone().context("the log cannot be handed on")?).stdout(output);
        let (started, memory) = (perfagent_health::now().rfc3339(), Memory::now());
        let limit = Duration::from_secs(case.time_limit_s);
        let ran = suite::run_process(&mut command, limit, self.stop, |_| {})
            .with_context(|| format!("{}: perfagent record cannot be started", case.name))?;
        if ran.end == End::Stopped {
            // It will be done again.
            for half in [&recording, &log] {
                suite::remove(half)?;
            }
            return Ok(None);
        }
        let outcome = judge(&Evidence {
            code: ran.code,
            timed_out_s: (ran.end == End::TimeLimit).then_some(case.time_limit_s),
            killed_for_memory: memory.until_now().killed,
            log: &suite::tail(&log),
        });
        let failure = outcome.map(|outcome| Failure {
            kind: outcome.name().to_owned(),
            reason: outcome.reason().unwrap_or_default().to_owned(),
        });
        let recording = match (&failure, slot.phase) {
            _ if !recording.is_file() => None,
            (Some(_), _) => {
                fs::rename(&recording, &failed).map_err(|error| unusable(&failed, error))?;
                Some(format!("{within}/failed-{name}.perfdb"))
            }
            (None, Phase::WarmUp) => {
                suite::remove(&recording)?;
                None
            }
            (None, _) => Some(format!("{within}/{name}.perfdb")),
        };
        Ok(Some(Run {
            case: case.name.clone(),
            side: slot.side,
            phase: slot.phase,
            round: slot.round,
            failure,
            exit_code: ran.code,
            duration_ns: ran.duration.as_nanos() as u64,
            started,
            recording,
            log: format!("{within}/{name}.perfdb.log"),
        }))
    }
}

/// `new-03`, `new-warm-up-01`, `new-confirm-12`.
fn name(slot: Slot) -> String {
    let phase = match slot.phase {
        Phase::WarmUp => "-warm-up",
        Phase::First => "",
        Phase::Confirm => "-confirm",
    };
    format!("{}{phase}-{:02}", place::name(slot.side), slot.round + 1)
}
