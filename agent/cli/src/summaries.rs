//! Recordings summarised one by one, several at once: memory is that of the recordings in work, not of all.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, bail, ensure};
use perfagent_analysis::{Report, Rules, Summary, merge, repeated};
use perfagent_recording::{Reader, Recording};

/// A file that a report is made of.
enum Input {
    Recording(PathBuf),
    /// A summary that was stored (`report --summary`), of one or several recordings.
    Stored(Vec<Summary>),
}

/// The summaries of these files, in their order. All are opened before the first is read, so that a wrong name in a long list
/// is told at once.
pub(crate) fn of_files(paths: &[PathBuf]) -> anyhow::Result<Vec<Summary>> {
    summarised(paths, Rules::built_in())
}

/// [`of_files`] with the rules of a file of the user's. What was summarised before was so by other rules.
pub(crate) fn by_rules(paths: &[PathBuf], rules: &Rules) -> anyhow::Result<Vec<Summary>> {
    for path in paths {
        ensure!(
            !matches!(open(path)?, Input::Stored(_)),
            "{}: is a summary, in which the kernels have their categories; give the recordings themselves with --rule-file",
            path.display()
        );
    }
    summarised(paths, rules)
}

fn summarised(paths: &[PathBuf], rules: &Rules) -> anyhow::Result<Vec<Summary>> {
    let inputs = paths.iter().map(|path| open(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(inputs.len()).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let position = done.len();
            done.push((input, summarise(input, processors.div_ceil(workers), rules)));
            if done[position].1.is_err() {
                // Nobody begins another one.
                next.store(inputs.len(), Ordering::Relaxed);
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
    done.sort_by_key(|(input, _)| inputs.iter().position(|known| std::ptr::eq(known, *input)));
    let mut all = Vec::with_capacity(inputs.len());
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

fn open(path: &Path) -> anyhow::Result<Input> {
    let mut first = [0];
    let is_stored =
        File::open(path).and_then(|mut file| file.read(&mut first)).is_ok_and(|read| read == 1)
            && first == *b"[";
    if is_stored {
        return Ok(Input::Stored(read(path)?));
    }
    Reader::open(path)?;
    Ok(Input::Recording(path.to_owned()))
}

fn summarise(input: &Input, threads: usize, rules: &Rules) -> anyhow::Result<Vec<Summary>> {
    match input {
        Input::Stored(summaries) => Ok(summaries.clone()),
        Input::Recording(path) => {
            let reader = Reader::open(path)?;
            let recording = Recording::load_on(&reader, threads, &mut |_progress| {})?;
            Ok(vec![Summary::by(&recording, &path.display().to_string(), rules)])
        }
    }
}
