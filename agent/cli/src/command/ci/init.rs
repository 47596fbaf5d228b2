//! `perfagent ci init`: the file that has GitHub or GitLab run the gate.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};

use crate::exit::Exit;
use crate::git;
use crate::output;
use crate::printer::Printer;
use crate::workflow::{Benchmarks, Provider, Workflow};

/// Write a workflow file that runs the gate on every pull or merge request
///
/// The file is complete: it checks both sides out, runs the gate on one machine, shows the result, keeps the recordings and
/// stores a history. Places that may have to be changed are marked EDIT in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  perfagent ci init --command ./bench.sh
  perfagent ci init --case 'train=python train.py --steps 30' --build 'pip install -e .' --runner self-hosted,h100
  perfagent ci init --gitlab --suite ci --build 'cargo build --release'")]
pub(crate) struct Args {
    /// For GitHub Actions [default: what the repository looks like]
    #[arg(long, conflicts_with = "gitlab")]
    github: bool,
    /// For GitLab CI
    #[arg(long)]
    gitlab: bool,
    /// Run a suite, or a suite's file in the repository, with each side's own `perfagent-bench` [default: ci]
    #[arg(long, value_name = "SUITE", conflicts_with_all = ["command", "cases"])]
    suite: Option<String>,
    /// Run this line of shell in each side's folder
    #[arg(long, value_name = "CMD", conflicts_with = "cases")]
    command: Option<String>,
    /// A benchmark and its line of shell; may be given several times
    #[arg(long = "case", value_name = "NAME=COMMAND")]
    cases: Vec<String>,
    /// Runs a side
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(4..=100))]
    runs: u32,
    /// A line of shell that puts perfagent on PATH [default: it is there]
    #[arg(long, value_name = "CMD")]
    install: Option<String>,
    /// A line of shell that builds a side in its folder
    #[arg(long, value_name = "CMD")]
    build: Option<String>,
    /// Labels of the machine, with commas between them
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    runner: Vec<String>,
    /// The branch that is kept from becoming slower [default: the remote's, else the current one]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Replace a file that exists
    #[arg(short, long)]
    force: bool,
    /// The file [default: .github/workflows/perfagent.yml or .gitlab-ci-perfagent.yml in the repository]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the file.
pub(crate) fn run(args: &Args, printer: &mut Printer) -> anyhow::Result<Exit> {
    let here = std::env::current_dir().context("the current folder cannot be told")?;
    let root = git::repository(&here).with_context(|| {
        format!(
            "{}: is in no git repository; change to the one whose pull requests are to be judged, or begin it with `git init`",
            here.display()
        )
    })?;
    let provider = match (args.github, args.gitlab) {
        (true, _) => Provider::Github,
        (_, true) => Provider::Gitlab,
        _ => guess(&root),
    };
    let branch = match &args.branch {
        Some(branch) => branch.clone(),
        None => git::target_branch(&root).with_context(|| {
            format!("{}: has no branch checked out; name one with --branch", root.display())
        })?,
    };
    let benchmarks = match (&args.suite, &args.command) {
        (_, Some(command)) => Benchmarks::Cases(vec![format!("bench={command}")]),
        (suite, None) if args.cases.is_empty() => {
            Benchmarks::Suite(suite.clone().unwrap_or_else(|| "ci".to_owned()))
        }
        _ => Benchmarks::Cases(args.cases.clone()),
    };
    let workflow = Workflow {
        provider,
        branch,
        benchmarks,
        runs: args.runs,
        runner: args.runner.clone(),
        install: args.install.clone(),
        build: args.build.clone(),
    };
    let file = args.output.clone().unwrap_or_else(|| root.join(provider.file()));
    let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
    let text = workflow.text(&name)?;
    ensure!(
        args.force || !file.exists(),
        "{}: exists; replace it with --force, or name another file with -o",
        file.display()
    );
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| {
            anyhow!("{}: cannot be made: {error}; name another file with -o", folder.display())
        })?;
    }
    output::begin(&file, "-o")?.finish_text(&text)?;
    printer.line(format!("wrote {}", file.display()))?;
    for next in next(&workflow, &name) {
        printer.line(next)?;
    }
    Ok(Exit::Success)
}

/// Whose repository it looks like.
fn guess(root: &Path) -> Provider {
    let is_gitlab = root.join(".gitlab-ci.yml").is_file() && !root.join(".github").is_dir();
    if is_gitlab { Provider::Gitlab } else { Provider::Github }
}

/// What is left to do.
fn next(workflow: &Workflow, file: &str) -> Vec<String> {
    let mut left = Vec::new();
    if workflow.install.is_none() {
        left.push(
            "- perfagent must be on the machine, or say how it gets there (--install)".to_owned(),
        );
    }
    if workflow.build.is_none() && matches!(workflow.benchmarks, Benchmarks::Suite(_)) {
        left.push("- say how perfagent-bench is built on each side (--build)".to_owned());
    }
    if workflow.provider == Provider::Gitlab {
        left.push(format!("- include it in .gitlab-ci.yml: `include: [{{local: {file}}}]`"));
    }
    left.push("- commit it, and open a pull request".to_owned());
    left
}
