//! The target, the recorder or both are killed at random moments.
#![expect(clippy::disallowed_methods, reason = "random moments, and processes that give no sign")]

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::stage::{self, Load, Stage};
use crate::statistics::median;

/// How the words of the target's progress file are numbered, see `agent/inject/examples/target/load.rs`.
const PROCESS: usize = 0;
const NVTX: usize = 2;
const BURST: usize = 3;
const DONE: usize = 4;
const STAMPS: usize = 8;
/// What is promised of NVTX events: the writer thread's round.
const ROUND_MS: f64 = 20.0;
const PATIENCE: Duration = Duration::from_mins(1);

/// SIGKILL at random moments, of the target, of the recorder (then `perfagent recover`) and of both
///
/// The stand-in for CUPTI keeps records back until the flush after the one that found them, as CUPTI does. Every round
/// must leave a recording that can be read, without holes, and lose at most one flush interval.
#[derive(clap::Args)]
pub(crate) struct Kill {
    /// How many times
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// Decides the moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Records a second
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// The promised interval, in ms
    #[arg(long, default_value_t = 200)]
    flush_ms: u64,
}

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Target,
    Recorder,
    Both,
}

/// How much of the end is missing, in ms of the target's time.
struct Lost {
    gpu_ms: f64,
    nvtx_ms: f64,
}

impl Kill {
    /// Runs all rounds.
    pub(super) fn run(&self) -> Result<()> {
        let stage = Stage::new("kill", None)?;
        println!("{}", stage::machine());
        println!("seed {}", self.seed);
        let mut random = fastrand::Rng::with_seed(self.seed);
        let victims = [Victim::Target, Victim::Recorder, Victim::Both];
        let mut lost: [Vec<Lost>; 3] = Default::default();
        for round in 0..self.rounds {
            let which = round as usize % victims.len();
            let after = Duration::from_micros(random.u64(250_000..1_250_000));
            let found = self.round(&stage, victims[which], after).with_context(|| {
                format!("round {round}: {:?} killed after {after:?}", victims[which])
            })?;
            lost[which].push(found);
        }
        let mut broken = 0;
        for (victim, lost) in victims.iter().zip(&lost).filter(|(_, lost)| !lost.is_empty()) {
            let gpu: Vec<f64> = lost.iter().map(|lost| lost.gpu_ms).collect();
            let nvtx: Vec<f64> = lost.iter().map(|lost| lost.nvtx_ms).collect();
            let over = |values: &[f64], most: f64| values.iter().filter(|ms| **ms > most).count();
            let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
            println!(
                "{victim:?} killed {} times, all recordings readable and without holes. Lost of the GPU: median {:.0} ms, at most {:.0} ms, \
                 more than {} ms {} times. Lost of NVTX: median {:.0} ms, at most {:.0} ms, more than {ROUND_MS} ms {} times.",
                lost.len(),
                median(&gpu).unwrap_or(0.0),
                most(&gpu),
                self.flush_ms,
                over(&gpu, self.flush_ms as f64),
                median(&nvtx).unwrap_or(0.0),
                most(&nvtx),
                over(&nvtx, ROUND_MS),
            );
            broken += over(&gpu, self.flush_ms as f64);
        }
        if broken > 0 {
            bail!("{broken} times more than the flush interval was lost");
        }
        Ok(())
    }

    fn round(&self, stage: &Stage, victim: Victim, after: Duration) -> Result<Lost> {
        let recording = stage.path("run.perfdb");
        let partial = stage.path("run.perfdb.partial");
        let _ = fs::remove_file(stage.progress());
        // Where only the recorder is killed the target comes to its own end.
        let seconds = if victim == Victim::Recorder { 1.5 } else { 600.0 };
        let mut recorder = stage
            .command(Load { rate: self.rate, seconds, mix: "exact" }, Some(&recording))
            .env("PERFAGENT_FLUSH_MS", self.flush_ms.to_string())
            .env("FAKE_GPU_LATE", "1")
            .stderr(Stdio::null())
            .spawn()
            .context("the recorder could not be started")?;
        let target = target_of(stage, &mut recorder)?;
        thread::sleep(after);
        if victim != Victim::Target {
            recorder.kill().context("killing the recorder")?;
        }
        if victim != Victim::Recorder {
            kill_process(target, Signal::KILL).context("killing the target")?;
        }
        recorder.wait().context("waiting for the recorder")?;
        if victim != Victim::Target {
            gone(target)?;
            let mut recover = stage.perfagent();
            recover.arg("recover").arg(&partial).args(["--force", "-o"]).arg(&recording);
            let done = recover.stderr(Stdio::null()).status().context("perfagent recover")?;
            if !done.success() {
                bail!("perfagent recover ended with {done}");
            }
        }
        let report = stage.perfagent().arg("report").arg(&recording).stdout(Stdio::null()).status();
        if !report.context("perfagent report")?.success() {
            bail!("the recording cannot be read");
        }
        self.lost(stage, &recording, victim)
    }

    /// Compares the recording with what the target has said that it made.
    fn lost(&self, stage: &Stage, recording: &Path, victim: Victim) -> Result<Lost> {
        let words = progress(&stage.progress()).context("the target's progress")?;
        let gpu = "SELECT correlation FROM kernels UNION ALL SELECT correlation FROM copies";
        let written = stage.count(recording, &format!("SELECT count(*) AS n FROM ({gpu})"))?;
        let last = format!("SELECT max(correlation) + 1 AS n FROM ({gpu})");
        let (losses, text) = stage.losses(recording)?;
        if losses > 0 {
            bail!("losses were counted: {text}");
        }
        let last = stage.count(recording, &last)?;
        if written != last {
            bail!(
                "there is a hole: {written} records of the GPU are written, the last is number {last}"
            );
        }
        let (burst, done) = (words[BURST], words[DONE]);
        let marks = stage.count(recording, "SELECT count(*) AS n FROM marks")?;
        if victim == Victim::Recorder && (written != burst * done || marks != words[NVTX]) {
            bail!(
                "only the recorder was killed, and of {} + {} records {written} + {marks} are written",
                burst * done,
                words[NVTX]
            );
        }
        // One mark was made before the first burst.
        let marks_a_burst = (self.rate / 500 / 20).max(1);
        Ok(Lost {
            gpu_ms: since(&words, written / burst),
            nvtx_ms: since(&words, marks.saturating_sub(1) / marks_a_burst),
        })
    }
}

/// How long before the last sign of the target the first burst was made that is not all there, in ms.
fn since(words: &[u64], whole_bursts: u64) -> f64 {
    let stamp = |burst: u64| words[STAMPS + burst as usize];
    let done = words[DONE];
    if whole_bursts >= done { 0.0 } else { (stamp(done - 1) - stamp(whole_bursts)) as f64 / 1e6 }
}

/// The words of the progress file, once they are all there.
fn progress(path: &Path) -> Option<Vec<u64>> {
    let bytes = fs::read(path).ok()?;
    let (words, _) = bytes.as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    (words.len() > STAMPS).then_some(words)
}

/// The target, once it is at work.
fn target_of(stage: &Stage, recorder: &mut Child) -> Result<Pid> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let words = progress(&stage.progress());
        if let Some(words) = words.filter(|words| words[PROCESS] != 0 && words[DONE] > 0) {
            return Pid::from_raw(words[PROCESS] as i32).context("the target has no number");
        }
        if let Some(status) = recorder.try_wait().context("looking at the recorder")? {
            bail!("the recorder ended with {status} before the target was at work");
        }
        thread::sleep(Duration::from_millis(5));
    }
    bail!("the target is not at work after {PATIENCE:?}")
}

/// Waits until the process is gone.
fn gone(process: Pid) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while test_kill_process(process).is_ok() {
        if Instant::now() > deadline {
            bail!("the target is still there after {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
