//! Results that other tools, and perfagent's own benchmark, have written. The format is told by the
//! content.

mod bench;
mod bmf;
mod criterion;
mod custom;
mod hyperfine;
mod json;
mod own;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use perfagent_recording::Timestamp;
use perfagent_regress::compare::Better;
use serde_json::Value;

use crate::run::{Fact, Measurement};

pub use own::{SCHEMA as HISTORY_SCHEMA, document as own_document};

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `perfagent-bench --json FILE`.
    Bench,
    /// `results.jsonl` of `perfagent bench run SUITE`.
    Suite,
    /// Bencher Metric Format.
    Bmf,
    /// The array that github-action-benchmark takes in (`customSmallerIsBetter`, `customBiggerIsBetter`).
    Custom,
    /// `data.js` of github-action-benchmark: a whole history.
    CustomHistory,
    /// The folder `target/criterion`.
    Criterion,
    /// `cargo criterion --message-format=json`.
    CargoCriterion,
    /// `hyperfine --export-json FILE`.
    Hyperfine,
    /// `perfagent history export --format json`: a whole history.
    History,
}

impl Format {
    /// Its name for a person.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bench => "perfagent-bench",
            Self::Suite => "perfagent bench run",
            Self::Bmf => "Bencher Metric Format",
            Self::Custom => "github-action-benchmark",
            Self::CustomHistory => "github-action-benchmark's history",
            Self::Criterion => "criterion",
            Self::CargoCriterion => "cargo-criterion",
            Self::Hyperfine => "hyperfine",
            Self::History => "perfagent's history",
        }
    }

    /// Whether it holds runs of many commits.
    #[must_use]
    pub const fn is_history(self) -> bool {
        matches!(self, Self::CustomHistory | Self::History)
    }
}

/// One run as a file has it. What is `None` it does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// The commit that was measured.
    pub commit: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// The benchmarks that were run.
    pub suite: Option<String>,
    /// Where.
    pub machine: Option<String>,
    /// When.
    pub time: Option<Timestamp>,
    /// Where that is unknown, when it was added to the history that it comes from.
    pub added: Option<Timestamp>,
    /// Where a history had it from.
    pub source: Option<String>,
    /// What the place is like.
    pub environment: Vec<Fact>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// What a reader of the figures should know.
    pub warnings: Vec<String>,
}

/// Which way metrics go, where the user says so: names of metrics or of what they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    /// Of these lower values are better.
    pub lower: Vec<String>,
    /// Of these higher ones are.
    pub higher: Vec<String>,
}

impl Directions {
    /// Turns the metrics that the user named.
    pub fn apply(&self, measurements: &mut [Measurement]) {
        for measured in measurements {
            let named = |names: &[String]| {
                names
                    .iter()
                    .any(|name| *name == measured.name || Some(name) == measured.subject.as_ref())
            };
            if named(&self.lower) {
                measured.better = Better::Lower;
            } else if named(&self.higher) {
                measured.better = Better::Higher;
            }
        }
    }
}

/// Why a file holds no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// It could not be read.
    #[error("{}: cannot be read: {source}; check the path", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Nothing that is known here.
    #[error("{}: {problem}; give a recording, a result of perfagent-bench, Bencher Metric Format, github-action-benchmark's JSON, criterion's folder or hyperfine's JSON", path.display())]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something known, with a mistake in it.
    #[error("{}: as {format}: {problem}; repair it or write it again", path.display())]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// What it was taken for.
        format: &'static str,
        /// The place and what is wrong there.
        problem: String,
    },
}

/// Reads a file or folder: its format and its runs, in their order.
pub fn read(path: &Path) -> Result<(Format, Vec<Results>), ResultsError> {
    let io = |source| ResultsError::Io { path: path.to_owned(), source };
    let about = fs::metadata(path).map_err(io)?;
    if about.is_dir() {
        let suite = path.join("results.jsonl");
        if suite.is_file() {
            return read(&suite);
        }
        let malformed = |problem| malformed(path, Format::Criterion, problem);
        return match criterion::folder(path).map_err(malformed)? {
            Some(results) => Ok((Format::Criterion, vec![results])),
            None => Err(ResultsError::Unknown {
                path: path.to_owned(),
                problem: "is a folder with neither results.jsonl nor new/estimates.json below it"
                    .to_owned(),
            }),
        };
    }
    of_bytes(path, fs::read(path).map_err(io)?)
}

/// The same for the bytes of a file; `path` is its name for messages.
pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<(Format, Vec<Results>), ResultsError> {
    let unknown = |problem: String| ResultsError::Unknown { path: path.to_owned(), problem };
    let text = String::from_utf8(bytes).map_err(|error| {
        unknown(format!("byte {} is not text", error.utf8_error().valid_up_to()))
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(unknown("is empty".to_owned()));
    }
    let (text, is_script) = custom::without_assignment(text);
    let document = match serde_json::from_str::<Value>(text) {
        Ok(document) => document,
        Err(error) => {
            if let Some((format, read)) = text::lines(text) {
                return Ok((
                    format,
                    vec![read.map_err(|problem| malformed(path, format, problem))?],
                ));
            }
            return Err(unknown(format!("is not JSON: {error}")));
        }
    };
    let (format, read) = match recognise(&document) {
        Some(Format::History) => (Format::History, own::read(text)),
        Some(format) => (format, of_document(format, &document)),
        None if is_script => {
            return Err(unknown("has no object \"entries\"".to_owned()));
        }
        // A single line.
        None => match text::lines(text) {
            Some((format, read)) => (format, read.map(|results| vec![results])),
            None => return Err(unknown(json::description(&document))),
        },
    };
    Ok((format, read.map_err(|problem| malformed(path, format, problem))?))
}

fn malformed(path: &Path, format: Format, problem: String) -> ResultsError {
    ResultsError::Malformed { path: path.to_owned(), format: format.name(), problem }
}

fn recognise(document: &Value) -> Option<Format> {
    match document.get("schema").and_then(Value::as_str) {
        Some(bench::TRAINING | bench::SERVING) => return Some(Format::Bench),
        Some(own::SCHEMA) => return Some(Format::History),
        Some(schema) if schema.starts_with("perfagent.") => return None,
        _ => {}
    }
    match document {
        Value::Array(rows) => {
            let is_row = |row: &Value| row.get("name").is_some() && row.get("value").is_some();
            rows.first().is_some_and(is_row).then_some(Format::Custom)
        }
        Value::Object(fields) => {
            let results = fields.get("results").and_then(Value::as_array);
            let is_command = |row: &Value| row.get("command").is_some();
            if fields.get("entries").is_some_and(Value::is_object) {
                Some(Format::CustomHistory)
            } else if results.and_then(|rows| rows.first()).is_some_and(is_command) {
                Some(Format::Hyperfine)
            } else {
                bmf::looks_like(fields).then_some(Format::Bmf)
            }
        }
        _ => None,
    }
}

fn of_document(format: Format, document: &Value) -> Result<Vec<Results>, String> {
    let one = |results: Result<Results, String>| results.map(|results| vec![results]);
    match format {
        Format::Bench => one(bench::read(document, None)),
        Format::Bmf => one(bmf::read(document)),
        Format::Custom => one(custom::read(document)),
        Format::CustomHistory => custom::history(document),
        Format::Hyperfine => one(hyperfine::read(document)),
        // These are read from their text.
        Format::History | Format::Suite | Format::Criterion | Format::CargoCriterion => {
            Ok(Vec::new())
        }
    }
}

/// Whether values of this unit are rates: `ops/s`, `iter/sec`, `GB/s`, `tokens per second`.
fn is_rate(unit: &str) -> bool {
    let unit = unit.to_ascii_lowercase();
    ["/s", "/sec", "/second", "_per_s", "per second", "ps/s"].iter().any(|end| unit.ends_with(end))
        || ["flops", "tflops", "gflops", "gbps", "mbps", "fps", "qps", "rps"]
            .contains(&unit.as_str())
}

fn better(higher: bool) -> Better {
    if higher { Better::Higher } else { Better::Lower }
}
