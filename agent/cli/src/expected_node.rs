//! What a node is expected to have: arguments of `perfagent health`, and the file that they name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use perfagent_health::{Expectation, Health};

use crate::output;

const HEAD: &str = "# What a node of this kind has, for perfagent health --expect FILE. Leave out what may differ.\n";

/// What the node should have.
#[derive(Debug, clap::Args)]
pub(crate) struct Expected {
    /// How many GPUs the node should have
    #[arg(long, value_name = "N")]
    expect_gpus: Option<u64>,
    /// What the node should have (GPUs, links, driver, memory, mounts, ports), in a file that --write-expect made
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write what this node has, to be expected of others like it; use it on one that is well
    #[arg(long, value_name = "FILE", conflicts_with = "expect")]
    write_expect: Option<PathBuf>,
}

impl Expected {
    /// What is expected; `--expect-gpus` goes before the file.
    pub(crate) fn read(&self) -> anyhow::Result<Expectation> {
        let mut expected = match &self.expect {
            Some(path) => read(path)?,
            None => Expectation::default(),
        };
        if self.expect_gpus.is_some() {
            expected.gpus = self.expect_gpus;
        }
        Ok(expected)
    }

    /// Writes what a node has, if that is wanted.
    pub(crate) fn write(&self, health: &Health) -> anyhow::Result<()> {
        let Some(path) = &self.write_expect else { return Ok(()) };
        let expected = Expectation::of_node(Path::new("/"), health);
        let text = toml::to_string(&expected)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        output::begin(path, "--write-expect")?.finish_text(&format!("{HEAD}{text}"))
    }
}

fn read(path: &Path) -> anyhow::Result<Expectation> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "{}: cannot be read; make it on a node that is well: perfagent health --write-expect FILE",
            path.display()
        )
    })?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        anyhow::anyhow!(
            "{}: line {line}: {}; compare with a file of perfagent health --write-expect",
            path.display(),
            error.message()
        )
    })
}
