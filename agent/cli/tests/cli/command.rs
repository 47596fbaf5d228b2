//! Runs `perfagent` in a folder of its own and keeps what it said.

use std::ffi::OsStr;
use std::path::Path;

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A `perfagent` that runs in `folder`, without what the environment could change.
pub(crate) fn perfagent(folder: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("perfagent").unwrap();
    command.current_dir(folder).env("NO_COLOR", "1");
    command.env_remove("PERFAGENT_BENCH").env_remove("PERFAGENT_GUI");
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Outcome {
    outcome(perfagent(folder).args(arguments))
}

/// Runs a prepared command to its end.
pub(crate) fn outcome(command: &mut assert_cmd::Command) -> Outcome {
    let output = command.assert().get_output().clone();
    Outcome {
        code: output.status.code().expect("killed by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Outcome {
    /// The answer of a command that must succeed and have nothing to remark.
    pub(crate) fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        self.stdout
    }

    /// The message of a command that must refuse: exit 2, no answer, one line that names `place`.
    pub(crate) fn refusal(self, place: &str) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.ends_with('\n'));
        assert!(self.stderr.contains(place), "`{place}` is not in: {}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}
