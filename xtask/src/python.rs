//! Python packages that the tests record, installed once into the cache for the machine's own Python.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

const PACKAGE: &str = "nvtx==0.2.17";

/// Where they are; the folder is named for the Python, as their compiled parts fit only one version.
pub(crate) fn folder() -> Result<PathBuf> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let version = shell::read(Command::new("python3").args(["-c", version]))
        .context("the tests record Python programs; install python3 with pip")?;
    let name = format!("python-{}-{}", version.trim(), PACKAGE.replace("==", "-"));
    Ok(shell::cache()?.join(name))
}

/// Installs them unless they are there.
pub(crate) fn require() -> Result<()> {
    let folder = folder()?;
    if folder.join("nvtx").is_dir() {
        return Ok(());
    }
    println!("── installing {PACKAGE} for the tests (once)");
    let staging = folder.with_extension("installing");
    let _ = std::fs::remove_dir_all(&staging);
    shell::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(&staging)
            .arg(PACKAGE),
    )
    .with_context(|| {
        format!(
            "{PACKAGE} is needed once and could not be installed (is there a network?); from a machine that has one \
             bring what `python3 -m pip install --target nvtx {PACKAGE}` makes to {}",
            folder.display()
        )
    })?;
    std::fs::rename(&staging, &folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))
}
