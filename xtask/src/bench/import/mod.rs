//! How fast traces become reports, and what memory that takes.

mod hta;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use self::process::{Measured, measure};
use super::figure::{self, Goal};
use crate::statistics::median;
use crate::{cargo, shell};

/// Traces with fewer events than this are over before anything can be measured.
const SMALLEST: u64 = 40_000;

/// Import and report, against Holistic Trace Analysis on the same traces; reports of large recordings and of many ranks
///
/// Everything is measured as a process of its own, the two sides of a comparison one after the other, round by round.
/// Holistic Trace Analysis is installed once into the cache, and its own start (importing pandas) is not counted.
#[derive(clap::Args)]
pub(crate) struct Import {
    /// Kineto traces, or folders of them, for the comparison; those under 40,000 events are left out
    #[arg(long, value_name = "FILE|DIR")]
    traces: Vec<PathBuf>,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Events of the large recording; 0 leaves it out
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
    /// Events a rank of the runs with 1 to 64 ranks; 0 leaves them out
    #[arg(long, default_value_t = 200_000)]
    events_a_rank: u64,
}

impl Import {
    /// Runs the measurements and prints them.
    pub(super) fn run(&self) -> Result<()> {
        shell::run(&mut cargo::plain([
            "build",
            "--release",
            "-p",
            "perfagent",
            "--bin",
            "perfagent",
        ]))?;
        let example =
            ["build", "--release", "-p", "perfagent-recording", "--example", "synthesise"];
        shell::run(&mut cargo::plain(example))?;
        let programs = cargo::programs(true)?;
        let folder = std::env::temp_dir().join(format!("perfagent-import-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{}: cannot be created", folder.display()))?;
        let measured = self.measure(&programs, &folder);
        let _ = fs::remove_dir_all(&folder);
        measured
    }

    fn measure(&self, programs: &Path, folder: &Path) -> Result<()> {
        if self.events > 0 {
            self.large(programs, folder)?;
        }
        if self.events_a_rank > 0 {
            self.ranks(programs, folder)?;
        }
        let traces = traces(&self.traces)?;
        if !traces.is_empty() {
            self.compare(programs, folder, &traces)?;
        }
        Ok(())
    }

    /// A report of one large recording.
    fn large(&self, programs: &Path, folder: &Path) -> Result<()> {
        synthesise(programs, folder, self.events, 1, "large.perfdb")?;
        let (mut seconds, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let run = measure(program(programs, folder).args(["report", "large.perfdb"]))?;
            seconds.push(run.seconds);
            bytes.push(run.peak_bytes / self.events as f64);
        }
        let what = format!("report of {} million events", self.events as f64 / 1e6);
        let is_full_size = self.events == 10_000_000;
        let goal = |most| if is_full_size { Goal::AtMost(most) } else { Goal::None };
        figure::print(&what, &seconds, "s", 2, &goal(4.0))?;
        figure::print("  memory of that", &bytes, "bytes an event", 1, &goal(60.0))
    }

    /// Reports of runs with more and more ranks, a file each.
    fn ranks(&self, programs: &Path, folder: &Path) -> Result<()> {
        for ranks in [1_u64, 4, 16, 64] {
            synthesise(
                programs,
                folder,
                self.events_a_rank,
                ranks,
                &format!("{ranks}-{{}}.perfdb"),
            )?;
            let names: Vec<_> = (0..ranks).map(|rank| format!("{ranks}-{rank}.perfdb")).collect();
            let (mut times, mut memory) = (Vec::new(), Vec::new());
            for _ in 0..self.rounds {
                let run = measure(program(programs, folder).arg("report").args(&names))?;
                times.push(run.seconds * 1e9 / (self.events_a_rank * ranks) as f64);
                memory.push(run.peak_bytes / 1e6);
            }
            figure::print(
                &format!("report of {ranks} ranks"),
                &times,
                "ns an event",
                1,
                &Goal::None,
            )?;
            figure::print("  memory of that", &memory, "MB", 1, &Goal::None)?;
            for name in names {
                fs::remove_file(folder.join(name))?;
            }
        }
        Ok(())
    }

    /// The same traces by both programs.
    fn compare(&self, programs: &Path, folder: &Path, traces: &[PathBuf]) -> Result<()> {
        let python = hta::require()?;
        for trace in traces {
            // Also the first, uncounted round, after which the files are in memory for both.
            let events = events(programs, folder, trace)?;
            if events < SMALLEST {
                continue;
            }
            let (mut ratios, mut memory) = (Vec::new(), Vec::new());
            let (mut own, mut by_file) = (Vec::new(), Vec::new());
            for round in 0..self.rounds {
                let ours = || report(programs, folder, trace);
                let theirs = || hta::analyse(&python, folder, trace);
                let (ours, theirs) = if round % 2 == 0 {
                    (ours()?, theirs()?)
                } else {
                    let theirs = theirs()?;
                    (ours()?, theirs)
                };
                ratios.push(theirs.seconds / ours.seconds);
                memory.push(theirs.peak_bytes / ours.peak_bytes);
                own.push(ours.seconds);
                by_file.push(theirs.seconds / import_and_report(programs, folder, trace)?);
            }
            let name = trace.file_name().unwrap_or_default().to_string_lossy();
            let seconds = median(&own).unwrap_or_default();
            println!("{name}: {events} events, report of the trace {seconds:.3} s");
            let times = "times ours";
            let (faster, smaller) = (Goal::AtLeast(10.0), Goal::AtLeast(3.0));
            figure::print("  HolisticTraceAnalysis: time", &ratios, times, 1, &faster)?;
            figure::print("  HolisticTraceAnalysis: memory", &memory, times, 1, &smaller)?;
            let what = "  time, with a recording written and read in between";
            figure::print(what, &by_file, times, 1, &Goal::None)?;
        }
        Ok(())
    }
}

/// Reports a trace as it is.
fn report(programs: &Path, folder: &Path, trace: &Path) -> Result<Measured> {
    measure(program(programs, folder).args(["report", "--json"]).arg(trace))
}

/// How many events a trace has.
fn events(programs: &Path, folder: &Path, trace: &Path) -> Result<u64> {
    let mut import = program(programs, folder);
    import.args(["import", "-f", "-o", "trace.perfdb", "--json"]).arg(trace);
    let output = measure(&mut import)?.output;
    let document: serde_json::Value =
        serde_json::from_str(&output).context("the answer of `perfagent import --json`")?;
    let files = document["files"].as_array().context("the answer of `perfagent import --json`")?;
    Ok(files.iter().filter_map(|file| file["events"].as_u64()).sum())
}

/// Seconds to make a recording of a trace and to report that.
fn import_and_report(programs: &Path, folder: &Path, trace: &Path) -> Result<f64> {
    let mut import = program(programs, folder);
    let import = measure(import.args(["import", "-f", "-o", "trace.perfdb"]).arg(trace))?;
    let report = measure(program(programs, folder).args(["report", "trace.perfdb", "--json"]))?;
    Ok(import.seconds + report.seconds)
}

fn program(programs: &Path, folder: &Path) -> Command {
    let mut command = Command::new(programs.join("perfagent"));
    command.current_dir(folder);
    command
}

fn synthesise(programs: &Path, folder: &Path, events: u64, ranks: u64, name: &str) -> Result<()> {
    let program = programs.join("examples/synthesise");
    let numbers = [events, ranks].map(|number| number.to_string());
    shell::run(Command::new(program).current_dir(folder).args(numbers).arg(name))
}

/// The files that are meant.
fn traces(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        let path = path.canonicalize().with_context(|| format!("{}: not found", path.display()))?;
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                let file = entry?.path();
                if file.is_file() {
                    files.push(file);
                }
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    ensure!(named.is_empty() || !files.is_empty(), "--traces: no files there");
    Ok(files)
}
