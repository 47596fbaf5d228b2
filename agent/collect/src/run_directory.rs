//! The directory that a recorder works in, beside the file that it will become.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use perfagent_spool::ProcessIdentity;
use rustix::fs::{FlockOperation, flock};

use crate::clock::Clock;
use crate::error::CollectError;

/// `RUN.perfdb.partial`: the growing recording, the rings, and what is needed to go on after a crash. Locked as long
/// as this value lives; the kernel lifts the lock with the process, however it ends.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    output: PathBuf,
    _lock: File,
}

const REMEDY: &str = "choose a writable place with -o";

impl RunDirectory {
    /// Makes the directory for a recording that will be `output`. With `force`, what an earlier recording left under
    /// either name gives way, but never to a recorder that is still at work.
    pub(crate) fn create(output: &Path, force: bool) -> Result<Self, CollectError> {
        check_output(output, force)?;
        let path = partial(output);
        // Locked before it has its name: of several ranks that were given one name, one gets it, and the others are
        // told of a recorder at work, never of an interrupted one.
        let draft = path.with_extension(format!("partial-{}", std::process::id()));
        let failed = || CollectError::io(&path, "create it", REMEDY);
        fs::create_dir(&draft).map_err(failed())?;
        let named = lock(&draft).and_then(|held| {
            take_name(&draft, &path, output, force)?;
            // Another may have finished since.
            check_output(output, force).inspect_err(|_| drop(fs::remove_dir_all(&path)))?;
            Ok(held)
        });
        if named.is_err() {
            let _ = fs::remove_dir_all(&draft);
        }
        let this = Self { _lock: named?, output: output.to_owned(), path };
        for folder in [this.spool(), this.state()] {
            fs::create_dir(&folder).map_err(CollectError::io(&folder, "create it", REMEDY))?;
        }
        Ok(this)
    }

    /// Opens the directory at `path` that an interrupted recorder left, to make `output` of it.
    pub(crate) fn open(path: &Path, output: &Path, force: bool) -> Result<Self, CollectError> {
        let not_one = |missing| CollectError::NotARunDirectory { path: path.to_owned(), missing };
        if !path.is_dir() {
            return Err(not_one("files: it is not even a directory"));
        }
        if !path.join("spool").is_dir() {
            return Err(not_one("folder `spool`"));
        }
        check_output(output, force)?;
        let this = Self { _lock: lock(path)?, path: path.to_owned(), output: output.to_owned() };
        fs::create_dir_all(this.state()).map_err(CollectError::io(path, "write to it", REMEDY))?;
        Ok(this)
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The rings of the target's processes.
    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// Definitions and checkpoints of the rings.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The recording while it grows.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("run.perfdb")
    }

    /// The facts of the run.
    pub(crate) fn session(&self) -> PathBuf {
        self.path.join("session.json")
    }

    /// Gives the finished recording its final name and removes the directory.
    pub(crate) fn finish(self) -> Result<PathBuf, CollectError> {
        let database = self.database();
        let moved = match fs::rename(&database, &self.output) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                move_across(&database, &self.output)
            }
            moved => moved,
        };
        moved.map_err(CollectError::io(
            &self.output,
            "give the finished recording this name",
            "recover it to another place with `perfagent recover`",
        ))?;
        if let Some(folder) = self.output.parent() {
            // Makes the name durable; not every file system offers it, and the file itself is synchronised.
            let _ = File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
                .and_then(|folder| folder.sync_all());
        }
        // The recording is complete; what cannot be removed is only litter.
        let _ = fs::remove_dir_all(&self.path);
        Ok(self.output)
    }

    /// Removes the directory of a run that never started.
    pub(crate) fn discard(self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A name for the recording of `command` in the current directory: the program and the time, in UTC. The ranks of a job
/// start within one second, so each has its number in it.
#[must_use]
pub fn default_output(command: &[OsString]) -> PathBuf {
    let program = command.first().map(Path::new).and_then(Path::file_name);
    let program = program.map_or_else(|| "run".into(), |name| name.to_string_lossy());
    let digits = Clock::measure().now().rfc3339().replace(['-', ':', 'Z'], "").replace('T', "-");
    let rank = ProcessIdentity::of_this_process().rank;
    let rank = rank.map_or_else(String::new, |rank| format!("-rank{rank}"));
    PathBuf::from(format!("{program}-{digits}{rank}.perfdb"))
}

/// Gives a new run directory its name, if no other has it.
fn take_name(draft: &Path, path: &Path, output: &Path, force: bool) -> Result<(), CollectError> {
    let taken = |error: &io::Error| {
        matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists)
    };
    let failed = || CollectError::io(path, "create it", REMEDY);
    match fs::rename(draft, path) {
        Err(error) if taken(&error) => {}
        renamed => return renamed.map_err(failed()),
    }
    let old = lock(path)?;
    if !force {
        return Err(CollectError::Interrupted { path: path.to_owned(), output: output.to_owned() });
    }
    fs::remove_dir_all(path).map_err(CollectError::io(path, "clear it", REMEDY))?;
    drop(old);
    fs::rename(draft, path).map_err(failed())
}

/// Copies under a name of its own first, so that the final name appears complete.
fn move_across(from: &Path, to: &Path) -> io::Result<()> {
    let copy = to.with_extension("perfdb.copying");
    fs::copy(from, &copy)
        .and_then(|_| File::open(&copy)?.sync_all())
        .and_then(|()| fs::rename(&copy, to))
        .inspect_err(|_| {
            let _ = fs::remove_file(&copy);
        })
}

fn partial(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn check_output(output: &Path, force: bool) -> Result<(), CollectError> {
    if output.is_dir() {
        return Err(CollectError::OutputIsDirectory { path: output.to_owned() });
    }
    if !force && output.symlink_metadata().is_ok() {
        return Err(CollectError::OutputExists { path: output.to_owned() });
    }
    match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(CollectError::NoSuchDirectory { path: folder.to_owned() })
        }
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, CollectError> {
    let file = path.join("lock");
    let failed = || CollectError::io(&file, "lock the run directory", REMEDY);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&file)
        .map_err(failed())?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let owner = fs::read_to_string(&file).unwrap_or_default();
            let pid = owner.trim().parse().unwrap_or(0);
            return Err(CollectError::Busy { path: path.to_owned(), pid });
        }
        Err(error) => return Err(failed()(error.into())),
    }
    lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed())?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_appears_complete_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        let run = RunDirectory::create(&output, false).unwrap();
        fs::write(run.database(), "rows").unwrap();
        assert!(!output.exists());
        assert_eq!(run.finish().unwrap(), output);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["run.perfdb"]);
    }

    #[test]
    fn a_second_recorder_is_refused_even_with_force() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        let _run = RunDirectory::create(&output, false).unwrap();
        for force in [false, true] {
            let refused = RunDirectory::create(&output, force).unwrap_err();
            let own = std::process::id();
            assert!(matches!(refused, CollectError::Busy { pid, .. } if pid == own), "{refused}");
        }
    }

    /// Four ranks with one name: some were told that an interrupted recording was there, and sometimes none got it.
    #[test]
    fn of_recorders_that_start_together_one_gets_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        let path = partial(&output);
        for _ in 0..50 {
            let drafts = ["a", "b"].map(|name| folder.path().join(name));
            let held = drafts.each_ref().map(|draft| {
                fs::create_dir(draft).unwrap();
                lock(draft).unwrap()
            });
            let taken = std::thread::scope(|scope| {
                let (path, output) = (&path, &output);
                let started = drafts
                    .each_ref()
                    .map(|draft| scope.spawn(move || take_name(draft, path, output, false)));
                started.map(|thread| thread.join().unwrap())
            });
            let [won, busy] = [true, false].map(|ok| taken.iter().find(|one| one.is_ok() == ok));
            assert!(won.is_some());
            assert!(matches!(busy, Some(Err(CollectError::Busy { .. }))), "{busy:?}");
            drop(held);
            for left in drafts.iter().chain([&path]) {
                let _ = fs::remove_dir_all(left);
            }
        }
    }

    #[test]
    fn an_interrupted_recording_is_kept_until_forced() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        drop(RunDirectory::create(&output, false).unwrap());
        let refused = RunDirectory::create(&output, false).unwrap_err();
        assert!(refused.to_string().contains("perfagent recover"), "{refused}");
        RunDirectory::create(&output, true).unwrap();
    }

    #[test]
    fn an_existing_recording_is_not_touched_without_force() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("run.perfdb");
        fs::write(&output, "old").unwrap();
        assert!(matches!(
            RunDirectory::create(&output, false),
            Err(CollectError::OutputExists { .. })
        ));
        let run = RunDirectory::create(&output, true).unwrap();
        assert_eq!(
            fs::read_to_string(&output).unwrap(),
            "old",
            "kept until the new one is complete"
        );
        run.discard();
        let inside = folder.path().join("missing/run.perfdb");
        assert!(matches!(
            RunDirectory::create(&inside, true),
            Err(CollectError::NoSuchDirectory { .. })
        ));
        let is_folder = RunDirectory::create(folder.path(), true);
        assert!(matches!(is_folder, Err(CollectError::OutputIsDirectory { .. })));
    }
}
