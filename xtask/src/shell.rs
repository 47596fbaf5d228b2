//! Folders and child processes, with errors that say which command failed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where downloads are kept: `$XDG_CACHE_HOME/perfagent` or `~/.cache/perfagent`, never the repository.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map_or_else(
        || std::env::home_dir().map(|home| home.join(".cache")),
        |value| Some(value.into()),
    );
    let cache = base
        .context("no home directory; set XDG_CACHE_HOME to a writable folder")?
        .join("perfagent");
    std::fs::create_dir_all(&cache).with_context(|| {
        format!("{}: cannot be created; set XDG_CACHE_HOME to a writable folder", cache.display())
    })?;
    Ok(cache)
}

/// The command as one would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs a command on the caller's terminal and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = spelled(command);
    let status = command.status().with_context(|| format!("`{text}` could not be started"))?;
    if !status.success() {
        bail!("`{text}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and returns what it printed to standard output; its errors go to the terminal.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let text = spelled(command);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{text}` could not be started"))?;
    let output = child.wait_with_output().with_context(|| format!("`{text}` was lost"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{text}` printed something that is not UTF-8"))
}

/// True when `program` can be found on the PATH.
pub(crate) fn exists(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}
