//! How near `perfagent tune` comes to the best of an exhaustive search, in a quarter of its runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::figure::{self, Goal};
use crate::statistics::{mean, median};
use crate::{cargo, shell};

/// The first value of each is where the search begins: a bad start.
const GRID: [(&str, &[&str]); 4] = [
    ("micro_batch", &["1", "2", "4", "8", "16", "32"]),
    ("threads", &["1", "2"]),
    ("precision", &["bf16", "fp32"]),
    ("recompute", &["full", "none"]),
];

/// How near `perfagent tune` comes to the best of an exhaustive search, in a quarter of its runs
///
/// Every configuration of a grid trains the model several times, round by round and each round in another order. Then the
/// search runs on its own, and what it finds is looked up in the grid. On a machine that does other things too, start it
/// in the real-time class (`chrt --fifo 20 cargo xtask bench tune`, after a build).
#[derive(clap::Args)]
pub(crate) struct Tune {
    /// Size of the model
    #[arg(long, default_value = "nano")]
    preset: String,
    /// Steps of a run
    #[arg(long, default_value_t = 8)]
    steps: u32,
    /// Runs of each configuration
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Searches, one after the other
    #[arg(long, default_value_t = 3)]
    searches: u64,
    /// The results of the grid, read where the file is there, else written
    #[arg(long, value_name = "GRID.json")]
    grid: Option<PathBuf>,
    /// What was measured of this processor, for searches that predict by it
    #[arg(long, value_name = "CEILINGS.json")]
    ceilings: Option<PathBuf>,
}

/// A value for each parameter, in the order of the grid.
type Cell = Vec<&'static str>;

impl Tune {
    /// Runs the measurement and prints it.
    pub(super) fn run(&self) -> Result<()> {
        ensure!(self.rounds > 0 && self.searches > 0, "--rounds and --searches must be at least 1");
        let programs = cargo::with_libtorch()?.build_programs(false)?;
        let folder = std::env::temp_dir().join(format!("perfagent-tune-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be created", folder.display()))?;
        let done = self.measure(&programs, &folder);
        let _ = fs::remove_dir_all(&folder);
        done
    }

    fn measure(&self, programs: &Path, folder: &Path) -> Result<()> {
        let cells = cells();
        let runs = self.grid_runs(&cells, programs, folder)?;
        let speed = |cell: &Cell| median(&runs[&name(cell)]).unwrap_or(0.0);
        let mut ranked: Vec<&Cell> = cells.iter().collect();
        ranked.sort_by(|a, b| speed(b).total_cmp(&speed(a)));
        let (best, start) = (ranked[0], &cells[0]);
        println!("place  tokens/s   spread  configuration ({})", names().join(", "));
        for (place, cell) in ranked.iter().enumerate() {
            let runs = &runs[&name(cell)];
            println!(
                "{:>5}  {:>8.0}  {:>5.1} %  {}",
                place + 1,
                speed(cell),
                100.0 * spread(runs),
                cell.join(", ")
            );
        }
        let spreads: Vec<f64> = runs.values().map(|runs| 100.0 * spread(runs)).collect();
        println!(
            "{} configurations, {} runs each, {} steps a run; runs of one differ by {:.1} % in the median",
            cells.len(),
            self.rounds,
            self.steps,
            median(&spreads).unwrap_or(0.0)
        );
        let budget = cells.len() / 4;
        let (mut shares, mut gains, mut trials, mut errors) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for seed in 1..=self.searches {
            let found = self.search(seed, budget, programs, folder)?;
            let cell = best_of(&found, &cells)?;
            println!("search {seed}: {}", path(&found));
            println!(
                "search {seed}: finds {} at {:.0} tokens/s; the best of the grid is {} at {:.0}",
                cell.join(", "),
                speed(cell),
                best.join(", "),
                speed(best)
            );
            shares.push(100.0 * speed(cell) / speed(best));
            gains.push(speed(cell) / speed(start));
            trials.push(found["trials"].as_array().map_or(0, Vec::len) as f64);
            errors.push(found["errors"]["ahead_pct"].as_f64().unwrap_or(f64::NAN));
            println!("search {seed}: errors {}", found["errors"]);
        }
        figure::print(
            "found by tune, of the best of the grid",
            &shares,
            "%",
            1,
            &Goal::AtLeast(95.0),
        )?;
        figure::print(
            "its runs, of those of an exhaustive search",
            &scaled(&trials, cells.len()),
            "%",
            1,
            &Goal::AtMost(25.0),
        )?;
        figure::print("found by tune, times the start", &gains, "×", 2, &Goal::None)?;
        figure::print("median error of a prediction one trial ahead", &errors, "%", 1, &Goal::None)
    }

    /// Tokens a second of all runs of each configuration.
    fn grid_runs(
        &self,
        cells: &[Cell],
        programs: &Path,
        folder: &Path,
    ) -> Result<BTreeMap<String, Vec<f64>>> {
        if let Some(kept) = self.grid.as_ref().filter(|file| file.is_file()) {
            let text = fs::read_to_string(kept).context("--grid cannot be read")?;
            return serde_json::from_str(&text).context("--grid is no result of this program");
        }
        let mut runs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for round in 0..self.rounds {
            for index in 0..cells.len() {
                // Another order each round: steps that share no factor with the number of cells, a power of two times three.
                let stride = [5, 7, 11, 13, 17, 19, 23, 25][round % 8];
                let cell = &cells[(index * stride + round) % cells.len()];
                let speed = self.train(cell, programs, folder)?;
                runs.entry(name(cell)).or_default().push(speed);
            }
            println!("round {} of {}: {} runs", round + 1, self.rounds, cells.len());
        }
        if let Some(file) = &self.grid {
            fs::write(file, serde_json::to_string_pretty(&runs)? + "\n")
                .with_context(|| format!("{}: cannot be written", file.display()))?;
        }
        Ok(runs)
    }

    /// The benchmark's words; the values of a cell or placeholders.
    fn words(&self, value: impl Fn(&str) -> String) -> Vec<String> {
        let mut words: Vec<String> =
            ["gpt", "--quiet", "--device", "cpu", "--peak-tflops", "1"].map(str::to_owned).to_vec();
        words.extend(["--preset".to_owned(), self.preset.clone()]);
        words.extend(["--steps".to_owned(), self.steps.to_string(), "--data".to_owned()]);
        words.push(shell::workspace().join("agent").display().to_string());
        for name in names() {
            words.extend([format!("--{}", name.replace('_', "-")), value(name)]);
        }
        words
    }

    fn train(&self, cell: &Cell, programs: &Path, folder: &Path) -> Result<f64> {
        let result = folder.join("result.json");
        let of =
            |name: &str| names().iter().position(|known| *known == name).map_or("", |at| cell[at]);
        let mut command = Command::new(programs.join("perfagent-bench"));
        command.args(self.words(|name| of(name).to_owned())).arg("--json").arg(&result);
        shell::run(command.stdin(Stdio::null()).stdout(Stdio::null()))?;
        let text = fs::read_to_string(&result).context("the benchmark wrote no result")?;
        let document: Value = serde_json::from_str(&text).context("the benchmark's result")?;
        document["tokens_per_s"].as_f64().context("the benchmark's result has no tokens_per_s")
    }

    /// A search of its own; its document.
    fn search(&self, seed: u64, budget: usize, programs: &Path, folder: &Path) -> Result<Value> {
        let mut command = Command::new(programs.join("perfagent"));
        command.args(["tune", "--json", "--quiet", "--budget", &budget.to_string()]);
        command
            .args(["--seed", &seed.to_string(), "--dir"])
            .arg(folder.join(format!("search-{seed}")));
        if let Some(ceilings) = &self.ceilings {
            command.arg("--ceilings").arg(ceilings);
        }
        for (name, values) in GRID {
            command.arg("--vary").arg(format!("{name}={}", values.join(",")));
        }
        command.arg("--").arg(programs.join("perfagent-bench"));
        command.args(self.words(|name| format!("{{{name}}}")));
        serde_json::from_str(&shell::read(&mut command)?).context("the answer of perfagent tune")
    }
}

fn names() -> Vec<&'static str> {
    GRID.map(|(name, _)| name).to_vec()
}

fn name(cell: &Cell) -> String {
    cell.join(", ")
}

/// All cells; the last parameter varies fastest.
fn cells() -> Vec<Cell> {
    let mut cells: Vec<Cell> = vec![Vec::new()];
    for (_, values) in GRID {
        let longer = |cell: &Cell| {
            let with = |value: &&'static str| cell.iter().copied().chain([*value]).collect();
            values.iter().map(with).collect::<Vec<Cell>>()
        };
        cells = cells.iter().flat_map(longer).collect();
    }
    cells
}

/// The cell that a search calls the best.
fn best_of<'a>(found: &Value, cells: &'a [Cell]) -> Result<&'a Cell> {
    let candidate = &found["best"]["candidate"];
    let is_it =
        |cell: &&Cell| names().iter().zip(*cell).all(|(name, value)| candidate[*name] == **value);
    cells
        .iter()
        .find(is_it)
        .with_context(|| format!("the search found nothing of the grid: {candidate}"))
}

/// The trials of a search, in their order: what was measured.
fn path(found: &Value) -> String {
    let trials = found["trials"].as_array().into_iter().flatten();
    let shown = trials.map(|trial| {
        trial["value"].as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
    });
    shown.collect::<Vec<_>>().join(" → ")
}

/// Greatest less least, of the mean.
fn spread(runs: &[f64]) -> f64 {
    let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = runs.iter().copied().fold(0.0, f64::max);
    mean(runs).map_or(0.0, |mean| (greatest - least) / mean)
}

fn scaled(counts: &[f64], all: usize) -> Vec<f64> {
    counts.iter().map(|count| 100.0 * count / all as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::{cells, name};

    #[test]
    fn every_order_visits_every_cell() {
        let cells = cells();
        assert_eq!((cells.len(), name(&cells[0])), (48, "1, 1, bf16, full".to_owned()));
        for stride in [5, 7, 11, 13, 17, 19, 23, 25] {
            let mut seen: Vec<usize> = (0..48).map(|index| (index * stride + 1) % 48).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..48).collect::<Vec<_>>(), "{stride}");
        }
    }
}
