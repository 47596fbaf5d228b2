//! NVML behind a deadline: a child process asks it, so that a call that hangs or crashes takes nobody with it.
//!
//! The child writes one JSON line before and after each step. So it is known where it hung, and what it had read until
//! then is not lost.

use std::io::{BufRead as _, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::nvml;
use super::reading::GpuReadings;

/// More than any machine has: a count beyond it is damage.
const MOST_GPUS: u32 = 1024;

/// How to start the child: this program with the words that make it call [`answer`].
#[derive(Clone, Debug)]
pub struct Probe {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// One line from the child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// What is about to be done.
    Calling(String),
    /// NVML cannot be used.
    Failed(Failure),
    /// NVML works.
    Started {
        /// The driver's version.
        driver: Option<String>,
        /// The library's own version.
        #[serde(default)]
        library: Option<String>,
        /// GPUs that NVML shows.
        count: u32,
    },
    /// One GPU.
    Gpu(Box<GpuReadings>),
    /// A second look at what it counts.
    Again {
        /// NVML's number of the GPU.
        index: u32,
        /// What it has come to.
        counters: Counters,
    },
    /// An XID that came meanwhile.
    Xid {
        /// NVML's number of the GPU.
        index: u32,
        /// The number of the XID.
        code: u64,
    },
    /// All was asked.
    End,
}

/// Why NVML cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// There is no `libnvidia-ml.so.1`.
    NoLibrary,
    /// The kernel module is not loaded.
    NoDriver,
    /// Kernel module and library are of different versions.
    Mismatch,
    /// NVML's words.
    Other(String),
}

/// How the questions ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was answered.
    Complete,
    /// NVML refused.
    Refused(Failure),
    /// The time was over in the middle of this.
    Hung(String),
    /// The child died in the middle of this.
    Died(String),
    /// The child could not be started.
    NotStarted(String),
}

/// What came from the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) driver: Option<String>,
    pub(crate) library: Option<String>,
    /// GPUs that NVML shows; `None` where it did not come to that.
    pub(crate) count: Option<u32>,
    /// Those that were read.
    pub(crate) gpus: Vec<GpuReadings>,
    /// XIDs that came meanwhile: GPU and number.
    pub(crate) xids: Vec<(u32, u64)>,
}

impl Answer {
    /// Nothing but how it ended.
    pub(crate) fn without_gpus(outcome: Outcome) -> Self {
        Self {
            outcome,
            driver: None,
            library: None,
            count: None,
            gpus: Vec::new(),
            xids: Vec::new(),
        }
    }
}

impl Answer {
    /// Takes in a line; the last one says how it ended.
    pub(crate) fn take(&mut self, line: Line) -> Option<Outcome> {
        match line {
            Line::Calling(_) => {}
            Line::Failed(failure) => return Some(Outcome::Refused(failure)),
            Line::Started { driver, library, count } => {
                self.driver = driver;
                self.library = library;
                self.count = Some(count.min(MOST_GPUS));
            }
            Line::Gpu(gpu) => self.gpus.push(*gpu),
            Line::Again { index, counters } => {
                let of_index = |gpu: &&mut GpuReadings| gpu.identity.index == index;
                if let Some(gpu) = self.gpus.iter_mut().find(of_index) {
                    gpu.later = Some(counters);
                }
            }
            Line::Xid { index, code } => self.xids.push((index, code)),
            Line::End if self.count.is_none() => {
                let said = "its answer cannot be understood".to_owned();
                return Some(Outcome::NotStarted(said));
            }
            Line::End => return Some(Outcome::Complete),
        }
        None
    }
}

/// Asks NVML and writes the answer's lines. This is all that the child does.
pub fn answer(out: &mut impl Write) -> io::Result<()> {
    let mut written = Ok(());
    nvml::read(&mut |line| {
        if written.is_ok() {
            written = serde_json::to_string(&line)
                .map_err(io::Error::from)
                .and_then(|line| writeln!(out, "{line}"))
                .and_then(|()| out.flush());
        }
    });
    written
}

/// A child at work.
pub(crate) struct Asked {
    started: Result<(Child, Receiver<Line>), String>,
}

/// Starts the child.
pub(crate) fn ask(probe: &Probe) -> Asked {
    let child = Command::new(&probe.program)
        .args(&probe.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let started = match child {
        Ok(mut child) => match child.stdout.take().map(lines) {
            Some(Ok(lines)) => Ok((child, lines)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("its output is not connected".to_owned()),
        },
        Err(error) => Err(format!("{}: {error}", probe.program.display())),
    };
    Asked { started }
}

fn lines(out: ChildStdout) -> io::Result<Receiver<Line>> {
    let (sender, receiver) = sync_channel(64);
    thread::Builder::new().name("nvml-lines".to_owned()).spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // What is no line of ours was printed by a library.
            if let Ok(line) = serde_json::from_str(&line)
                && sender.send(line).is_err()
            {
                return;
            }
        }
    })?;
    Ok(receiver)
}

impl Asked {
    /// Takes the lines that come until `deadline`, then ends the child.
    pub(crate) fn collect(self, deadline: Instant) -> Answer {
        let mut answer = Answer::without_gpus(Outcome::Complete);
        let (mut child, lines) = match self.started {
            Ok(started) => started,
            Err(said) => {
                answer.outcome = Outcome::NotStarted(said);
                return answer;
            }
        };
        let mut calling = "starting".to_owned();
        answer.outcome = loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Line::Calling(what)) => calling = what,
                Ok(line) => {
                    if let Some(outcome) = answer.take(line) {
                        break outcome;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break Outcome::Hung(calling),
                Err(RecvTimeoutError::Disconnected) => break Outcome::Died(calling),
            }
        };
        end(&mut child, &lines);
        answer
    }
}

/// Kills the child, also one that has answered: shutting NVML down may hang too. A process that hangs inside the driver
/// does not die even so; it is left behind rather than waited for.
fn end(child: &mut Child, lines: &Receiver<Line>) {
    // It may be gone already.
    let _ = child.kill();
    let patience = Instant::now() + Duration::from_millis(200);
    loop {
        match lines.recv_timeout(patience.saturating_duration_since(Instant::now())) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Its output is closed, but the driver may still hold it on its way out.
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < patience {
        thread::park_timeout(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Asked, Failure, Outcome, Probe, ask};

    /// A child that says what `script` prints.
    fn child(script: &str) -> Asked {
        let arguments = ["-c", script].map(str::to_owned).to_vec();
        ask(&Probe { program: "/bin/sh".into(), arguments })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn a_call_that_hangs_is_named_and_ended_in_time() {
        let asked = child(
            r#"echo '{"started":{"driver":"580.1","count":2}}'; echo '{"calling":"reading GPU 0"}'; exec sleep 600"#,
        );
        let start = Instant::now();
        let answer = asked.collect(start + Duration::from_millis(400));
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
        assert_eq!(answer.outcome, Outcome::Hung("reading GPU 0".to_owned()));
        assert_eq!((answer.count, answer.driver.as_deref()), (Some(2), Some("580.1")));
    }

    #[test]
    fn a_crash_is_told() {
        let answer = child(r#"echo '{"calling":"nvmlInit"}'; kill -SEGV $$"#).collect(soon());
        assert_eq!(answer.outcome, Outcome::Died("nvmlInit".to_owned()));
    }

    #[test]
    fn a_child_that_does_not_end_after_its_answer_is_not_waited_for() {
        let start = Instant::now();
        let answer =
            child(r#"echo 'noise of a library'; echo '{"started":{"driver":null,"count":0}}'; echo '"end"'; exec sleep 600"#).collect(start + Duration::from_mins(5));
        assert_eq!(answer.outcome, Outcome::Complete);
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    }

    #[test]
    fn a_refusal_and_a_missing_program_are_told() {
        let answer = child(r#"echo '{"failed":"no_library"}'"#).collect(soon());
        assert_eq!(answer.outcome, Outcome::Refused(Failure::NoLibrary));
        let probe = Probe { program: "/no/such/program".into(), arguments: Vec::new() };
        let answer = ask(&probe).collect(soon());
        assert!(matches!(answer.outcome, Outcome::NotStarted(said) if said.contains("/no/such")));
    }
}
