//! From files to runs: recordings, and what other tools have written.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use perfagent_history::results::{self, Directions, Format, Results};
use perfagent_history::{Fact, Measurement, Run};
use perfagent_recording::{Reader, Recording, Timestamp};
use perfagent_regress::compare::{Metric, Weight};

use super::Origin;
use crate::comparison;

/// How files are taken in.
pub(crate) struct Intake<'a> {
    /// What the user said of all of them.
    pub(crate) origin: &'a Origin,
    /// Which way metrics go.
    pub(crate) directions: &'a Directions,
    /// Facts that the user added.
    pub(crate) facts: &'a [Fact],
    /// When they were measured, if the user said.
    pub(crate) time: Option<Timestamp>,
    /// The present time.
    pub(crate) now: Timestamp,
}

/// The runs of one file.
pub(crate) struct Taken {
    /// In the order of the file.
    pub(crate) runs: Vec<Run>,
    /// What a reader of the figures should know.
    pub(crate) warnings: Vec<String>,
}

impl Intake<'_> {
    /// One run: a recording, or a file of another tool that holds no history.
    pub(crate) fn one(&self, path: &Path) -> anyhow::Result<Taken> {
        let name = path.display();
        let results = if is_sqlite(path) {
            of_recording(path)?
        } else {
            let (format, mut read) = results::read(path)?;
            ensure!(
                !format.is_history(),
                "{name}: is a whole history ({}); take it in with `perfagent history import`",
                format.name()
            );
            // Every other format has one.
            read.pop().unwrap_or_default()
        };
        let (commit, branch) = (self.origin.commit()?, self.origin.branch()?);
        self.taken(path, vec![(results, commit, branch)])
    }

    /// A whole history.
    pub(crate) fn history(&self, path: &Path) -> anyhow::Result<(Format, Taken)> {
        let (format, read) = results::read(path)?;
        ensure!(
            format.is_history(),
            "{}: is no history but one run ({}); take it in with `perfagent history add`",
            path.display(),
            format.name()
        );
        let known = |results: Results| -> anyhow::Result<_> {
            let commit = results.commit.clone().map_or_else(|| self.origin.commit(), Ok)?;
            let of_file = self.origin.branch.clone().or_else(|| results.branch.clone());
            let branch = of_file.map_or_else(|| self.origin.branch(), Ok)?;
            Ok((results, commit, branch))
        };
        let read = read.into_iter().map(known).collect::<anyhow::Result<Vec<_>>>()?;
        Ok((format, self.taken(path, read)?))
    }

    fn taken(&self, path: &Path, read: Vec<(Results, String, String)>) -> anyhow::Result<Taken> {
        let source = path.display().to_string();
        let mut taken = Taken { runs: Vec::with_capacity(read.len()), warnings: Vec::new() };
        for (mut results, commit, branch) in read {
            self.directions.apply(&mut results.measurements);
            let mut environment = results.environment;
            for fact in self.facts {
                environment.retain(|known| known.name != fact.name);
                environment.push(fact.clone());
            }
            let told = self.time.or(results.time);
            let of_file = |warning| format!("{source}: {warning}");
            taken.warnings.extend(results.warnings.into_iter().map(of_file));
            let run = Run {
                commit,
                branch,
                suite: self.origin.suite(results.suite),
                machine: self.origin.machine(results.machine),
                time: told.or(results.added).unwrap_or(self.now),
                time_is_told: told.is_some(),
                environment,
                source: results.source.unwrap_or_else(|| source.clone()),
                measurements: results.measurements,
            };
            // Named after the file at hand, whatever it was read from in the first place.
            Run { source: source.clone(), ..run.clone() }.check()?;
            taken.runs.push(run);
        }
        Ok(taken)
    }
}

fn is_sqlite(path: &Path) -> bool {
    use std::io::Read as _;
    let mut first = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == *b"SQLite format 3\0"
}

fn of_recording(path: &Path) -> anyhow::Result<Results> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let recording = Recording::load_on(&Reader::open(path)?, threads, &mut |_progress| {})?;
    let hosts: Vec<&str> = recording.hosts.iter().map(|host| host.name.as_str()).collect();
    let machine = (!hosts.is_empty()).then(|| hosts.join("+"));
    let time = recording.processes.iter().map(|process| process.start_ns).min();
    let run = comparison::Run::of(path.display().to_string(), &recording).alone();
    let fact = |fact: perfagent_regress::compare::Fact| Fact {
        name: fact.name.to_owned(),
        value: fact.value,
        decisive: fact.weight == Weight::Decisive,
    };
    Ok(Results {
        machine: machine.filter(|name| !name.trim().is_empty()),
        time,
        environment: run.environment.into_iter().map(fact).collect(),
        measurements: run.metrics.into_iter().map(measurement).collect(),
        warnings: run.warnings,
        ..Results::default()
    })
}

fn measurement(metric: Metric) -> Measurement {
    // The unit's own name, as comparisons write it.
    let unit = serde_json::to_value(metric.unit).unwrap_or_default();
    Measurement {
        name: metric.name,
        subject: metric.subject,
        unit: unit.as_str().unwrap_or_default().to_owned(),
        better: metric.better,
        family: metric.family,
        samples: metric.base.into_iter().flatten().collect(),
        bounds: None,
    }
}

/// A time given as seconds since 1970.
pub(crate) fn seconds(text: &str) -> Result<Timestamp, String> {
    let whole: i64 = text.parse().map_err(|_| {
        "give seconds since 1970 in UTC, as `git show -s --format=%ct` prints them".to_owned()
    })?;
    // What nanoseconds can hold.
    if whole.abs() > i64::MAX / 1_000_000_000 {
        return Err("is beyond the year 2262".to_owned());
    }
    Ok(Timestamp::from_unix_parts(whole, 0))
}

/// `NAME=VALUE`.
fn fact(text: &str) -> Result<Fact, String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE, such as driver=580.95")?;
    Ok(Fact { name: name.trim().to_owned(), value: Some(value.to_owned()), decisive: true })
}

/// What is said of files beside where they come from.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Said {
    /// Higher values of this metric (or of all metrics of this benchmark) are better; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) higher_is_better: Vec<String>,
    /// Lower values of this metric (or of all metrics of this benchmark) are better; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) lower_is_better: Vec<String>,
    /// A fact of the place: runs that differ in it are not compared; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = fact)]
    pub(crate) fact: Vec<Fact>,
    /// Take the place of all earlier runs of the same commit, branch, suite and machine
    #[arg(long)]
    pub(crate) replace: bool,
    /// How long to wait while others write, in seconds
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub(crate) wait: u32,
    /// Answer as JSON (perfagent.history-add/1)
    #[arg(long)]
    pub(crate) json: bool,
}

impl Said {
    pub(crate) fn directions(&self) -> Directions {
        Directions { lower: self.lower_is_better.clone(), higher: self.higher_is_better.clone() }
    }
}

/// The files of a command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Files {
    /// The history: one file; made where there is none
    #[arg(long, value_name = "HISTORY.db")]
    pub(crate) store: PathBuf,
}
