//! What git says about a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the repository that `folder` is in; none outside of one, or without git.
pub(crate) fn repository(folder: &Path) -> Option<PathBuf> {
    ask(folder, &["rev-parse", "--show-toplevel"]).map(PathBuf::from)
}

/// The commit that is checked out in `folder`, with `-dirty` behind it when files of it were changed.
pub(crate) fn commit(folder: &Path) -> Option<String> {
    ask(folder, &["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
}

/// The branch that others are merged into: what the remote calls its head, else the one that is checked out.
pub(crate) fn target_branch(folder: &Path) -> Option<String> {
    let of_remote = ask(folder, &["symbolic-ref", "--short", "refs/remotes/origin/HEAD"]);
    of_remote
        .and_then(|name| name.strip_prefix("origin/").map(str::to_owned))
        .or_else(|| ask(folder, &["symbolic-ref", "--short", "HEAD"]))
}

/// The answer of `git -C FOLDER WORDS`, in one line.
fn ask(folder: &Path, words: &[&str]) -> Option<String> {
    let answer = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let line = text.trim_end();
    (answer.status.success() && !line.is_empty()).then(|| line.to_owned())
}
