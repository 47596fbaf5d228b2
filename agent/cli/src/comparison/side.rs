//! The two sides of a comparison as the user names them: recordings, traces, results of benchmarks, folders of these.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use perfagent_analysis::repeated;
use serde_json::Value;

use super::part::Part;
use super::result::is_result;
use super::run::Run;
use crate::input::Input;
use crate::suite::{CaseResult, Status};

/// The file of results in a suite's folder.
const RESULTS: &str = "results.jsonl";
/// A result names itself within so many bytes.
const HEAD: u64 = 1 << 16;

/// What one name stands for, before all of it is read.
#[derive(Debug)]
pub(crate) enum Source {
    /// A recording, or traces of other tools.
    Single(Input),
    /// A folder whose recordings are one run: one a node, or one a rank.
    Folder(PathBuf, Vec<Input>),
    /// What `perfagent-bench --json` has written.
    Result(PathBuf),
    /// What `perfagent bench run -o` has written, or its `results.jsonl`.
    Suite(PathBuf, Vec<CaseResult>),
}

/// The runs of a side, and what is to be told of those that are none.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) runs: Vec<Run>,
    pub(crate) notes: Vec<String>,
}

/// Looks at each without reading all of it, so that a wrong name in a long list is told at once.
pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    paths.iter().map(|path| Source::open(path)).collect()
}

/// Reads them, one recording in memory at a time.
pub(crate) fn read(sources: &[Source]) -> anyhow::Result<Side> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut side = Side::default();
    for source in sources {
        source.read(threads, &mut side)?;
    }
    Ok(side)
}

impl Source {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            return Self::open_folder(path);
        }
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            return Ok(Self::Suite(path.to_owned(), results(path)?));
        }
        let mut head = Vec::new();
        // What cannot be read is told by who reads all of it.
        let _ = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        if is_result(&String::from_utf8_lossy(&head)) {
            return Ok(Self::Result(path.to_owned()));
        }
        Ok(Self::Single(Input::open(path)?))
    }

    fn open_folder(path: &Path) -> anyhow::Result<Self> {
        let file = path.join(RESULTS);
        if file.is_file() {
            return Ok(Self::Suite(file.clone(), results(&file)?));
        }
        let unreadable = || format!("{}: cannot be read; name its files instead", path.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(path).with_context(unreadable)? {
            let file = entry.with_context(unreadable)?.path();
            if file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        let is_recording =
            |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "perfdb");
        let recordings: Vec<PathBuf> = files.iter().filter(is_recording).cloned().collect();
        if !recordings.is_empty() {
            let inputs = recordings.iter().map(|file| Input::open(file));
            return Ok(Self::Folder(path.to_owned(), inputs.collect::<Result<_, _>>()?));
        }
        files.retain(|file| perfagent_import::recognise(file).is_ok());
        ensure!(
            !files.is_empty(),
            "{}: is a directory without recordings and without {RESULTS}; name recordings, or a folder that holds those of one run",
            path.display()
        );
        Ok(Self::Folder(path.to_owned(), vec![Input::Traces(files)]))
    }

    fn read(&self, threads: usize, side: &mut Side) -> anyhow::Result<()> {
        match self {
            Self::Single(input) => {
                side.runs.push(Run::of(input.name(), &input.load(threads)?));
            }
            Self::Folder(path, inputs) => side.runs.push(folder(path, inputs, threads)?),
            Self::Result(path) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("{}: cannot be read", path.display()))?;
                let result: Value = serde_json::from_str(&text).map_err(|error| {
                    anyhow!(
                        "{}: line {}: is no whole result: {error}; run the benchmark again with --json",
                        path.display(),
                        error.line()
                    )
                })?;
                side.runs.push(Run::of_result(path.display().to_string(), &result)?);
            }
            Self::Suite(path, cases) => suite(path, cases, threads, side)?,
        }
        Ok(())
    }
}

/// One run of the recordings of a folder.
fn folder(path: &Path, inputs: &[Input], threads: usize) -> anyhow::Result<Run> {
    let parts = inputs.iter().map(|input| Ok(Part::of(&input.name(), &input.load(threads)?)));
    let parts: Vec<Part> = parts.collect::<anyhow::Result<_>>()?;
    let summaries: Vec<_> = parts.iter().map(|part| part.figures.summary.clone()).collect();
    if let Some((first, second)) = repeated(&summaries) {
        let (first, second) = (summaries[first].path(), summaries[second].path());
        bail!(
            "{second}: is the same recording as {first}; leave one of each recording in the folder"
        );
    }
    let (run, report) = Run::of_parts(path.display().to_string(), parts);
    let mut ranks: BTreeMap<i64, &str> = BTreeMap::new();
    for rank in &report.ranks {
        let Some(number) = rank.rank else { continue };
        if let Some(other) = ranks.insert(number, &rank.recording_path) {
            bail!(
                "{}: {other} and {} both hold rank {number}, but the recordings of a folder are one run; name the files of several runs themselves",
                path.display(),
                rank.recording_path
            );
        }
    }
    Ok(run)
}

/// The cases of a suite, each with its recording where that is there.
fn suite(path: &Path, cases: &[CaseResult], threads: usize, side: &mut Side) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    for case in cases {
        let name = format!("{}: {}", path.display(), case.case);
        if case.status != Status::Ok {
            let why = case.reason.as_deref().unwrap_or("no reason was told");
            side.notes.push(format!("{name}: {}, is not compared: {why}", case.status.name()));
            continue;
        }
        // Only names that the suite gave itself: a file in the folder, not somewhere else.
        let recording = case
            .recording
            .as_ref()
            .map(Path::new)
            .filter(|recording| recording.file_name() == Some(recording.as_os_str()));
        let recording = recording.map(|recording| folder.join(recording));
        let mut run = if let Some(recording) = recording.filter(|file| file.is_file()) {
            let input = Input::open(&recording)?;
            Run::of(input.name(), &input.load(threads)?)
        } else if let Some(result) = &case.result {
            Run::of_result(name, result)?
        } else {
            side.notes
                .push(format!("{name}: has neither a recording nor a result, and is not compared"));
            continue;
        };
        run.complete(case);
        side.runs.push(run);
    }
    Ok(())
}

/// The lines of a suite's results; of a case that was run again the last one counts. A last line that was cut off by a crash is
/// left out.
fn results(path: &Path) -> anyhow::Result<Vec<CaseResult>> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("{}: cannot be read; name the folder of a suite's results", path.display())
    })?;
    let mut cases: Vec<CaseResult> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let case = match serde_json::from_str::<CaseResult>(line) {
            Ok(case) => case,
            Err(error) if error.is_eof() && !text.ends_with('\n') => break,
            Err(error) => bail!(
                "{}: line {}: is no result of a case: {error}; name what `perfagent bench run -o` has written",
                path.display(),
                number + 1
            ),
        };
        match cases.iter_mut().find(|known| known.case == case.case) {
            Some(known) => *known = case,
            None => cases.push(case),
        }
    }
    ensure!(
        !cases.is_empty(),
        "{}: holds no results; run the suite with `perfagent bench run`",
        path.display()
    );
    Ok(cases)
}
