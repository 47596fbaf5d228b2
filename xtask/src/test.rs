//! Everything that must hold before a change lands; what CI runs.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::bench::Itself;
use crate::cargo::{self, Cargo};
use crate::demo::Demo;
use crate::{nvrtc, python, shell, system, tidy};

/// Everything that CI runs
#[derive(clap::Args)]
pub(crate) struct Test {
    /// Only tests whose name contains this; leaves the other checks out
    filter: Option<String>,
}

impl Test {
    /// Runs the checks in the order in which they are likely to fail fast.
    pub(crate) fn run(&self) -> Result<()> {
        nvrtc::require()?;
        let cargo = cargo::linted()?;
        system::require_window_packages()?;
        system::require_launcher_packages()?;
        system::require_monitoring_packages()?;
        python::require()?;
        require_nextest(&cargo)?;
        if let Some(filter) = &self.filter {
            step("build", || cargo.run(&["build", "--workspace"]))?;
            return step("tests", || cargo.run(&["nextest", "run", "--workspace", filter]));
        }
        step("format", || cargo.run(&["fmt", "--all", "--check"]))?;
        step("spelling", spelling)?;
        step("build, with clippy", || {
            cargo.run(&["build", "--workspace", "--all-targets", "--keep-going"])
        })?;
        let examples = cargo::programs(false)?.join("examples");
        step("tidy", || tidy::run(Some(&examples)))?;
        step("tests", || cargo.run(&["nextest", "run", "--workspace", "--profile", "ci"]))?;
        step("demo at a small size", demo)?;
        step("the project's own costs", || Itself::short().with(&cargo::programs(false)?))?;
        step("documentation tests", || {
            cargo.run(&[
                "test",
                "--doc",
                "-p",
                "perfagent-recording",
                "-p",
                "perfagent-spool",
                "-p",
                "perfagent-analysis",
            ])
        })
    }
}

fn demo() -> Result<()> {
    let recording =
        std::env::temp_dir().join(format!("perfagent-demo-{}.perfdb", std::process::id()));
    let shown = Demo::small(recording.clone()).show(&cargo::programs(false)?);
    let _ = std::fs::remove_file(recording);
    shown
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("── {name}");
    let started = Instant::now();
    run()?;
    println!("── {name}: ok, {} s", started.elapsed().as_secs());
    Ok(())
}

/// nextest runs every test in a process of its own, which tests of processes need.
fn require_nextest(cargo: &Cargo) -> Result<()> {
    if shell::exists("cargo-nextest") {
        return Ok(());
    }
    println!("── installing cargo-nextest (once)");
    cargo.run(&["install", "--locked", "cargo-nextest"])
}

/// `typos` comes as a ready-made program from the Python package index.
fn spelling() -> Result<()> {
    let folder = shell::cache()?.join("typos-1.32.0");
    let program = folder.join("bin/typos");
    if !program.is_file() {
        shell::run(
            Command::new("python3")
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                ])
                .args(["--root-user-action=ignore", "--target"])
                .arg(&folder)
                .arg("typos==1.32.0"),
        )?;
    }
    shell::run(Command::new(program).current_dir(shell::workspace()))
}
