//! A place where the recorder records a steady load on the stand-in for a GPU: everything optimised, no libtorch.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cargo, shell};

/// Programs, and a folder that is gone afterwards.
pub(crate) struct Stage {
    programs: PathBuf,
    folder: PathBuf,
}

/// What the target does, see `agent/inject/examples/target/load.rs`.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Records a second.
    pub(crate) rate: u64,
    pub(crate) seconds: f64,
    pub(crate) mix: &'static str,
}

/// A recording of a load that has come to its end.
pub(crate) struct Recorded {
    pub(crate) file: PathBuf,
    /// What the target says of itself.
    pub(crate) target: Target,
    /// Processor time of the recorder.
    pub(crate) recorder_ns: f64,
}

impl Recorded {
    /// Processor time of the library's threads, ns a record.
    pub(crate) fn library_ns(&self) -> Result<f64> {
        let spent = self.target.number("writer_ns")? + self.target.number("flush_ns")?;
        Ok(spent / self.target.number("records")?)
    }
}

/// What the target says of itself.
pub(crate) struct Target(Value);

impl Target {
    /// One of its numbers.
    pub(crate) fn number(&self, name: &str) -> Result<f64> {
        self.0[name].as_f64().with_context(|| format!("the target tells no {name}"))
    }
}

impl Stage {
    /// Builds the programs and makes the folder, in `place` or where temporary files go.
    pub(crate) fn new(name: &str, place: Option<&Path>) -> Result<Self> {
        Self::with(cargo::build_agent()?, name, place)
    }

    /// The same with programs that are built.
    pub(crate) fn with(programs: PathBuf, name: &str, place: Option<&Path>) -> Result<Self> {
        let place = place.map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = place.join(format!("perfagent-{name}-{}", std::process::id()));
        let libraries = folder.join("libraries");
        fs::create_dir_all(&libraries)
            .with_context(|| format!("{}: cannot be created", libraries.display()))?;
        for library in ["libcuda.so.1", "libcupti.so.13"] {
            symlink(programs.join("libperfagent_fake_gpu.so"), libraries.join(library))
                .with_context(|| format!("{}: cannot be linked", libraries.display()))?;
        }
        Ok(Self { programs, folder })
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `perfagent`.
    pub(crate) fn perfagent(&self) -> Command {
        Command::new(self.programs.join("perfagent"))
    }

    /// Where the target writes its progress.
    pub(crate) fn progress(&self) -> PathBuf {
        self.path("progress")
    }

    /// The target with this load on its own, or under the recorder. On a larger machine both share two processors.
    pub(crate) fn command(&self, load: Load, recording: Option<&Path>) -> Command {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "0,1"]);
        if let Some(recording) = recording {
            command
                .arg(self.programs.join("perfagent"))
                .args(["record", "--force", "-o"])
                .arg(recording)
                .arg("--");
        }
        command
            .arg(self.programs.join("examples/target"))
            .args(["load", &load.rate.to_string(), &load.seconds.to_string(), load.mix])
            .arg(self.progress())
            .env("LD_LIBRARY_PATH", self.path("libraries"))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs the load to its end, not recorded.
    pub(crate) fn plain(&self, load: Load) -> Result<Target> {
        self.run_target(&mut self.command(load, None))
    }

    /// Records the load from beginning to end.
    pub(crate) fn record(&self, load: Load) -> Result<Recorded> {
        let file = self.path("run.perfdb");
        let mut command = self.command(load, Some(&file));
        let target = self.run_target(command.stderr(Stdio::null()))?;
        let sql = "SELECT value FROM meta WHERE key = 'recorder_cpu_ns'";
        let recorder_ns = self.query(&file, sql)?[0]["value"]
            .as_str()
            .and_then(|value| value.parse().ok())
            .context("the recording does not tell the recorder's processor time")?;
        Ok(Recorded { file, target, recorder_ns })
    }

    fn run_target(&self, command: &mut Command) -> Result<Target> {
        let text = shell::spelled(command);
        let status = command.status().with_context(|| format!("`{text}` could not be started"))?;
        // The target's own code when all went well.
        if status.code() != Some(42) {
            bail!("`{text}` ended with {status}");
        }
        let told = fs::read_to_string(self.path("progress.json"))
            .context("the target did not tell what it used")?;
        Ok(Target(serde_json::from_str(&told).context("what the target tells")?))
    }

    /// The rows that a query gives.
    pub(crate) fn query(&self, recording: &Path, sql: &str) -> Result<Vec<Value>> {
        let mut command = self.perfagent();
        let text = shell::read(command.arg("sql").arg(recording).args([sql, "--format", "json"]))?;
        let document: Value = serde_json::from_str(&text).context("the answer of a query")?;
        document["rows"].as_array().cloned().context("the answer of a query has no rows")
    }

    /// A number that a query gives as `n`; 0 for none.
    pub(crate) fn count(&self, recording: &Path, sql: &str) -> Result<u64> {
        let rows = self.query(recording, sql)?;
        Ok(rows.first().and_then(|row| row["n"].as_u64()).unwrap_or(0))
    }

    /// Losses by cause, as text; their number of records, too.
    pub(crate) fn losses(&self, recording: &Path) -> Result<(u64, String)> {
        let sql = "SELECT cause, sum(count) AS n FROM losses GROUP BY cause ORDER BY cause";
        let rows = self.query(recording, sql)?;
        let of = |row: &Value| row["n"].as_u64().unwrap_or(0);
        let words: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {}", of(row), row["cause"].as_str().unwrap_or_default()))
            .collect();
        let text = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
        Ok((rows.iter().map(of).sum(), text))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The machine, in general words.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{model}, {count} logical processors, load {load} when it began")
}
