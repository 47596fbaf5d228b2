//! Starts recorders and reads what they wrote.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use perfagent_recording::{Reader, Recording, StringId};
use tempfile::TempDir;

use crate::role;

/// A folder for one run.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
}

/// How a recorder ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Stands for the library: the commands here write their rings themselves.
        std::fs::write(folder.path().join("libperfagent.so"), "no library").unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path("run.perfdb")
    }

    /// Starts a recorder of `command` in a process of its own, with standard error piped.
    pub(crate) fn start(&self, output: &Path, command: &[OsString]) -> Child {
        role::command(role::RECORDER)
            .env(role::OUTPUT, output)
            .env(role::FOLDER, self.folder.path())
            .env(role::WORDS, command.join("\u{1f}".as_ref()))
            .env("PERFAGENT_LIBRARY", self.path("libperfagent.so"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Records `command` to its end.
    pub(crate) fn record(&self, command: &[OsString]) -> Ended {
        finish(self.start(&self.output(), command))
    }

    /// Records a shell script to its end.
    pub(crate) fn shell(&self, script: &str) -> Ended {
        self.record(&words(&["sh", "-c", script]))
    }

    /// The recording.
    pub(crate) fn read(&self) -> Recording {
        read(&self.output())
    }
}

pub(crate) fn finish(mut recorder: Child) -> Ended {
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut recorder.stderr.take().unwrap(), &mut stderr).unwrap();
    Ended { code: recorder.wait().unwrap().code(), stderr }
}

pub(crate) fn read(path: &Path) -> Recording {
    Recording::load(&Reader::open(path).unwrap(), &mut |_| {}).unwrap()
}

pub(crate) fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// The command that plays a role of [`role`], as a recorder is given it.
pub(crate) fn actor(name: &str) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["env".into(), format!("{}={name}", role::ROLE).into()];
    let command: Command = role::command(name);
    words.push(command.get_program().to_owned());
    words.extend(command.get_args().map(ToOwned::to_owned));
    words
}

/// The actor's command as one word of a shell script.
pub(crate) fn actor_script(name: &str) -> String {
    actor(name).iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Waits until `done`, looking again and again.
#[expect(clippy::disallowed_methods, reason = "files of another process appear without a wake-up")]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what} did not happen in a minute");
}

pub(crate) fn text(recording: &Recording, id: StringId) -> &str {
    recording.strings.get(id)
}

/// Lost events by cause, over all processes.
pub(crate) fn lost(recording: &Recording, cause: &str) -> i64 {
    recording.losses.iter().filter(|loss| loss.cause == cause).map(|loss| loss.count).sum()
}
