//! Recordings summarised one by one, several at once: memory is that of the recordings in work, not of all.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, bail, ensure};
use perfagent_analysis::{Report, Rules, Summary, merge, repeated};

use crate::input::Input;

/// What a report is made of.
enum Source {
    Input(Input),
    /// A summary that was stored (`report --summary`), of one or several recordings.
    Stored(Vec<Summary>),
}

/// The summaries of these files, in their order. All are opened before the first is read, so that a wrong name in a long list
/// is told at once.
pub(crate) fn of_files(paths: &[PathBuf]) -> anyhow::Result<Vec<Summary>> {
    // They are prepared beside the reading; without a thread, behind it.
    let _ = thread::Builder::new().spawn(Rules::built_in);
    summarised(paths, &Rules::built_in)
}

/// [`of_files`] with the rules of a file of the user's. What was summarised before was so by other rules.
pub(crate) fn by_rules(paths: &[PathBuf], rules: &Rules) -> anyhow::Result<Vec<Summary>> {
    for path in paths {
        ensure!(
            !is_stored(path),
            "{}: is a summary, in which the kernels have their categories; give the recordings themselves with --rule-file",
            path.display()
        );
    }
    summarised(paths, &|| rules)
}

/// The rules are asked for when the first file has been read.
fn summarised<'a>(
    paths: &[PathBuf],
    rules: &(dyn Fn() -> &'a Rules + Sync),
) -> anyhow::Result<Vec<Summary>> {
    let sources = open_all(paths)?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(sources.len()).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            let position = done.len();
            done.push((source, summarise(source, processors.div_ceil(workers), rules)));
            if done[position].1.is_err() {
                // Nobody begins another one.
                next.store(sources.len(), Ordering::Relaxed);
            }
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for worker in workers {
            match worker.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    // In the order in which they were named; so of several errors the first file's is told.
    done.sort_by_key(|(source, _)| sources.iter().position(|known| std::ptr::eq(known, *source)));
    let mut all = Vec::with_capacity(sources.len());
    for (_, summaries) in done {
        all.extend(summaries?);
    }
    Ok(all)
}

/// One report of them all.
pub(crate) fn report(summaries: Vec<Summary>) -> anyhow::Result<Report> {
    if let Some((first, second)) = repeated(&summaries) {
        let (first, second) = (summaries[first].path(), summaries[second].path());
        bail!("{second}: is the same recording as {first}; name each recording of the run once");
    }
    Ok(merge(summaries))
}

/// Reads summaries that were stored in the file at `path`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Summary>> {
    let remedy = "make it again with `perfagent report --summary`";
    let file = File::open(path)
        .with_context(|| format!("{}: cannot be read; {remedy}", path.display()))?;
    let summaries: Vec<Summary> = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| anyhow::anyhow!("{}: is no summary: {error}; {remedy}", path.display()))?;
    ensure!(
        summaries.iter().all(Summary::is_of_this_version),
        "{}: is a summary of another version of perfagent; {remedy}",
        path.display()
    );
    Ok(summaries)
}

/// All traces of other tools are one source, in the place of the first of them.
fn open_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if is_stored(path) {
            sources.push(Source::Stored(read(path)?));
            continue;
        }
        let input = Input::open(path)?;
        let traces = sources.iter_mut().find_map(|source| match source {
            Source::Input(Input::Traces(traces)) => Some(traces),
            _ => None,
        });
        match (input, traces) {
            (Input::Traces(more), Some(traces)) => traces.extend(more),
            (input, _) => sources.push(Source::Input(input)),
        }
    }
    Ok(sources)
}

/// Whether the file at `path` holds summaries: a list that is no trace, of which some are lists too.
fn is_stored(path: &Path) -> bool {
    let mut first = [0];
    let read = File::open(path).and_then(|mut file| file.read(&mut first));
    read.is_ok_and(|read| read == 1) && first == *b"[" && perfagent_import::recognise(path).is_err()
}

fn summarise<'a>(
    source: &Source,
    threads: usize,
    rules: &dyn Fn() -> &'a Rules,
) -> anyhow::Result<Vec<Summary>> {
    match source {
        Source::Stored(summaries) => Ok(summaries.clone()),
        Source::Input(input) => {
            let recording = input.load(threads)?;
            Ok(vec![Summary::by(&recording, &input.name(), rules())])
        }
    }
}
