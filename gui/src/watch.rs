//! A recording that is being made: a thread looks at its file, loads it again when it has grown, and at the end
//! loads the finished one.
//!
//! Nothing is looked at while nobody looks at it ([`Watch::set_shown`]), and between two loads there is a pause of
//! at least four times what a load took: however large the recording becomes, most of a processor is left to the
//! program that is recorded.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};
use rustix::fs::{FlockOperation, flock};

use crate::job;
use crate::model::document::Document;
use crate::model::live::partial::{Partial, is_partial};

/// The shortest pause between two loads.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// The pause between two loads, in times of a load.
const PAUSE_PER_LOAD: u32 = 4;

/// How long a recording that cannot be read is waited for: its recorder may be about to write its first rows.
const PATIENCE: Duration = Duration::from_secs(15);

/// What there is to tell.
pub enum News {
    /// The recording has grown.
    Grown(Box<Document>),
    /// It is complete, and this is the finished file.
    Finished(Box<Document>),
    /// The one line that says why there is no more to come.
    Ended(String),
}

/// Where the watching thread is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the recording when it was looked at last.
    pub bytes: u64,
    /// How often it was loaded.
    pub loads: u64,
    /// How long the last load took.
    pub took: Duration,
    /// Why it could not be read when it was looked at last.
    pub trouble: Option<String>,
}

/// A recording that is looked at while it grows. Dropping it ends the thread.
pub struct Watch {
    partial: Partial,
    shared: Arc<Shared>,
    news: Receiver<News>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    least_pause: Duration,
}

#[derive(Default)]
struct State {
    shown: bool,
    stopped: bool,
    /// A file of the recording's name is the recording: no older one that is about to be replaced.
    complete: bool,
    progress: Progress,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Looks at a recording that somebody makes. `ctx` is asked to repaint when there is news.
    #[must_use]
    pub fn start(partial: Partial, ctx: &egui::Context) -> Self {
        Self::begin(partial, ctx, LEAST_PAUSE, true)
    }

    /// Looks at a recording whose recorder is just being started: what stands at its place already is an older one,
    /// until [`Watch::complete`] is called.
    #[must_use]
    pub fn start_new(partial: Partial, ctx: &egui::Context) -> Self {
        Self::begin(partial, ctx, LEAST_PAUSE, false)
    }

    /// Like [`Watch::start`] with another shortest pause, for tests.
    #[must_use]
    pub fn start_every(partial: Partial, ctx: &egui::Context, least_pause: Duration) -> Self {
        Self::begin(partial, ctx, least_pause, true)
    }

    fn begin(partial: Partial, ctx: &egui::Context, least_pause: Duration, complete: bool) -> Self {
        let state = Mutex::new(State { complete, ..State::default() });
        let shared = Arc::new(Shared { state, changed: Condvar::new(), least_pause });
        // One piece of news waits at most: a window that is hidden is not loaded for again and again.
        let (sender, news) = bounded(1);
        let worker = {
            let (shared, ctx, partial) = (Arc::clone(&shared), ctx.clone(), partial.clone());
            move || watch(&partial, &shared, &sender, &ctx)
        };
        let _ = thread::Builder::new().name("watch".into()).spawn(worker);
        Self { partial, shared, news }
    }

    /// Whose it is.
    #[must_use]
    pub const fn partial(&self) -> &Partial {
        &self.partial
    }

    /// Says whether anybody looks at it: otherwise nothing is done.
    pub fn set_shown(&self, shown: bool) {
        let mut state = self.shared.state();
        if state.shown != shown {
            state.shown = shown;
            drop(state);
            self.shared.changed.notify_all();
        }
    }

    /// Says that the recorder has ended well: the recording is complete.
    pub fn complete(&self) {
        self.shared.state().complete = true;
        self.shared.changed.notify_all();
    }

    /// What is new.
    #[must_use]
    pub fn poll(&self) -> Option<News> {
        match self.news.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(News::Ended(format!(
                "{}: watching it stopped unexpectedly; open the recording when it is complete",
                self.partial.output.display()
            ))),
        }
    }

    /// Where the thread is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.shared.state().progress.clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
    }
}

/// What tells whether a recording has grown: sizes and times of its file and of its log.
type Look = [Option<(u64, Duration)>; 2];

fn look(partial: &Partial) -> Look {
    [partial.database(), partial.log()].map(|path| {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(path).ok()?;
        let changed = Duration::new(
            metadata.mtime().unsigned_abs(),
            u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
        );
        Some((metadata.len(), changed))
    })
}

fn watch(partial: &Partial, shared: &Shared, sender: &Sender<News>, ctx: &egui::Context) {
    let tell = |news: News| {
        let told = sender.send(news).is_ok();
        ctx.request_repaint();
        told
    };
    let mut seen: Option<Look> = None;
    let mut pause = Duration::ZERO;
    let mut readable = Instant::now();
    while wait(shared, pause) {
        pause = shared.least_pause;
        let now = look(partial);
        if now[0].is_none() {
            // The finished file gets its name before the folder goes.
            let complete = seen.is_some() || shared.state().complete;
            if complete && partial.output.is_file() {
                let loaded = job::load(std::slice::from_ref(&partial.output), &|_| {});
                tell(match loaded {
                    Ok(document) => News::Finished(Box::new(document)),
                    Err(message) => News::Ended(message),
                });
                return;
            }
            if seen.is_some() || (complete && readable.elapsed() > PATIENCE) {
                tell(News::Ended(missing(partial, seen.is_some())));
                return;
            }
            continue;
        }
        shared.state().progress.bytes = now.iter().flatten().map(|(bytes, _)| bytes).sum();
        if seen == Some(now) {
            if !is_at_work(partial) && look(partial) == now {
                tell(News::Ended(interrupted(partial)));
                return;
            }
            continue;
        }
        let begun = Instant::now();
        let loaded = job::load(&[partial.database()], &|_| {});
        let took = begun.elapsed();
        pause = pause.max(took * PAUSE_PER_LOAD);
        let mut state = shared.state();
        state.progress.took = took;
        match loaded {
            Ok(document) => {
                state.progress.loads += 1;
                state.progress.trouble = None;
                drop(state);
                (seen, readable) = (Some(now), Instant::now());
                if !tell(News::Grown(Box::new(document))) {
                    return;
                }
            }
            Err(message) => {
                state.progress.trouble = Some(message.clone());
                drop(state);
                ctx.request_repaint();
                if readable.elapsed() > PATIENCE {
                    tell(News::Ended(message));
                    return;
                }
            }
        }
    }
}

/// Waits so long, and as long as nobody looks. False when it is to stop.
fn wait(shared: &Shared, pause: Duration) -> bool {
    let begun = Instant::now();
    let mut state = shared.state();
    loop {
        if state.stopped {
            return false;
        }
        let left = pause.saturating_sub(begun.elapsed());
        if state.shown && left.is_zero() {
            return true;
        }
        state = if state.shown {
            shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
        } else {
            shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
        };
    }
}

/// Whether a recorder holds the lock of its folder.
#[must_use]
pub fn is_at_work(partial: &Partial) -> bool {
    let lock: Result<File, _> = OpenOptions::new().read(true).open(partial.lock());
    lock.is_ok_and(|lock| {
        flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    })
}

fn missing(partial: &Partial, was_there: bool) -> String {
    let folder = partial.folder.display();
    if was_there {
        format!(
            "{folder}: is gone, and no recording came of it; the recorder was stopped before it could write one"
        )
    } else {
        format!(
            "{}: no recording is being made there; start one with `perfagent record -o {} -- CMD`",
            partial.output.display(),
            partial.output.display()
        )
    }
}

fn interrupted(partial: &Partial) -> String {
    format!(
        "{}: the recorder does not run any more; complete the recording with `perfagent recover {} -o {}`",
        partial.folder.display(),
        partial.folder.display(),
        partial.output.display()
    )
}

/// A recording that was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub partial: Partial,
    /// A recorder is at work in it; otherwise one was interrupted.
    pub at_work: bool,
    /// Its size.
    pub bytes: u64,
}

/// The recordings that are being made in a folder, or were interrupted there, by name.
#[must_use]
pub fn find(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_partial(path) && path.is_dir())
        .collect();
    folders.sort();
    let found = folders.into_iter().map(|folder| {
        let partial = Partial::named(&folder);
        let bytes = look(&partial).iter().flatten().map(|(bytes, _)| bytes).sum();
        Found { at_work: is_at_work(&partial), partial, bytes }
    });
    found.collect()
}
