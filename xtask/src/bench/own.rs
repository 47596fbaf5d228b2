//! Predictions of the project's own training runs on this machine's processor, against what they take.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use perfagent_predictor::benchmark::read_result;
use perfagent_predictor::{Ceilings, Predictor};
use serde_json::Value;

use super::own_table::{Measured, Row, rows, table};
use crate::{cargo, shell};

/// Models with the arrangements of each, as perfagent-bench's options. The first of a model is the one that predictions are
/// re-fitted to.
const MODELS: [(&str, &[&str]); 7] = [
    (
        "gpt --preset micro",
        &[
            "--micro-batch 4",
            "--micro-batch 2",
            "--micro-batch 8",
            "--micro-batch 2 --accumulate 3",
            "--micro-batch 8 --recompute full",
            "--micro-batch 8 --recompute selective",
            "--nproc 2 --micro-batch 4",
            "--nproc 2 --micro-batch 4 --zero 1",
            "--nproc 2 --micro-batch 4 --zero 2",
            "--nproc 2 --micro-batch 4 --zero 3",
            "--nproc 2 --micro-batch 4 --tp 2",
            "--nproc 2 --micro-batch 2 --pp 2 --accumulate 4",
        ],
    ),
    (
        "gpt --preset micro --precision bf16",
        &[
            "--micro-batch 4",
            "--micro-batch 8",
            "--micro-batch 8 --recompute full",
            "--nproc 2 --micro-batch 4 --zero 1",
        ],
    ),
    (
        "llama --preset micro",
        &[
            "--micro-batch 4",
            "--micro-batch 8",
            "--micro-batch 4 --recompute full",
            "--micro-batch 2 --accumulate 3",
            "--nproc 2 --micro-batch 4",
            "--nproc 2 --micro-batch 4 --zero 3",
        ],
    ),
    (
        "llama --preset micro --precision bf16",
        &["--micro-batch 4", "--micro-batch 8", "--micro-batch 8 --recompute selective"],
    ),
    (
        "moe --preset micro",
        &["--micro-batch 4", "--micro-batch 8", "--nproc 2 --micro-batch 4 --zero 2"],
    ),
    (
        "gpt --preset nano",
        &[
            "--micro-batch 8",
            "--micro-batch 32",
            "--micro-batch 16 --recompute full",
            "--nproc 2 --micro-batch 8",
        ],
    ),
    (
        "gpt --preset mini",
        &["--micro-batch 1", "--micro-batch 2", "--micro-batch 2 --recompute full"],
    ),
];

/// Seconds that the steps of one run take, about.
const SECONDS: f64 = 4.0;
/// Steps at least: the first one fills caches and is not counted.
const LEAST_STEPS: f64 = 5.0;

/// Records, predicts and prints; with `write` into `OWN.md` beside the predictor's accuracy.
pub(super) struct Own {
    /// Runs of each configuration.
    pub(super) rounds: usize,
    /// Ceilings that were measured before on this machine.
    pub(super) ceilings: Option<PathBuf>,
    /// Only models whose name has this.
    pub(super) only: Option<String>,
    /// Where the runs are kept: read if it is there, else written.
    pub(super) runs: Option<PathBuf>,
    /// Where perfagent and perfagent-bench are, if they need not be built.
    pub(super) programs: Option<PathBuf>,
    pub(super) write: bool,
}

impl Own {
    pub(super) fn run(&self) -> Result<()> {
        let programs = match &self.programs {
            Some(folder) => folder.clone(),
            None => cargo::with_libtorch()?.build_programs(false)?,
        };
        let folder = std::env::temp_dir().join(format!("perfagent-own-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be created", folder.display()))?;
        let answer = self.measure(&programs, &folder);
        let _ = fs::remove_dir_all(&folder);
        let page = answer?;
        print!("{page}");
        if self.write {
            let path = shell::workspace().join("agent/predictor/OWN.md");
            fs::write(&path, page)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }

    fn measure(&self, programs: &Path, folder: &Path) -> Result<String> {
        let file = self.ceilings.clone().unwrap_or_else(|| folder.join("ceilings.json"));
        if self.ceilings.is_none() {
            eprintln!("measuring this processor's ceilings");
            let mut command = alone(&programs.join("perfagent"));
            command.args(["ceilings", "--device", "cpu", "-o"]).arg(&file);
            shell::run(command.stdout(Stdio::null()))?;
        }
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        let named = |why: String| anyhow!("{}: {why}", file.display());
        let ceilings = Ceilings::parse(&text).map_err(named)?;
        let name = ceilings.name().to_owned();
        let predictor = Predictor::built_in().map_err(|why| anyhow!(why))?.with_ceilings(ceilings);
        let rows = rows(&predictor, self.measured(programs, folder)?)?;
        ensure!(!rows.is_empty(), "--only names none of the models");
        self.page(&rows, &name)
    }

    /// Rounds over all arrangements of a model, so that what else the machine does meets them alike.
    fn of_model(
        &self,
        programs: &Path,
        folder: &Path,
        (model, all): (&str, &[&str]),
    ) -> Result<Vec<Measured>> {
        let mut measured: Vec<Measured> = Vec::new();
        for round in 0..self.rounds {
            for (place, options) in all.iter().enumerate() {
                eprintln!("round {} of {}: {model} {options}", round + 1, self.rounds);
                // Of the first run of a configuration the length is not known: the prediction is not asked.
                let known = measured.get(place).and_then(|runs| runs.runs_s.first());
                let count = known.map_or(2.0 * LEAST_STEPS, |step| (SECONDS / step).min(60.0));
                let words = format!("{model} {options}");
                let result = train(programs, folder, &words, count.max(LEAST_STEPS) as u64)?;
                let (job, of) = read_result(&result).map_err(|why| anyhow!("{words}: {why}"))?;
                let (median_s, peak) = of
                    .step_s
                    .zip(of.peak_mem_bytes)
                    .with_context(|| format!("{words}: its result has no steps or no memory"))?;
                if round == 0 {
                    let (model, options) = (model.to_owned(), (*options).to_owned());
                    let (runs_s, peaks) = (Vec::new(), Vec::new());
                    measured.push(Measured { model, options, job, runs_s, peaks });
                }
                measured[place].runs_s.push(median_s);
                measured[place].peaks.push(peak);
            }
        }
        Ok(measured)
    }

    /// What was measured, this time or before.
    fn measured(&self, programs: &Path, folder: &Path) -> Result<Vec<Measured>> {
        if let Some(kept) = self.runs.as_ref().filter(|file| file.is_file()) {
            let text = fs::read_to_string(kept).context("--runs cannot be read")?;
            return serde_json::from_str(&text).context("--runs is no result of this program");
        }
        let chosen = MODELS
            .iter()
            .filter(|(model, _)| self.only.as_ref().is_none_or(|only| model.contains(only)));
        let mut measured = Vec::new();
        for (model, all) in chosen {
            measured.extend(self.of_model(programs, folder, (model, all))?);
        }
        if let Some(file) = &self.runs {
            fs::write(file, serde_json::to_string_pretty(&measured)? + "\n")
                .with_context(|| format!("{}: cannot be written", file.display()))?;
        }
        Ok(measured)
    }

    fn page(&self, rows: &[Row], name: &str) -> Result<String> {
        let mut page = String::new();
        let kind = if is_quiet() {
            "under `chrt --fifo 20`, as other jobs share the machine"
        } else {
            "without a real-time priority"
        };
        let date = shell::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        writeln!(page, "# Predictions of the project's own runs\n")?;
        writeln!(
            page,
            "Printed by `cargo xtask bench advisor --own`: {} configurations of `perfagent-bench` on {cores} cores of {name}, {}, {kind}.\n\
             {} runs of each, in turns, of some seconds; what is compared are the medians over runs of the median step (the first left out)\n\
             and of the peak that libtorch has given out. Predictions know the answer of `perfagent ceilings --device cpu` of the same machine\n\
             just before, and nothing of these runs; *re-fitted* ones know the first run of each model. *Runs* is how far the runs of one configuration lay\n\
             apart. Errors are predicted by measured minus one. No figure of the formulas is fitted to runs, but which of the machine's effects they\n\
             have, what a re-fit takes over and how wide intervals are was decided on runs of these configurations.\n",
            rows.len(),
            date.trim(),
            self.rounds,
        )?;
        table(&mut page, rows)?;
        if std::env::var_os("PERFAGENT_PARTS").is_some() {
            for row in rows {
                eprintln!("{}: {:?}", row.name, row.ahead.time_breakdown);
            }
        }
        Ok(page)
    }
}

/// Whether programs can be given a real-time priority: then other jobs of the machine wait for them.
fn is_quiet() -> bool {
    let test = Command::new("chrt").args(["--fifo", "20", "true"]).stderr(Stdio::null()).status();
    test.is_ok_and(|status| status.success())
}

/// A program, before everything else that the machine does where that can be had.
fn alone(program: &Path) -> Command {
    if !is_quiet() {
        return Command::new(program);
    }
    let mut command = Command::new("chrt");
    command.args(["--fifo", "20"]).arg(program);
    command
}

/// The result of one run.
fn train(programs: &Path, folder: &Path, words: &str, steps: u64) -> Result<Value> {
    let file = folder.join("result.json");
    let mut command = alone(&programs.join("perfagent-bench"));
    command
        .args(words.split_whitespace())
        .args(["--device", "cpu", "--quiet", "--peak-tflops", "1", "--steps", &steps.to_string()])
        .arg("--data")
        .arg(shell::workspace().join("agent"))
        .arg("--json")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    shell::run(&mut command)?;
    let text = fs::read_to_string(&file).context("the benchmark wrote no result")?;
    serde_json::from_str(&text).context("the benchmark's result")
}
