//! Loading on a thread of its own: the window stays alive, shows how far it is, and may give up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, TryRecvError, bounded};
use perfagent_import::ImportError;
use perfagent_recording::{Density, OpenError, Progress, Reader, Recording};

use crate::facts::facts;
use crate::heap;
use crate::model::alignment::Alignment;
use crate::model::build;
use crate::model::document::Document;
use crate::model::names::Names;
use crate::model::portion::Portion;

/// The shortest time between two repaints for the progress bar.
const BETWEEN_REPAINTS: Duration = Duration::from_millis(33);

/// What is read as one.
enum Input {
    /// A recording.
    Recording(PathBuf),
    /// Traces of other tools: together they are the ranks of one run.
    Traces(Vec<PathBuf>),
}

/// Sorts files and folders into recordings and traces, by their content, without reading all of it.
///
/// # Errors
/// The one line of the first that is neither.
pub fn check(paths: &[PathBuf]) -> Result<(), String> {
    inputs(paths).map(|_| ())
}

fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, String> {
    let mut inputs = Vec::new();
    let mut traces = Vec::new();
    for path in paths {
        let recordings = recordings_in(path);
        if !recordings.is_empty() {
            inputs.extend(recordings.into_iter().map(Input::Recording));
            continue;
        }
        match Reader::open(path) {
            Ok(_) => inputs.push(Input::Recording(path.clone())),
            Err(error) => {
                let folder = path.is_dir() && traces_in(path);
                let file = matches!(error, OpenError::NotSqlite { .. } | OpenError::Foreign { .. })
                    && perfagent_import::recognise(path).is_ok();
                if !(folder || file) {
                    return Err(error.to_string());
                }
                traces.push(path.clone());
            }
        }
    }
    if !traces.is_empty() {
        inputs.push(Input::Traces(traces));
    }
    Ok(inputs)
}

/// The recordings in a folder, in order of their names; none for what is not a folder.
fn recordings_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = files_in(folder)
        .filter(|path| path.extension().is_some_and(|ending| ending == "perfdb"))
        .collect();
    found.sort();
    found
}

fn traces_in(folder: &Path) -> bool {
    files_in(folder).any(|path| perfagent_import::recognise(&path).is_ok())
}

fn files_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file())
}

/// What is to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Recordings and traces.
    pub paths: Vec<PathBuf>,
    /// How their ranks are moved.
    pub alignment: Alignment,
    /// Events that may be loaded at the most; `None` for all.
    pub most_events: Option<u64>,
    /// Which part of them, where there are more.
    pub part: usize,
    /// When the events of recordings are, as far as that was counted before.
    pub counted: Vec<(PathBuf, Density)>,
}

impl Wanted {
    /// All of these files.
    #[must_use]
    pub fn all(paths: Vec<PathBuf>) -> Self {
        Self { paths, ..Self::default() }
    }
}

/// Makes the document of the recordings and traces at `paths`, telling `progress` how far it is.
///
/// # Errors
/// The one line of the first file that cannot be read.
pub fn load(paths: &[PathBuf], progress: &dyn Fn(Stage)) -> Result<Document, String> {
    load_wanted(Wanted::all(paths.to_owned()), progress, &|_| {})
}

/// The same of a part of them, with the ranks moved. `tell` gets what each recording says of itself, before its events
/// are read. Of recordings that do not fit, as much is read of each as its share of all events.
///
/// # Errors
/// The one line of the first file that cannot be read.
pub fn load_wanted(
    mut wanted: Wanted,
    progress: &dyn Fn(Stage),
    tell: &dyn Fn(Vec<String>),
) -> Result<Document, String> {
    let inputs = inputs(&wanted.paths)?;
    let share = share(&inputs, wanted.most_events)?;
    let mut portion = Portion { number: wanted.part, ..Portion::default() };
    let mut parts = Vec::with_capacity(inputs.len());
    let mut names = Names::default();
    for (file, input) in inputs.into_iter().enumerate() {
        let (path, recording) = match input {
            Input::Recording(path) => {
                let reader = Reader::open(&path).map_err(|error| error.to_string())?;
                let facts = facts(&reader).map_err(|error| error.to_string())?;
                tell(facts);
                let told = |doing| {
                    move |done: Progress| {
                        progress(Stage { file, rows: done.rows, total: done.total, doing });
                    }
                };
                let read = match share {
                    None => Recording::load(&reader, &mut told(Doing::Reading)),
                    Some(share) => {
                        let known = wanted.counted.iter().position(|(known, _)| *known == path);
                        let known = known.map(|known| wanted.counted.swap_remove(known).1);
                        // Another recording may have taken its place meanwhile.
                        let now = Recording::events_of(&reader).ok();
                        let counted = match known {
                            Some(known) if Some(known.events()) == now => Ok(known),
                            _ => Density::of(&reader, &mut told(Doing::Counting)),
                        };
                        counted.and_then(|counted| {
                            let most = (counted.events() as f64 * share).ceil() as u64;
                            let all = counted.parts(most.max(1));
                            portion.count = portion.count.max(all.len());
                            portion.events += counted.events();
                            portion.counted.push((path.clone(), counted));
                            // A shorter recording than the others is shown to its end.
                            let part = all.get(wanted.part).or(all.last()).cloned();
                            let part = part.unwrap_or_default();
                            Recording::load_within(&reader, &part, &mut told(Doing::Reading))
                        })
                    }
                };
                (path, read.map_err(|error| error.to_string())?)
            }
            Input::Traces(paths) => {
                progress(Stage { file, rows: 0, total: 0, doing: Doing::Reading });
                let recording = perfagent_import::read(&paths).map_err(|error| match error {
                    // Of a database that is neither, a recording is what was most likely meant.
                    ImportError::NotATrace { .. } => paths
                        .first()
                        .and_then(|path| Reader::open(path).err())
                        .map_or_else(|| error.to_string(), |refused| refused.to_string()),
                    other => other.to_string(),
                })?;
                (paths.into_iter().next().unwrap_or_default(), recording)
            }
        };
        progress(Stage { file, rows: 1, total: 1, doing: Doing::Ordering });
        parts.push(build::part(path, recording, file, &mut names));
    }
    let mut document = build::document(parts, names, wanted.alignment);
    if portion.count > 1 {
        portion.number = portion.number.min(portion.count - 1);
        document.summary.warnings.insert(0, portion.warning());
        document.portion = Some(portion);
    }
    heap::give_back();
    Ok(document)
}

/// Which share of the events of recordings may be loaded; `None` when all may.
fn share(inputs: &[Input], most: Option<u64>) -> Result<Option<f64>, String> {
    let Some(most) = most else { return Ok(None) };
    let mut events = 0;
    for input in inputs {
        if let Input::Recording(path) = input {
            let count = Reader::open(path).and_then(|reader| Recording::events_of(&reader));
            events += count.map_err(|error| error.to_string())?;
        }
    }
    Ok((events > most).then(|| most as f64 / events as f64))
}

/// What is done with the rows of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// They are counted by time, because not all of them fit in memory.
    Counting,
    /// They are read.
    #[default]
    Reading,
    /// They are there and are put in order.
    Ordering,
}

/// How far loading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which of the files, from 0.
    pub file: usize,
    /// Rows read of it.
    pub rows: u64,
    /// Rows in it.
    pub total: u64,
    /// What is done with them.
    pub doing: Doing,
}

#[derive(Default)]
struct Shared {
    file: AtomicUsize,
    rows: AtomicU64,
    total: AtomicU64,
    doing: AtomicU8,
    facts: Mutex<Vec<String>>,
}

/// Loading that is under way. Dropping it gives up: the thread ends when it notices, its result is
/// thrown away.
pub struct Job {
    paths: Vec<PathBuf>,
    shared: Arc<Shared>,
    result: Receiver<Result<Document, String>>,
}

/// What a job has come to.
pub enum Outcome {
    /// It is still at it.
    Running,
    /// The document is there.
    Done(Box<Document>),
    /// The one line that says why not.
    Failed(String),
}

impl Job {
    /// Starts loading. `ctx` is asked to repaint when there is something new.
    #[must_use]
    pub fn start(wanted: Wanted, ctx: &egui::Context) -> Self {
        let paths = wanted.paths.clone();
        Self::run(paths, ctx, move |progress, tell| load_wanted(wanted, progress, tell))
    }

    /// Starts `work`, which makes the document of `paths`, on a thread.
    #[must_use]
    pub fn run(
        paths: Vec<PathBuf>,
        ctx: &egui::Context,
        work: impl FnOnce(&dyn Fn(Stage), &dyn Fn(Vec<String>)) -> Result<Document, String>
        + Send
        + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let (sender, result) = bounded(1);
        let worker = {
            let (shared, ctx) = (Arc::clone(&shared), ctx.clone());
            move || {
                let painted = std::cell::Cell::new(Instant::now());
                let tell = |facts: Vec<String>| {
                    *shared.facts.lock().unwrap_or_else(PoisonError::into_inner) = facts;
                    ctx.request_repaint();
                };
                let told = |stage: Stage| {
                    shared.file.store(stage.file, Ordering::Relaxed);
                    shared.rows.store(stage.rows, Ordering::Relaxed);
                    shared.total.store(stage.total, Ordering::Relaxed);
                    shared.doing.store(stage.doing as u8, Ordering::Relaxed);
                    if painted.get().elapsed() >= BETWEEN_REPAINTS {
                        painted.set(Instant::now());
                        ctx.request_repaint();
                    }
                };
                let loaded = work(&told, &tell);
                // The receiver is gone when the user gave up: then nobody wants the result.
                let _ = sender.send(loaded);
                ctx.request_repaint();
            }
        };
        // Without a thread the channel closes at once, which is reported like a worker that died.
        let _ = thread::Builder::new().name("loader".into()).spawn(worker);
        Self { paths, shared, result }
    }

    /// What has become of it.
    #[must_use]
    pub fn poll(&self) -> Outcome {
        match self.result.try_recv() {
            Ok(Ok(document)) => Outcome::Done(Box::new(document)),
            Ok(Err(message)) => Outcome::Failed(message),
            Err(TryRecvError::Empty) => Outcome::Running,
            Err(TryRecvError::Disconnected) => Outcome::Failed(format!(
                "{}: loading stopped unexpectedly; check the file with `perfagent report`",
                self.paths.first().map_or_else(String::new, |path| path.display().to_string())
            )),
        }
    }

    /// What the recording that is being read says of itself.
    #[must_use]
    pub fn facts(&self) -> Vec<String> {
        self.shared.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file that is being read.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.paths.get(self.shared.file.load(Ordering::Relaxed)).map(PathBuf::as_path)
    }

    /// How much of all files has been read, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f32 {
        let stage = self.stage();
        let of_file = if stage.total > 0 { stage.rows as f64 / stage.total as f64 } else { 0.0 };
        ((stage.file as f64 + of_file) / self.paths.len().max(1) as f64) as f32
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage {
            file: self.shared.file.load(Ordering::Relaxed),
            rows: self.shared.rows.load(Ordering::Relaxed),
            total: self.shared.total.load(Ordering::Relaxed),
            doing: [Doing::Counting, Doing::Reading]
                .into_iter()
                .find(|&doing| doing as u8 == self.shared.doing.load(Ordering::Relaxed))
                .unwrap_or(Doing::Ordering),
        }
    }
}
