//! The folder in which recordings appear, and the figures of its newest ones.
//!
//! Each file is read once, by a child process with a deadline and the lowest priority: a recording can be large, damaged,
//! or on a server that is gone, and none of that may touch the exporter or the training beside it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use super::RunFigures;
use crate::child;
use crate::log::{Event, Level};
use crate::state::Shared;

/// How many of the newest recordings are shown.
const SHOWN: usize = 4;

/// What to look at.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// How often.
    pub interval: Duration,
    /// The program that answers with the [`RunFigures`] of the recording named behind its arguments.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may take for one recording.
    pub limit: Duration,
}

/// Which file it is and what is in it: another one under the same name has another identity.
type Identity = (u64, u64, u64, i64, i64);

/// Starts the thread that looks at the folder for as long as the process lives.
pub fn start(of: Folder, shared: Arc<Shared>) -> io::Result<()> {
    let look = move || {
        let mut known = Known::default();
        loop {
            known.look(&of, &shared);
            thread::park_timeout(of.interval);
        }
    };
    thread::Builder::new().name("recordings".to_owned()).spawn(look)?;
    Ok(())
}

/// The figures that were worked out already; `None` of what could not be read.
#[derive(Default)]
struct Known {
    figures: BTreeMap<Identity, Option<RunFigures>>,
    is_missing: bool,
}

impl Known {
    fn look(&mut self, of: &Folder, shared: &Shared) {
        let newest = match newest(&of.path) {
            Ok(newest) => {
                self.is_missing = false;
                newest
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_missing, true) {
                    let text = format!("{}: cannot be read: {error}", of.path.display());
                    shared.log(&Event::new(Level::Warn, "recordings-unreadable", text));
                }
                Vec::new()
            }
        };
        self.figures.retain(|identity, _| newest.iter().any(|(known, _)| known == identity));
        for (identity, path) in &newest {
            if self.figures.contains_key(identity) {
                continue;
            }
            let read = read(of, path);
            if let Err(said) = &read {
                let text = format!(
                    "{}: its figures cannot be had: {said}; see `perfagent report {}`",
                    path.display(),
                    path.display()
                );
                shared.log(&Event::new(Level::Warn, "recording-unreadable", text));
            }
            self.figures.insert(*identity, read.ok());
            // One that takes its time does not hold back those that are ready.
            self.publish(&newest, shared);
        }
        self.publish(&newest, shared);
    }

    fn publish(&self, newest: &[(Identity, PathBuf)], shared: &Shared) {
        let of = |(identity, _): &(Identity, PathBuf)| self.figures.get(identity).cloned();
        let known: Vec<_> = newest.iter().filter_map(of).collect();
        let unreadable = known.iter().filter(|figures| figures.is_none()).count() as u64;
        shared.change(|state| {
            state.recordings = known.into_iter().flatten().collect();
            state.recordings_unreadable = unreadable;
        });
    }
}

fn read(of: &Folder, path: &Path) -> Result<RunFigures, String> {
    let mut arguments = of.arguments.clone();
    arguments.push(path.display().to_string());
    let answer = child::answer(&of.program, &arguments, of.limit)?;
    if answer.is_empty() {
        return Err("it is no recording, or a damaged one".to_owned());
    }
    let figures: RunFigures = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(RunFigures { name, ..figures })
}

/// Finished recordings, the newest first.
fn newest(folder: &Path) -> io::Result<Vec<(Identity, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "perfdb") {
            continue;
        }
        // Gone again, or a link to nowhere.
        let Ok(data) = fs::metadata(&path) else { continue };
        if data.is_file() {
            let identity = (data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec());
            found.push((identity, path));
        }
    }
    found.sort_by_key(|((.., seconds, nanos), path)| {
        (std::cmp::Reverse((*seconds, *nanos)), path.clone())
    });
    found.truncate(SHOWN);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::{Folder, Known};
    use crate::log::{EventLog, Target};
    use crate::state::Shared;

    /// A child that counts how often it is asked, and answers with figures unless the file is empty.
    fn folder(path: &std::path::Path) -> Folder {
        let figures = r#"{"name":"x","end_unix_s":1,"duration_s":2,"ranks":1,"gpus":0,"steps":null,"each_step":[],"tokens_per_second":null,"samples_per_second":null,"mfu":null,"busy":0.5,"exposed_communication":null,"bus_bandwidth":[],"peak_memory_bytes":null,"lost":0,"job":[]}"#;
        let script = format!("echo x >> \"$0\"; test -s \"$1\" && echo '{figures}'; exit 0");
        Folder {
            path: path.join("runs"),
            interval: Duration::from_secs(1),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script, path.join("asked").display().to_string()],
            limit: Duration::from_mins(1),
        }
    }

    #[test]
    fn each_file_is_read_once_and_the_newest_are_shown() {
        let place = tempfile::tempdir().unwrap();
        let of = folder(place.path());
        let shared = Shared::new(EventLog::new(Target::None, ""));
        let mut known = Known::default();
        known.look(&of, &shared);
        assert_eq!(shared.change(|state| state.recordings.len()), 0, "there is no folder yet");
        fs::create_dir(&of.path).unwrap();
        for name in ["a.perfdb", "b.perfdb", "notes.txt", "c.perfdb.partial"] {
            fs::write(of.path.join(name), "some").unwrap();
        }
        fs::write(of.path.join("empty.perfdb"), "").unwrap();
        known.look(&of, &shared);
        known.look(&of, &shared);
        let mut names = shared.change(|state| {
            state.recordings.iter().map(|run| run.name.clone()).collect::<Vec<_>>()
        });
        names.sort();
        assert_eq!(names, ["a.perfdb", "b.perfdb"]);
        assert_eq!(shared.change(|state| state.recordings_unreadable), 1);
        let asked = || fs::read_to_string(place.path().join("asked")).unwrap().lines().count();
        assert_eq!(asked(), 3);
        fs::write(of.path.join("a.perfdb"), "something else").unwrap();
        known.look(&of, &shared);
        assert_eq!(asked(), 4, "another file under the same name is read");
        fs::remove_file(of.path.join("b.perfdb")).unwrap();
        known.look(&of, &shared);
        assert_eq!(shared.change(|state| state.recordings.len()), 1);
    }
}
