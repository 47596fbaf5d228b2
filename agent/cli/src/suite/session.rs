//! A suite on its way through a folder: what is there is kept, the rest is run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use rustix::fs::statvfs;
use serde_json::Value;

use super::case::{Case, Suite};
use super::folder::{literal, lock, remove};
use super::journal::Journal;
use super::option;
use super::place::Machine;
use super::process::{self, End};
use super::progress::Progress;
use super::result::{CaseResult, SCHEMA, Status};
use super::series::{Next, Series};
use super::stop::Stop;
use super::verdict::{self, Evidence, Memory, Verdict};
use crate::printer::Printer;
use crate::unit;

/// A disk with less room, in bytes, is full.
const LITTLE_ROOM: u64 = 1 << 20;

/// A suite and the folder of its results.
#[derive(Debug)]
pub(crate) struct Session {
    suite: Suite,
    machine: Machine,
    folder: PathBuf,
    journal: Journal,
    /// Held by this process and all that it starts: a case that has outlived an interrupted suite is waited for.
    lock: File,
    /// Cases that came out otherwise than ok are run again.
    retry: bool,
    /// Results that were there at the beginning.
    before: usize,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// Every case has a result.
    All,
    /// By this signal.
    Stopped(i32),
}

impl Session {
    /// Opens the folder, which is made where there is none. Remarks go to `notes`. With `fresh` earlier results go.
    pub(crate) fn open(
        suite: Suite,
        machine: Machine,
        folder: PathBuf,
        (fresh, retry): (bool, bool),
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let shown = folder.display();
        fs::create_dir_all(&folder).map_err(|error| {
            anyhow!("{shown}: cannot be made: {error}; name another folder with -o")
        })?;
        let lock = lock(&folder, "perfagent bench", notes)?;
        let (mut journal, cut) = match Journal::open(&folder) {
            Err(_) if fresh => {
                Journal::discard(&folder)?;
                Journal::open(&folder)?
            }
            opened => opened?,
        };
        notes.extend(cut.filter(|_| !fresh));
        if fresh {
            journal.clear()?;
        }
        let before = journal.results().len();
        let session = Self { suite, machine, folder, journal, lock, retry, before };
        if let Some(difference) = session.difference() {
            bail!(
                "{}: holds results that these would not belong to: {difference}; name another folder with -o, or start over \
                 with --fresh",
                session.folder.display()
            );
        }
        Ok(session)
    }

    /// In what the results that are there differ from those to come.
    fn difference(&self) -> Option<String> {
        self.journal.results().iter().find_map(|result| {
            if result.suite != self.suite.name {
                return Some(format!("they are of the suite {}", result.suite));
            }
            if result.suite_hash != self.suite.hash {
                return Some(format!("the suite {} has changed since", result.suite));
            }
            if let Some(difference) = self.machine.difference(&result.environment) {
                return Some(difference);
            }
            let case = self.suite.cases.iter().find(|case| case.name == result.case);
            let same = case.is_some_and(|case| case.options == result.options);
            (!same).then(|| format!("the case {} had other options", result.case))
        })
    }

    /// The results as far as they go, in the order of the suite.
    pub(crate) fn results(&self) -> Vec<CaseResult> {
        self.suite.cases.iter().filter_map(|case| self.journal.of(&case.name)).cloned().collect()
    }

    /// What is run.
    pub(crate) fn suite(&self) -> &Suite {
        &self.suite
    }

    /// Where the results are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many cases need not be run.
    pub(crate) fn kept(&self) -> usize {
        self.suite.cases.iter().filter(|case| self.result_of(case).is_some()).count()
    }

    /// Whether a case is a failure of the whole.
    pub(crate) fn is_failure(&self, result: &CaseResult) -> bool {
        let must_run =
            self.suite.cases.iter().any(|case| case.name == result.case && case.must_run);
        result.status == Status::Failed || (must_run && result.status != Status::Ok)
    }

    /// The result that stands for a case, unless it is to be run again.
    fn result_of(&self, case: &Case) -> Option<&CaseResult> {
        let is_new = |result: &CaseResult| {
            self.journal.results()[self.before..].iter().any(|new| new.case == result.case)
        };
        self.journal
            .of(&case.name)
            .filter(|result| !self.retry || result.status == Status::Ok || is_new(result))
    }

    /// Runs what has no result yet with the benchmark at `program`.
    pub(crate) fn run(
        &mut self,
        program: &Path,
        progress: &mut Progress,
        printer: &mut Printer,
    ) -> anyhow::Result<Finished> {
        let stop = Stop::listen()?;
        let mut series = Series::default();
        let cases = self.suite.cases.clone();
        let mut number = 0;
        // Of a range that is open above one case was counted; each further one is one more.
        let mut open = Vec::new();
        let mut count = |case: &Case, progress: &mut Progress| {
            number += 1;
            if case.open && open.contains(&case.series()) {
                progress.grow();
            } else if case.open {
                open.push(case.series());
            }
            number
        };
        for case in &cases {
            if let Some(result) = self.result_of(case) {
                series.learn(case, result, is_time_limit(result));
                count(case, progress);
                continue;
            }
            if stop.asked() > 0 {
                return Ok(Finished::Stopped(stop.signal()));
            }
            let number;
            let result = match series.next(case) {
                Next::Leave => continue,
                Next::Known { status, reason, needed_bytes, available_bytes } => {
                    let verdict =
                        Verdict { status, reason: Some(reason), needed_bytes, available_bytes };
                    number = count(case, progress);
                    self.describe(case, verdict, String::new())
                }
                Next::Run => {
                    number = count(case, progress);
                    progress.begin(&case.name, number, printer);
                    match self.run_case(case, program, &stop, progress)? {
                        Some(result) => result,
                        None => return Ok(Finished::Stopped(stop.signal())),
                    }
                }
            };
            series.learn(case, &result, is_time_limit(&result));
            let told = sentence(&result);
            self.journal.append(result)?;
            progress.end(&told, number, printer);
        }
        Ok(Finished::All)
    }

    /// Runs a case; nothing when it was stopped.
    fn run_case(
        &self,
        case: &Case,
        program: &Path,
        stop: &Stop,
        progress: &Progress,
    ) -> anyhow::Result<Option<CaseResult>> {
        let file = |ending: &str| self.folder.join(format!("{}{ending}", case.name));
        // Benchmarks that train on the texts around them leave out what has `.perfdb` in its name: a log grows meanwhile.
        let (recording, log) = (file(".perfdb"), file(".perfdb.log"));
        let answer = file(".perfdb.result.json");
        for earlier in [&recording, &answer] {
            remove(earlier)?;
        }
        let output = File::create(&log).map_err(|error| {
            anyhow!(
                "{}: cannot be written: {error}; make room or name another folder with -o",
                log.display()
            )
        })?;
        let own = std::env::current_exe().context("this program cannot find itself")?;
        let mut command = Command::new(own);
        command.args(["record", "--force", "--ends-with", &std::process::id().to_string(), "-o"]);
        command.arg(literal(&recording)).arg("--").arg(program);
        command.args(option::words(&case.options)).arg("--json").arg(&answer);
        command.stdin(self.lock.try_clone().context("the lock cannot be handed on")?);
        command.stderr(output.try_clone().context("the log cannot be handed on")?).stdout(output);
        let (started, memory) = (perfagent_health::now().rfc3339(), Memory::now());
        let mut looked = Instant::now();
        let ran = process::run(&mut command, case.time_limit, stop, |elapsed| {
            if looked.elapsed() >= Duration::from_millis(500) {
                looked = Instant::now();
                progress.tick(
                    &case.name,
                    verdict::last_step(&verdict::tail(&log)),
                    elapsed,
                    case.time_limit,
                );
            }
        });
        let ran = ran.context("perfagent record cannot be started")?;
        if ran.end == End::Stopped {
            // It will be run again.
            for half in [&recording, &answer, &log] {
                remove(half)?;
            }
            return Ok(None);
        }
        if ran.code == 2 && !recording.is_file() {
            bail!(
                "{}: the case {} cannot be recorded: {}; mend that and run the suite again: finished cases are kept",
                self.folder.display(),
                case.name,
                why_not_recorded(&self.folder, &log)
            );
        }
        let result =
            fs::read(&answer).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        remove(&answer)?;
        let verdict = verdict::judge(&Evidence {
            ran,
            limit: case.time_limit,
            log: &verdict::tail(&log),
            recorded: recording.is_file(),
            result: result.as_ref(),
            memory: memory.until_now(),
        });
        if verdict.status == Status::Refused
            || (verdict.status == Status::DoesNotFit && ran.code == 2)
        {
            // Nothing has run: a recording of it would only take room.
            remove(&recording)?;
        }
        let mut described = self.describe(case, verdict, started);
        described.exit_code = Some(ran.code);
        described.duration_ns = ran.duration.as_nanos() as u64;
        described.recording_bytes = fs::metadata(&recording).ok().map(|file| file.len());
        described.recording = described.recording_bytes.map(|_| format!("{}.perfdb", case.name));
        described.log = Some(format!("{}.perfdb.log", case.name));
        let torch = result.as_ref().and_then(|result| result.get("torch_version")?.as_str());
        described.environment.torch = torch.map(str::to_owned);
        described.result = result;
        Ok(Some(described))
    }

    /// A result without what only a run can tell.
    fn describe(&self, case: &Case, verdict: Verdict, started: String) -> CaseResult {
        CaseResult {
            schema: SCHEMA.to_owned(),
            suite: self.suite.name.clone(),
            suite_hash: self.suite.hash.clone(),
            case: case.name.clone(),
            options: case.options.clone(),
            status: verdict.status,
            reason: verdict.reason,
            needed_bytes: verdict.needed_bytes,
            available_bytes: verdict.available_bytes,
            exit_code: None,
            duration_ns: 0,
            started,
            result: None,
            recording: None,
            recording_bytes: None,
            log: None,
            environment: self.machine.clone(),
        }
    }
}

/// Whether the case ran into its time limit.
fn is_time_limit(result: &CaseResult) -> bool {
    result.reason.as_deref().is_some_and(|reason| reason.starts_with("ended at its time limit"))
}

/// A case that has ended, in a line.
fn sentence(result: &CaseResult) -> String {
    let mut text = format!("{}: {}", result.case, result.status.name());
    if let Some(step) = result.figure("step_p50_ns") {
        text = format!("{text}, {} a step", unit::mean_duration(step));
    }
    if let Some((rate, latency)) =
        result.figure("requests_per_s").zip(result.figure("latency_ns/p99"))
    {
        let latency = unit::duration(latency as i64);
        text = format!("{text}, {rate:.2} requests/s, P99 latency {latency}");
    }
    match &result.reason {
        Some(reason) => format!("{text}: {reason}"),
        None => format!("{text}, in {}", unit::duration(result.duration_ns as i64)),
    }
}

/// Why the recorder refused a case. The next one would fare no better.
fn why_not_recorded(folder: &Path, log: &Path) -> String {
    let text = verdict::tail(log);
    if let Some(said) = verdict::said_by("perfagent", &text) {
        return said.to_owned();
    }
    // It could not even say so.
    let full = statvfs(folder).is_ok_and(|disk| disk.f_bavail * disk.f_frsize < LITTLE_ROOM);
    if full { "No space left on device".to_owned() } else { format!("see {}", log.display()) }
}
