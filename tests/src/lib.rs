//! Runs the real programs of this workspace as a user would, for the end-to-end tests.
//!
//! The programs are looked for where cargo has put this test: build the workspace first, as
//! `cargo xtask test` does.

pub mod prometheus;
pub mod slurm;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A folder of its own and the programs, for one test.
pub struct Bed {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Done {
    /// Fails the test unless the program succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn success(self) -> Self {
        assert!(self.status.success(), "{}\n{}{}", self.status, self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

impl Bed {
    /// Finds the programs and makes the folder.
    ///
    /// # Panics
    /// When the programs have not been built, or there is no temporary folder.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&["perfagent", "perfagent-bench", "perfagent-gui", "libperfagent.so"])
    }

    /// The same for a test that needs only these.
    ///
    /// # Panics
    /// When they have not been built, or there is no temporary folder.
    #[must_use]
    pub fn with(needed: &[&str]) -> Self {
        let this = std::env::current_exe().expect("the test's own path");
        // target/debug/deps/e2e-… → target/debug
        let programs = this.ancestors().nth(2).expect("a target folder").to_owned();
        for program in needed {
            assert!(
                programs.join(program).is_file(),
                "{}: not built; run the tests with `cargo xtask test`",
                programs.join(program).display()
            );
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_corpus(&folder.path().join("text"));
        Self { folder, programs }
    }

    /// A path in the test's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder with the programs and libraries of the workspace.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// A program of the workspace, to be run in the test's folder.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// A program that is not of the workspace, to be run in the test's folder.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(self.folder.path()).env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// `perfagent ARGUMENTS…`, run to its end.
    #[must_use]
    pub fn perfagent(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Done {
        finish(self.program("perfagent").args(arguments))
    }

    /// The folder with the Python packages that the tests record.
    ///
    /// # Panics
    /// When they have not been installed.
    #[must_use]
    pub fn python_packages() -> PathBuf {
        let folder = std::env::var_os("PERFAGENT_TEST_PYTHON").map(PathBuf::from);
        folder
            .filter(|folder| folder.is_dir())
            .expect("the tests' Python packages; run the tests with `cargo xtask test`")
    }

    /// The words of a small training run: `perfagent-bench gpt …` on the test's own text.
    #[must_use]
    pub fn training(&self, options: &str) -> Vec<String> {
        let program = self.programs.join("perfagent-bench").to_string_lossy().into_owned();
        let data = self.path("text").to_string_lossy().into_owned();
        let mut words = vec![program];
        words.extend(["gpt", "--quiet", "--threads", "1", "--data", &data].map(str::to_owned));
        words.extend(options.split_whitespace().map(str::to_owned));
        words
    }
}

/// Runs a command to its end and keeps what it prints.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn finish(command: &mut Command) -> Done {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let output = child.wait_with_output().expect("the program's output");
    Done {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Text to train on that is the same on every machine: sentences with some structure to learn.
fn write_corpus(folder: &Path) {
    std::fs::create_dir_all(folder).expect("the text folder");
    let subjects = ["the kernel", "a collective", "the optimizer", "each rank", "the recorder"];
    let verbs = ["waits for", "overlaps with", "launches", "measures", "explains"];
    let objects = ["the copy", "the gradient", "a bucket", "the step", "every stream"];
    let mut text = String::new();
    let mut state = 1_u32;
    for _ in 0..6000 {
        let mut pick = |words: &[&'static str; 5]| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            words[(state >> 16) as usize % 5]
        };
        let _ = writeln!(text, "{} {} {}.", pick(&subjects), pick(&verbs), pick(&objects));
    }
    std::fs::write(folder.join("corpus.txt"), text).expect("the text");
}
