//! Which commit and branch are measured, and where: what the user said, else what CI said, else what git says.

use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};

/// What a run is known by, as far as the user said.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Origin {
    /// The commit that was measured [default: `GITHUB_SHA`, `CI_COMMIT_SHA`, or what git has checked out]
    #[arg(long, value_name = "ID")]
    pub(crate) commit: Option<String>,
    /// Its branch [default: `GITHUB_HEAD_REF`, `GITHUB_REF_NAME`, `CI_COMMIT_BRANCH`, or what git has checked out]
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// The benchmarks that were run [default: what the file says, else `default`]
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// Where they ran [default: what the file says, else this host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,
}

impl Origin {
    /// The commit.
    pub(crate) fn commit(&self) -> anyhow::Result<String> {
        if let Some(commit) = &self.commit {
            return Ok(commit.clone());
        }
        variable(&["GITHUB_SHA", "CI_COMMIT_SHA"])
            .map_or_else(|| git(&["rev-parse", "--verify", "HEAD"]), Ok)
            .context("the commit that was measured is unknown; give it with --commit")
    }

    /// The branch.
    pub(crate) fn branch(&self) -> anyhow::Result<String> {
        if let Some(branch) = &self.branch {
            return Ok(branch.clone());
        }
        // Of a pull request GitHub's GITHUB_REF_NAME is `12/merge`, and its source branch has a variable of its
        // own; of a merge request GitLab has no CI_COMMIT_BRANCH.
        variable(&[
            "GITHUB_HEAD_REF",
            "GITHUB_REF_NAME",
            "CI_COMMIT_BRANCH",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
        ])
        .map_or_else(|| git(&["symbolic-ref", "--short", "HEAD"]), Ok)
        .context("the branch that was measured is unknown; give it with --branch")
    }

    /// The suite, where nothing else says it.
    pub(crate) fn suite(&self, of_file: Option<String>) -> String {
        self.suite.clone().or(of_file).unwrap_or_else(|| "default".to_owned())
    }

    /// The machine, where nothing else says it.
    pub(crate) fn machine(&self, of_file: Option<String>) -> String {
        self.machine.clone().or(of_file).unwrap_or_else(perfagent_health::host_name)
    }
}

/// The first of these variables that has a value.
fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
}

/// The line that git answers with.
fn git(arguments: &[&str]) -> anyhow::Result<String> {
    let answer = Command::new("git")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| anyhow!("git cannot be started ({error})"))?;
    let line = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    let found = answer.status.success() && !line.is_empty();
    found.then_some(line).ok_or_else(|| anyhow!("git {} says nothing", arguments[0]))
}
