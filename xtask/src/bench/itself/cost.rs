//! What each program costs, round by round.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::input::{self, JOBS, LAUNCHES};
use crate::shell;
use crate::stage::{Load, Stage};

/// Events of the recording that is read.
const EVENTS: u32 = 300_000;
/// Events of the timeline that is drawn.
const DRAWN: u32 = 300_000;

/// Samples of each figure.
#[derive(Default)]
pub(super) struct Costs {
    report: Vec<f64>,
    import: Vec<f64>,
    predict: Vec<f64>,
    record: Vec<f64>,
    frame: Vec<f64>,
}

impl Costs {
    /// Rounds of every kind, one after the other, so that a slow minute slows all.
    pub(super) fn measure(programs: &Path, folder: &Path, rounds: u32) -> Result<Self> {
        let path = |name: &str| folder.join(name);
        let example = |name: &str| programs.join("examples").join(name);
        let mut made = Command::new(example("synthesise"));
        made.arg(EVENTS.to_string()).arg("1").arg(path("big.perfdb")).stdout(Stdio::null());
        shell::run(&mut made)?;
        input::trace(&path("trace.json"))?;
        input::jobs(&path("jobs.jsonl"))?;
        let stage = Stage::with(programs.to_owned(), "itself-stage", None)?;
        let perfagent = || Command::new(programs.join("perfagent"));
        let mut costs = Self::default();
        for _ in 0..rounds {
            let mut report = perfagent();
            report.args(["report", "--json"]).arg(path("big.perfdb"));
            costs.report.push(1e9 * processor_s(&report)? / f64::from(EVENTS));
            let mut import = perfagent();
            import
                .arg("import")
                .arg(path("trace.json"))
                .arg("-f")
                .arg("-o")
                .arg(path("out.perfdb"));
            costs.import.push(1e9 * processor_s(&import)? / f64::from(3 * LAUNCHES));
            let mut predict = perfagent();
            predict.arg("predict").arg(path("jobs.jsonl"));
            costs.predict.push(1e6 * processor_s(&predict)? / f64::from(JOBS));
            let run = stage.record(Load { rate: 100_000, seconds: 1.0, mix: "kernels" })?;
            costs.record.push(run.library_ns()?);
            costs.frame.push(frame_ms(&example("frame_cost"))?);
        }
        Ok(costs)
    }

    /// Name, unit and samples of each.
    pub(super) fn figures(&self) -> impl Iterator<Item = (&'static str, &'static str, &[f64])> {
        [
            ("report, processor time an event", "ns", self.report.as_slice()),
            ("import of a Kineto trace, processor time an event", "ns", &self.import),
            ("predict, processor time a job", "µs", &self.predict),
            ("record, the library's processor time a record", "ns", &self.record),
            ("a frame of the timeline, all of it and a tenth", "ms", &self.frame),
        ]
        .into_iter()
    }
}

/// Processor time of a command and its children, seconds: less than its length it depends on what else the machine does. The
/// shell counts it to a millisecond.
fn processor_s(command: &Command) -> Result<f64> {
    let mut shell = Command::new("bash");
    shell
        .args(["-c", "TIMEFORMAT='%U %S'; time \"$@\" > /dev/null 2> /dev/null || exit 1", "-"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let text = shell::spelled(command);
    let child = shell.spawn().with_context(|| format!("`{text}` could not be started"))?;
    let done = child.wait_with_output().with_context(|| format!("`{text}` was lost"))?;
    ensure!(done.status.success(), "`{text}` failed ({})", done.status);
    let told = String::from_utf8_lossy(&done.stderr);
    let seconds: Option<Vec<f64>> = told.split_whitespace().map(|word| word.parse().ok()).collect();
    let seconds = seconds.filter(|parts| parts.len() == 2);
    Ok(seconds.with_context(|| format!("`{text}`: the shell's times: `{told}`"))?.iter().sum())
}

/// Draws and tessellates, milliseconds.
fn frame_ms(example: &Path) -> Result<f64> {
    let text = shell::read(Command::new(example).arg(DRAWN.to_string()))?;
    let document: Value = serde_json::from_str(&text).context("the answer of frame_cost")?;
    let frames = document.pointer("/results/0/frames").and_then(Value::as_array);
    let frames = frames.context("frame_cost tells no frames")?;
    let of = |frame: &Value| Some(frame["draw_ms"].as_f64()? + frame["tessellate_ms"].as_f64()?);
    let sum: Option<f64> = frames.iter().take(2).map(of).sum();
    sum.context("frame_cost tells no times")
}
