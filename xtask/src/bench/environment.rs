//! Programs of Python that are compared with, each with its dependencies in an environment of its own in the cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// The Python that has `packages`, installed once; `size` is told to whoever waits for it.
pub(super) fn require(name: &str, packages: &[&str], size: &str) -> Result<PathBuf> {
    let folder = shell::cache()?.join(name);
    let python = folder.join("bin/python");
    let marker = folder.join("complete");
    if !marker.is_file() {
        println!("── installing {} (once, {size})", packages.join(" and "));
        shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        shell::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(packages),
        )?;
        std::fs::write(&marker, "")
            .with_context(|| format!("{}: cannot be written", marker.display()))?;
    }
    Ok(python)
}
