//! Python packages that the tests record or read with, installed once into the cache for the machine's own Python.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// `nvtx` is recorded; `duckdb` reads exported Parquet files.
const PACKAGES: [&str; 2] = ["nvtx==0.2.17", "duckdb==1.4.2"];

/// Where they are; the folder is named for the Python, as their compiled parts fit only one version.
pub(crate) fn folder() -> Result<PathBuf> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let version = shell::read(Command::new("python3").args(["-c", version]))
        .context("the tests record Python programs; install python3 with pip")?;
    let packages = PACKAGES.join("-").replace("==", "-");
    Ok(shell::cache()?.join(format!("python-{}-{packages}", version.trim())))
}

/// Installs them unless they are there.
pub(crate) fn require() -> Result<()> {
    let folder = folder()?;
    // It gets its name when all of them are in it.
    if folder.is_dir() {
        return Ok(());
    }
    let packages = PACKAGES.join(" ");
    println!("── installing {packages} for the tests (once)");
    let staging = folder.with_extension("installing");
    let _ = std::fs::remove_dir_all(&staging);
    shell::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(&staging)
            .args(PACKAGES),
    )
    .with_context(|| {
        format!(
            "{packages} are needed once and could not be installed (is there a network?); from a machine that has one \
             bring what `python3 -m pip install --no-deps --target packages {packages}` makes to {}",
            folder.display()
        )
    })?;
    std::fs::rename(&staging, &folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))
}
