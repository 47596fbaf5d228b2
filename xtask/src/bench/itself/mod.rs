//! What the project's own programs cost, kept as a history and judged against it by the tool itself.

mod cost;
mod input;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cost::Costs;
use serde_json::{Value, json};

use crate::{cargo, shell};

/// The runs that are kept.
const KEPT: &str = "data/history/itself.json";
/// Older runs of a machine than this are not needed to know what is usual.
const MOST: usize = 40;

/// What the project's own programs cost, held against the runs that are kept in data/history
///
/// Processor time of reading, importing, predicting and recording, and the time of a frame, as the programs of an ordinary
/// build have them. Runs of another kind of machine are not compared.
#[derive(clap::Args)]
pub(crate) struct Itself {
    /// Times that each figure is measured in a run
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Keep this run in data/history
    #[arg(long)]
    write: bool,
    /// Runs that are measured, one after the other
    #[arg(long, default_value_t = 1)]
    runs: u32,
}

impl Itself {
    /// Short: for every change, with nothing kept.
    pub(crate) const fn short() -> Self {
        Self { rounds: 3, write: false, runs: 1 }
    }

    /// Measures with the programs of an ordinary build.
    pub(super) fn run(&self) -> Result<()> {
        self.with(&cargo::with_libtorch()?.build_programs(false)?)
    }

    /// Measures with these programs, and prints what the history says of it. A regression is told, and is no failure: machines
    /// that others use too cannot decide about a change.
    pub(crate) fn with(&self, programs: &Path) -> Result<()> {
        ensure!(self.rounds > 0 && self.runs > 0, "--rounds and --runs must be at least 1");
        let folder = std::env::temp_dir().join(format!("perfagent-itself-{}", std::process::id()));
        (0..self.runs).try_for_each(|_| {
            fs::create_dir_all(&folder)
                .with_context(|| format!("{}: cannot be created", folder.display()))?;
            let done = self.once(programs, &folder);
            let _ = fs::remove_dir_all(&folder);
            done
        })
    }

    fn once(&self, programs: &Path, folder: &Path) -> Result<()> {
        let costs = Costs::measure(programs, folder, self.rounds)?;
        let run = document(&costs)?;
        let kept = shell::workspace().join(KEPT);
        let store = folder.join("history.db");
        let _ = fs::remove_file(&store);
        if kept.is_file() {
            import(programs, &store, &kept)?;
        }
        let newest = folder.join("run.json");
        fs::write(&newest, run.to_string())
            .with_context(|| format!("{}: cannot be written", newest.display()))?;
        import(programs, &store, &newest)?;
        let mut check = Command::new(programs.join("perfagent"));
        check
            .args(["history", "check", "--newest", "1", "--threshold", "5", "--store"])
            .arg(&store);
        let status = check.status().context("perfagent history check")?;
        // 1: something became worse, 4: no run of such a machine is kept. Both are answers.
        ensure!(
            matches!(status.code(), Some(0 | 1 | 4)),
            "`{}` failed ({status})",
            shell::spelled(&check)
        );
        if self.write { keep(&kept, &run) } else { Ok(()) }
    }
}

fn import(programs: &Path, store: &Path, file: &Path) -> Result<()> {
    let mut import = Command::new(programs.join("perfagent"));
    import.args(["history", "import", "--json", "--store"]).arg(store).arg(file);
    shell::read(&mut import).map(|_| ())
}

/// Adds a run to the kept ones; of each machine the newest ones stay.
fn keep(path: &Path, run: &Value) -> Result<()> {
    let mut all = match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{}: is no history", path.display()))?,
        Err(_) => json!({ "schema": run["schema"], "runs": [] }),
    };
    let runs = all["runs"].as_array_mut().context("the kept history has no runs")?;
    let machine = run["runs"][0]["machine"].clone();
    runs.extend(run["runs"].as_array().into_iter().flatten().cloned());
    let mut of_machine = runs.iter().filter(|kept| kept["machine"] == machine).count();
    runs.retain(|kept| {
        let is_old = kept["machine"] == machine && of_machine > MOST;
        of_machine -= usize::from(is_old);
        !is_old
    });
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A run a line, so that a difference of two versions is read easily.
    let lines: Vec<String> = runs.iter().map(Value::to_string).collect();
    let text = format!("{{\"schema\":{},\"runs\":[\n{}\n]}}\n", all["schema"], lines.join(",\n"));
    fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

/// One run, as `perfagent history import` takes it.
fn document(costs: &Costs) -> Result<Value> {
    let git = |arguments: &[&str]| {
        shell::read(Command::new("git").current_dir(shell::workspace()).args(arguments))
    };
    let head = git(&["rev-parse", "HEAD"])?;
    // What is kept of costs is no part of the program.
    let status = git(&["status", "--porcelain", "--", ".", ":!data/history"])?;
    let changed = if status.trim().is_empty() { "" } else { "-changed" };
    let time: i64 =
        shell::read(Command::new("date").arg("+%s%N"))?.trim().parse().context("date")?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = processor();
    let measurements: Vec<Value> = costs
        .figures()
        .map(|(name, unit, samples)| {
            json!({
                "name": name, "subject": null, "unit": unit, "better": "lower", "family": "headline",
                "samples": samples, "bounds": null,
            })
        })
        .collect();
    Ok(json!({
        "schema": "perfagent.history/1",
        "runs": [{
            "commit": format!("{}{changed}", head.trim()),
            "branch": "main",
            "suite": "perfagent itself",
            "machine": format!("{cores} × {processor}"),
            "time_ns": time,
            "time_is_told": true,
            "environment": [{ "name": "cpu", "value": processor, "decisive": true }],
            "source": "cargo xtask bench itself",
            "measurements": measurements,
        }],
    }))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}
