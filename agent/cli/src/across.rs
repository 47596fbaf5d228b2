//! A report by several processes of one launcher: each summarises its share of the recordings, the first one merges.
//!
//! They meet in a folder that all of them see. Every process writes its summaries there under a name of the job, or why it could
//! not; rank 0 waits for all names, takes them away, and answers. So nothing is needed but the file system on which the recordings
//! are anyway.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use perfagent_analysis::Summary;
use perfagent_collect::{Place, job_of_this_process};

use crate::{output, summaries};

/// How often rank 0 looks.
const PAUSE: Duration = Duration::from_millis(50);

/// This process among those that work together.
struct Crew {
    rank: usize,
    size: usize,
    /// Names the files of this job among those of others.
    job: String,
}

impl Crew {
    /// `paths` are those that were named on the command line.
    fn of_this_process(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let place = Place::of_this_process();
        let Some((rank, size)) = place.rank.zip(place.world_size) else {
            bail!(
                "--across: this process is no rank of torchrun, mpirun or srun; start it as one, or leave --across out"
            );
        };
        let mut job = job_of_this_process().unwrap_or_else(|| "job".to_owned());
        for name in ["SLURM_STEP_ID", "MASTER_PORT"] {
            if let Ok(value) = std::env::var(name) {
                job = format!("{job} {value}");
            }
        }
        // What a job that was broken off has left behind is of no harm: a share of the same recordings is the same share.
        let mut recordings = DefaultHasher::new();
        for path in paths {
            (path, fs::metadata(path).map_or(0, |file| file.len())).hash(&mut recordings);
        }
        job = format!("{job} {:x}", recordings.finish());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Ok(Self { rank: rank as usize, size: size as usize, job: job.chars().map(plain).collect() })
    }

    fn file(&self, folder: &Path, rank: usize, ending: &str) -> PathBuf {
        folder.join(format!("perfagent-{}-{rank}-of-{}.{ending}", self.job, self.size))
    }
}

/// The summaries of all files, on rank 0; on the others `None`, once theirs are written.
pub(crate) fn summarise(
    folder: &Path,
    paths: &[PathBuf],
    patience: Duration,
) -> anyhow::Result<Option<Vec<Summary>>> {
    let crew = Crew::of_this_process(paths)?;
    fs::create_dir_all(folder).with_context(|| {
        format!("{}: cannot be created; choose another place with --across", folder.display())
    })?;
    let share: Vec<PathBuf> = paths.iter().skip(crew.rank).step_by(crew.size).cloned().collect();
    let own = summaries::of_files(&share);
    if crew.rank == 0 {
        return gather(&crew, folder, own?, patience).map(Some);
    }
    match own {
        Ok(own) => {
            output::begin(&crew.file(folder, crew.rank, "json"), "--across")?.finish_json(&own)?;
            Ok(None)
        }
        Err(error) => {
            let text = format!("{error:#}");
            output::begin(&crew.file(folder, crew.rank, "error"), "--across")?
                .finish_json(&text)?;
            Err(error)
        }
    }
}

/// Puts the shares together in the order in which the files were named.
fn gather(
    crew: &Crew,
    folder: &Path,
    own: Vec<Summary>,
    patience: Duration,
) -> anyhow::Result<Vec<Summary>> {
    let mut shares = vec![own];
    let begun = Instant::now();
    for rank in 1..crew.size {
        let (share, error) = (crew.file(folder, rank, "json"), crew.file(folder, rank, "error"));
        loop {
            if error.exists() {
                let text = fs::read_to_string(&error).unwrap_or_default();
                let text: String = serde_json::from_str(&text).unwrap_or(text);
                // Others may be waiting for nobody: what they left is of no use to anyone.
                clear(crew, folder);
                bail!("{text} (rank {rank})");
            }
            if share.exists() {
                shares.push(summaries::read(&share)?);
                break;
            }
            if begun.elapsed() > patience {
                clear(crew, folder);
                bail!(
                    "{}: rank {rank} of {} has not written its share within {} s; see what became of it, or wait longer with \
                     --patience",
                    share.display(),
                    crew.size,
                    patience.as_secs()
                );
            }
            pause();
        }
    }
    clear(crew, folder);
    let longest = shares.iter().map(Vec::len).max().unwrap_or(0);
    let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    for _ in 0..longest {
        all.extend(shares.iter_mut().filter_map(Iterator::next));
    }
    Ok(all)
}

#[expect(
    clippy::disallowed_methods,
    reason = "file systems of several machines tell nobody that a file has come"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// Takes away what this job has written.
fn clear(crew: &Crew, folder: &Path) {
    for rank in 1..crew.size {
        for ending in ["json", "error"] {
            // What is not there need not be removed, and what cannot be removed harms no other job.
            let _ = fs::remove_file(crew.file(folder, rank, ending));
        }
    }
}
