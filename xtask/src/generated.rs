//! Files that are made from the code and committed, so that they can be read without building.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// A committed file and the example program that prints it.
struct Generated {
    path: &'static str,
    package: &'static str,
    example: &'static str,
}

const FILES: &[Generated] = &[
    Generated {
        path: "agent/recording/SCHEMA.md",
        package: "perfagent-recording",
        example: "schema",
    },
    Generated { path: "agent/health/HEALTH.md", package: "perfagent-health", example: "checks" },
];

impl Generated {
    /// What the code makes now; by the program in the folder `examples` that has just been built, if there is one.
    fn fresh(&self, examples: Option<&Path>) -> Result<String> {
        if let Some(folder) = examples {
            return shell::read(
                Command::new(folder.join(self.example)).current_dir(shell::workspace()),
            );
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        shell::read(Command::new(cargo).current_dir(shell::workspace()).args([
            "run",
            "--quiet",
            "-p",
            self.package,
            "--example",
            self.example,
        ]))
    }
}

/// Writes every generated file anew.
pub(crate) fn write() -> Result<()> {
    for file in FILES {
        fs::write(shell::workspace().join(file.path), file.fresh(None)?)
            .with_context(|| format!("{}: cannot be written", file.path))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// The generated files that are no longer what the code makes, by its examples if they have been built.
pub(crate) fn stale(examples: Option<&Path>) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for file in FILES {
        let committed = fs::read_to_string(shell::workspace().join(file.path)).unwrap_or_default();
        if committed != file.fresh(examples)? {
            stale.push(format!("{}: is stale; run `cargo xtask generate`", file.path));
        }
    }
    Ok(stale)
}
